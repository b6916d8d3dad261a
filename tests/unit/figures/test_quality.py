"""Scores per class, and moves of labels."""

import json
from dataclasses import replace

import numpy as np
import pytest

from eobench_dash.domain.labels import LabelInfo
from eobench_dash.domain.quality import PerClass
from eobench_dash.domain.report import Move
from eobench_dash.figures.quality import changes_flow, class_values, per_class
from eobench_dash.ml import metrics

LABELS = {i: LabelInfo(i, name, "#112233") for i, name in enumerate(["River", "Lake", "Sea"])}
TRUE = [0] * 10 + [1] * 10 + [2] * 4
SCORES = metrics.classification_scores(metrics.confusion_matrix(np.array(TRUE), np.array([0] * 7 + [1] * 13 + [2] * 4)))


def trace(figure, name: str):
    return next(t for t in figure.data if t.name == name)


def test_weakest_label_is_on_top() -> None:
    figure = per_class(SCORES, LABELS)
    f1 = trace(figure, "F1")
    assert list(f1.x) == sorted(f1.x) and f1.y[-1] == "Sea"
    river = list(f1.y).index("River")
    assert trace(figure, "recall").x[river] == pytest.approx(0.7)
    assert trace(figure, "precision").x[river] == 1.0
    assert list(f1.customdata[river]) == [0]
    assert figure.layout.yaxis.autorange == "reversed"


def test_undefined_scores_are_gaps_not_nan() -> None:
    lost = replace(SCORES, precision=np.array([np.nan, 0.5, 1]), f1=np.array([np.nan, 0.5, 1]))
    figure = per_class(lost, LABELS)
    assert None in trace(figure, "F1").x and trace(figure, "F1").y[-1] == "River"
    json.dumps(figure.to_plotly_json(), allow_nan=False)


def test_class_values_mark_negative_ones() -> None:
    measure = PerClass(
        "Silhouette", 0.2, np.array([0, 1, 2]), np.array([0.5, -0.2, np.nan]), np.array([3, 3, 1]), 7, ""
    )
    figure = class_values(measure, LABELS)
    (bars,) = figure.data
    assert list(bars.x) == [-0.2, 0.5, None] and bars.marker.color[0] != bars.marker.color[1]
    assert figure.layout.xaxis.range[0] < -0.2 and figure.layout.shapes[0].x0 == 0.2


def test_flow_largest_first_and_the_rest_in_words() -> None:
    moves = [Move("River", "Lake", 5), Move(None, "Sea", 9), Move("Sea", "Sea", 100), Move("Lake", None, 1)]
    figure = changes_flow(moves, {"River": "#ff0000"}, top=2)
    link = figure.data[0].link
    assert list(link.value) == [9, 5]
    assert list(figure.data[0].node.label) == ["no label", "River", "Sea", "Lake"]
    assert link.color[1] == "rgba(255,0,0,0.35)"
    assert "1 patches in 1 smaller moves" in figure.layout.annotations[0].text


def test_label_on_both_sides_is_two_nodes() -> None:
    link = changes_flow([Move("A", "B", 1), Move("B", "A", 1)], {}).data[0].link
    assert all(s != t for s, t in zip(link.source, link.target, strict=True)) and max(link.target) == 3


def test_no_moves() -> None:
    assert "No label has changed" in changes_flow([], {}).layout.annotations[0].text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ground_is_transparent_and_values_are_plain(theme: str) -> None:
    figure = per_class(SCORES, LABELS, theme=theme)
    assert figure.layout.template.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert isinstance(figure.to_plotly_json()["data"][1]["customdata"], list)
