"""Trust per point: by definition where it can be counted out, and its mean is the map's score."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_digits

from eobench_dash.errors import BadInput, JobCancelled
from eobench_dash.ml.embedding.honesty import point_quality
from eobench_dash.ml.embedding.quality import knn_preservation, trustworthiness
from eobench_dash.ml.embedding.start import principal_plane
from eobench_dash.ml.neighbours import knn_graph

K = 15


@pytest.fixture(scope="module")
def digits():
    x = load_digits().data
    return (x + np.random.default_rng(0).normal(scale=1e-3, size=x.shape)).astype(np.float32)  # no ties


@pytest.fixture(scope="module")
def plane(digits):
    return principal_plane(digits, seed=0)


def by_definition(x, y, k):
    """Both numbers of every point, from full tables of distances."""
    tables = [np.linalg.norm(t[:, None].astype(float) - t[None], axis=2) for t in (x, y)]
    for table in tables:
        np.fill_diagonal(table, np.inf)
    rank = np.argsort(np.argsort(tables[0], axis=1), axis=1) + 1
    shown, near = (np.argsort(table, axis=1)[:, :k] for table in (tables[1], tables[0]))
    penalty = np.maximum(np.take_along_axis(rank, shown, axis=1) - k, 0).sum(axis=1)
    n = len(x)
    kept = [len(set(a) & set(b)) / k for a, b in zip(shown.tolist(), near.tolist(), strict=True)]
    return 1 - 2 / (k * (2 * n - 3 * k - 1)) * penalty, np.array(kept)


@pytest.mark.parametrize(("k", "held"), [(1, 1), (5, 20), (15, 15), (15, 90)])
def test_each_point_by_definition(digits, plane, k, held):
    x, y = digits[:700], plane[:700]
    found = point_quality(x, knn_graph(x, k=held), y, k=k)
    trust, kept = by_definition(x, y, k)
    np.testing.assert_allclose(found.trustworthiness, trust, atol=1e-6)
    np.testing.assert_allclose(found.kept, kept, atol=1e-6)


def test_the_means_are_the_scores_of_the_map(digits, plane):
    found = point_quality(digits, knn_graph(digits, k=90), plane)
    assert found.trustworthiness.mean() == pytest.approx(trustworthiness(digits, plane), abs=1e-6)
    assert found.kept.mean() == pytest.approx(knn_preservation(digits, plane), abs=1e-6)


def test_ranks_from_a_sample_are_close_and_not_biased(digits, plane):
    graph = knn_graph(digits, k=30)
    exact = point_quality(digits, graph, plane).trustworthiness
    some = point_quality(digits, graph, plane, sample=400, seed=3).trustworthiness
    assert not np.array_equal(exact, some)
    assert some.mean() == pytest.approx(exact.mean(), abs=0.004)
    assert np.abs(some - exact).mean() < 0.01
    np.testing.assert_array_equal(some, point_quality(digits, graph, plane, sample=400, seed=3).trustworthiness)


def test_a_point_among_strangers_is_found_out():
    rng = np.random.default_rng(0)
    x = np.repeat(np.eye(2, 10) * 9, 400, axis=0) + rng.normal(size=(800, 10))
    y = x[:, :2].copy()
    y[:5] = y[400] + rng.normal(scale=0.1, size=(5, 2))
    trust = point_quality(x, knn_graph(x, k=90), y).trustworthiness
    assert trust[:5].max() < 0.6 < np.median(trust)


@settings(deadline=None, max_examples=40)
@given(hnp.arrays(np.float32, (40, 2), elements=st.sampled_from([0, 1, 2, 3.5])), st.integers(1, 19))
def test_equal_places_stay_in_range(y, k):
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    found = point_quality(x, knn_graph(x, k=k), y, k=k, sample=11)
    for values in (found.trustworthiness, found.kept):
        assert values.shape == (40,) and values.dtype == np.float32
        assert (values >= 0).all() and (values <= 1).all()


def test_a_perfect_map():
    y = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    found = point_quality(y, knn_graph(y, k=20), y, k=K)
    assert (found.trustworthiness == 1).all() and (found.kept == 1).all()


def test_nonsense_is_refused_and_work_may_be_cancelled(digits, plane):
    graph = knn_graph(digits, k=K)
    with pytest.raises(BadInput, match="the features 1700"):
        point_quality(digits[:1700], graph, plane)
    with pytest.raises(BadInput, match="more than 30"):
        point_quality(digits[:30], knn_graph(digits[:30], k=K), plane[:30])
    with pytest.raises(BadInput, match="k=20"):
        point_quality(digits, graph, plane, k=20)
    told = []
    point_quality(digits, graph, plane, progress=lambda fraction, message: told.append(fraction))
    assert told == sorted(told) and told[-1] == 1.0

    def stop(fraction, message):
        raise JobCancelled("stop")

    with pytest.raises(JobCancelled):
        point_quality(digits, graph, plane, progress=stop)
