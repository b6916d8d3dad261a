"""Clusters as shares, what they hold, how their number was chosen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from eobench_dash.domain.analytics import LabelRef, cross_counts
from eobench_dash.domain.clusters import NO_CLUSTER, Cluster
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.figures.clusters import choice_curve, clusters_chart, composition

CLUSTERS = [
    Cluster(0, "Forest · 1", "#2f9e6e", 60, (1, 2), "Forest", 0.9),
    Cluster(1, "Forest · 2", "#d1495b", 40),
]


@pytest.mark.parametrize("draw", ["bar", "pie", "tree"])
def test_clusters_and_what_is_in_none(draw: str) -> None:
    (trace,) = clusters_chart(CLUSTERS, noise=5, draw=draw).data
    assert [c[0] for c in trace.customdata] == [0, 1, NO_CLUSTER]
    assert "90% Forest" in trace.hovertext[0]


def test_many_clusters_end_in_one_rest() -> None:
    many = [Cluster(i, f"c{i}", "#112233", 10) for i in range(50)]
    (bar,) = clusters_chart(many, top=40).data
    assert bar.x[-1] == 100 and list(bar.customdata[-1]) == [-1]


def test_composition_is_of_each_cluster() -> None:
    labels = {7: LabelRef(7, "Forest", "#2f9e6e")}
    counts = np.array([[45, 15], [0, 40]])
    forest, none = sorted(composition(CLUSTERS, counts, [7, NO_LABEL], labels).data, key=lambda t: t.name)
    assert (forest.name, none.name) == ("Forest", "no label")
    assert list(forest.x) == [0.75, 0.0] and list(none.x) == [0.25, 1.0]
    assert [list(c) for c in none.customdata] == [[0, NO_LABEL], [1, NO_LABEL]]


def test_no_clusters_say_so() -> None:
    assert "No clusters yet" in composition([], np.zeros((0, 0), np.int64), [], {}).layout.annotations[0].text
    assert "No clusters yet" in clusters_chart([]).layout.annotations[0].text


def test_the_chosen_number_is_marked() -> None:
    (line,) = choice_curve([(2, 10.0), (3, 7.5), (4, 8.0)], chosen=3, of="bic").data
    assert list(line.x) == [2, 3, 4] and line.marker.size[1] > line.marker.size[0]
    assert "BIC" in line.hovertemplate


codes = arrays.arrays(np.uint16, st.integers(0, 60), elements=st.sampled_from([0, 1, 2, 9, NO_LABEL]))


@given(codes, st.randoms(use_true_random=False))
def test_cross_counts_against_counting_by_hand(rows: np.ndarray, random: object) -> None:
    columns = rows.copy()
    random.shuffle(columns)  # type: ignore[attr-defined]
    counts, names = cross_counts(rows, columns, row_codes=[2, 0])
    assert counts.shape == (2, len(names))
    for i, row in enumerate([2, 0]):
        for j, column in enumerate(names):
            assert counts[i, j] == np.sum((rows == row) & (columns == column))
    assert counts.sum() == np.isin(rows, [0, 2]).sum()
