"""UMAP's start where the neighbour graph falls apart: each group unfolded, in a place of its own."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from eobench_dash.ml.embedding import embed
from eobench_dash.ml.embedding.fuzzy import fuzzy_set
from eobench_dash.ml.embedding.groups import _side_by_side, unfolded
from eobench_dash.ml.embedding.start import principal_plane
from eobench_dash.ml.neighbours import knn_graph


def spirals(count, per=300):
    """Groups of points along spirals in planes of their own, on top of one another in the principal plane."""
    rng = np.random.default_rng(0)
    along = np.sort(rng.uniform(3, 12, size=(count, per)), axis=1)
    flat = np.stack([along * np.cos(along), along * np.sin(along)], axis=2)
    x = np.zeros((count, per, 6))
    x[:, :, :2] = flat
    for group in range(count):
        x[group, :, 2 + group % 4] = 30 * (group // 4 + 1)
    return x.reshape(-1, 6).astype(np.float32), along.ravel(), np.repeat(np.arange(count), per)


@pytest.fixture(scope="module")
def three():
    x, along, group = spirals(3)
    return x, along, group, fuzzy_set(knn_graph(x, k=14), 15), principal_plane(x, seed=0)


def test_each_group_is_unfolded_in_its_own_place(three):
    _, along, group, links, plane = three
    start, several = unfolded(plane, links, seed=0)
    assert several and start.shape == plane.shape and start.dtype == np.float32
    middles = np.array([start[group == g].mean(axis=0) for g in range(3)])
    for g in range(3):
        mine = group == g
        ranks = [np.argsort(np.argsort(values[mine])) for values in (along, start[:, 0])]
        assert abs(np.corrcoef(*ranks)[0, 1]) > 0.99  # along the spiral is along the first axis; the plane folds it
        assert (np.linalg.norm(start[mine][:, None] - middles, axis=2).argmin(axis=1) == g).all()
    np.testing.assert_array_equal(start, unfolded(plane, links, seed=0)[0])


def test_one_group_is_unfolded_too_unless_it_is_too_large(three, monkeypatch):
    x, along, *_ = three
    one = fuzzy_set(knn_graph(x[:300], k=14), 15)
    plane = principal_plane(x[:300], seed=0)
    start, several = unfolded(plane, one, seed=0)
    assert not several and abs(np.corrcoef(np.argsort(along[:300]), np.argsort(start[:, 0]))[0, 1]) > 0.99
    monkeypatch.setattr("eobench_dash.ml.embedding.groups.LARGEST", 100)
    assert unfolded(plane, one, seed=0) == (plane, False)


def test_strips_stay_in_one_piece():
    """Twelve groups of curved strips: links much longer than most are where a strip was torn."""
    rng = np.random.default_rng(0)
    strips = [
        np.sin(rng.uniform(0, 1, (150, 2)) @ ([[6], [1]] * rng.normal(size=(2, 30))) + rng.uniform(0, 6, 30))
        + rng.normal(size=30) * 4
        for _ in range(12)
    ]
    x = np.vstack(strips).astype(np.float32)
    graph = knn_graph(x, k=14)
    links = fuzzy_set(graph, 15).tocoo()
    y = embed(x, method="umap", graph=graph, seed=0, params={"epochs": 300})
    length = np.linalg.norm(y[links.row] - y[links.col], axis=1)
    torn = links.data[length > 5 * np.median(length)].sum() / links.data.sum()
    assert torn < 0.024  # 0.016; with full steps 0.032


def test_crumbs_and_large_groups_get_by(three, monkeypatch):
    *_, links, plane = three
    for name, value in (("LARGEST", 100), ("DENSE", 100), ("MOST", 1), ("SMALLEST", 1000)):
        with monkeypatch.context() as patch:
            patch.setattr(f"eobench_dash.ml.embedding.groups.{name}", value)
            start, _ = unfolded(plane, links, seed=0)
            assert start.shape == plane.shape and np.isfinite(start).all()
    alone, _ = unfolded(plane, csr_array((len(plane), len(plane)), dtype=np.float32), seed=0)  # each for itself
    np.testing.assert_array_equal(alone, plane)


def test_discs_end_side_by_side():
    rng = np.random.default_rng(0)
    radii = rng.uniform(0.05, 0.3, size=30)
    placed = _side_by_side(rng.normal(scale=0.3, size=(30, 2)), radii, rng)
    distance = np.linalg.norm(placed[:, None] - placed, axis=2) + np.eye(30)
    assert ((radii[:, None] + radii - distance) < 0.1 * radii.min()).all()


def test_every_step_before_the_layout_may_be_cancelled() -> None:
    """At a million patches each takes seconds: none of them may be silent."""
    x = np.random.default_rng(0).normal(size=(1200, 4)).astype(np.float32)
    graph = knn_graph(x, k=14)
    plane, links = principal_plane(x, seed=0), fuzzy_set(graph, 15)

    def stop(done: float) -> None:
        assert 0 <= done <= 1
        raise InterruptedError

    for step in (
        lambda: fuzzy_set(graph, 15, pace=stop),
        lambda: principal_plane(x, seed=0, pace=stop),
        lambda: unfolded(plane, links, seed=0, pace=stop),
    ):
        with pytest.raises(InterruptedError):
            step()
    told: list[float] = []
    again = fuzzy_set(graph, 15, pace=told.append)
    assert abs(again - links).max() == 0 and told == sorted(told) and told[-1] <= 1
