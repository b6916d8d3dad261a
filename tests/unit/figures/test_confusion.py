"""The confusion matrix as a figure, and the lists read off it."""

import numpy as np
import pytest

from eobench_dash.domain.labels import LabelInfo
from eobench_dash.domain.quality import Confusion
from eobench_dash.domain.report import most_confused, top_confusions
from eobench_dash.figures.confusion import MAX_CLASSES, MAX_WRITTEN, confusion_matrix


def matrix(counts: list[list[int]], codes: list[int] | None = None) -> Confusion:
    table = np.array(counts, dtype=np.int64)
    return Confusion(codes=np.array(codes if codes is not None else range(len(table)), dtype=np.int64), counts=table)


LABELS = {i: LabelInfo(i, name, "#112233") for i, name in enumerate(["River", "Lake", "Sea"])}
THREE = matrix([[8, 2, 0], [1, 4, 0], [0, 0, 6]])


def test_colour_is_the_share_of_the_row() -> None:
    (heat,) = confusion_matrix(THREE, LABELS).data
    assert np.array_equal(heat.z, [[0.8, 0.2, 0], [0.2, 0.8, 0], [0, 0, 1]])
    assert list(heat.customdata[0][1]) == [0, 1]
    assert "2 patches" in heat.hovertext[0][1] and "20.0%" in heat.hovertext[0][1] and "33.3%" in heat.hovertext[0][1]


def test_counts_are_written_where_there_are_any() -> None:
    figure = confusion_matrix(THREE, LABELS)
    assert sorted(a.text for a in figure.layout.annotations) == ["1", "2", "4", "6", "8"]
    many = matrix(np.ones((MAX_WRITTEN + 1,) * 2, int).tolist())
    assert not confusion_matrix(many, {}).layout.annotations


def test_order_arranges_both_sides() -> None:
    (heat,) = confusion_matrix(THREE, LABELS, order=[2, 0, 1]).data
    assert list(heat.x) == ["Sea", "River", "Lake"] == list(heat.y)
    assert list(heat.z[1]) == [0.0, 0.8, 0.2]


def test_too_many_classes_show_the_most_confused_with_shares_of_the_whole_row() -> None:
    k = MAX_CLASSES + 10
    counts = np.eye(k, dtype=int) * 10
    counts[3, 4] = 5
    counts[0, k - 1] = 1
    figure = confusion_matrix(matrix(counts.tolist()), {})
    (heat,) = figure.data
    assert len(heat.x) == MAX_CLASSES and "label 3" in heat.x and "label 4" in heat.x
    row = list(heat.y).index("label 3")
    assert sum(heat.z[row]) == pytest.approx(1.0)


def test_top_confusions() -> None:
    pairs = top_confusions(THREE)
    assert [(p.reference, p.predicted, p.count, p.share) for p in pairs] == [(0, 1, 2, 0.2), (1, 0, 1, 0.2)]
    assert top_confusions(matrix([[4, 0], [0, 3]])) == []
    assert len(top_confusions(matrix(np.ones((9, 9), int).tolist()), limit=5)) == 5


def test_most_confused_keeps_the_order() -> None:
    kept = most_confused(matrix([[5, 0, 1], [0, 9, 0], [2, 0, 5]], codes=[10, 20, 30]), limit=2)
    assert kept.codes.tolist() == [10, 30] and kept.counts.tolist() == [[5, 1], [2, 5]]


def test_empty_matrix() -> None:
    empty = Confusion(np.zeros(0, np.int64), np.zeros((0, 0), np.int64))
    assert not confusion_matrix(empty, {}).data
