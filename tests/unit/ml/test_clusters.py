"""Clusters: that each method finds what is there, keeps its promises of order and seed, and says what is wrong."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from structured import blobs

from eobench_dash.domain.clusters import NO_CLUSTER, ClusterMethod, name_clusters
from eobench_dash.errors import BadInput, JobCancelled
from eobench_dash.ml import clusters as ml
from eobench_dash.ml.clusters import choose, space

KMEANS, GMM, HDBSCAN = ClusterMethod.KMEANS, ClusterMethod.GMM, ClusterMethod.HDBSCAN


@pytest.mark.parametrize(
    ("method", "asked"), [(KMEANS, {"k": 3}), (KMEANS, {}), (GMM, {"k": 3}), (GMM, {}), (HDBSCAN, {"min_size": 15})]
)
def test_three_clouds_are_found_largest_first(method, asked) -> None:
    x, truth = blobs((60, 150, 100))
    found = ml.cluster(x, method=method, **asked)
    known = found.codes != NO_CLUSTER
    assert known.mean() > 0.8 and (method is HDBSCAN or known.all())
    assert adjusted_rand_score(truth[known], found.codes[known]) == 1.0
    assert found.sizes == tuple(np.bincount(found.codes[known])) == tuple(sorted(found.sizes, reverse=True))
    assert set(truth[found.codes == 0]) == {1}
    assert found.silhouette > 0.5 and found.stability > 0.9
    if asked == {}:
        best = min if method is GMM else max
        assert best(found.curve, key=lambda point: point[1])[0] == 3
        assert found.curve_of == ("bic" if method is GMM else "silhouette")


def test_the_typical_patches_lie_in_the_middle_of_their_cluster() -> None:
    x, _ = blobs((80, 50))
    found = ml.cluster(x, method=GMM, k=2)
    for code, rows in enumerate(found.typical):
        members = np.flatnonzero(found.codes == code)
        assert len(rows) == 6 and set(rows) <= set(members.tolist())
        distance = np.linalg.norm(x - x[members].mean(axis=0), axis=1)
        assert distance[list(rows)].mean() < np.median(distance[members])


@pytest.mark.parametrize("method", [KMEANS, GMM, HDBSCAN])
def test_equal_seeds_give_equal_clusters(method) -> None:
    x = np.random.default_rng(3).normal(size=(300, 6)).astype(np.float32)
    x[:150] += 2.5
    asked = {"min_size": 20} if method is HDBSCAN else {"k": 4}
    first, second = (ml.cluster(x, method=method, seed=7, **asked) for _ in range(2))
    np.testing.assert_array_equal(first.codes, second.codes)
    assert first.stability == second.stability and first.typical == second.typical


@pytest.mark.parametrize(("method", "asked"), [(KMEANS, {"k": 2}), (GMM, {"k": 2}), (HDBSCAN, {"min_size": 60})])
def test_patches_beyond_the_fitted_sample_are_assigned(method, asked, monkeypatch) -> None:
    monkeypatch.setattr(ml, "FIT_ROWS", 200)
    x, truth = blobs((400, 300))
    found = ml.cluster(x, method=method, **asked)
    known = found.codes != NO_CLUSTER
    assert found.fitted == 200 and known.mean() > 0.7
    assert adjusted_rand_score(truth[known], found.codes[known]) == 1.0
    assert "Fitted on 200 patches" in found.notes[0]


def test_a_mixture_is_blind_to_stretching() -> None:
    x, truth = blobs((100, 100), dim=4, apart=6.0)
    found = ml.cluster(x * np.array([1, 100, 0.01, 5], np.float32), method=GMM, k=2)
    assert adjusted_rand_score(truth, found.codes) == 1.0


def test_one_cloud_is_one_cluster_by_bic() -> None:
    found = ml.cluster(np.random.default_rng(0).normal(size=(300, 5)), method=GMM)
    assert found.sizes == (300,) and found.silhouette is None and found.stability is None
    assert any("no clusters were found" in note for note in found.notes)


def test_axes_are_no_more_than_the_patches_bear() -> None:
    x = np.random.default_rng(0).normal(size=(250, 40))
    axes = space.principal_axes(x, components=15, rng=np.random.default_rng(0))
    z = axes.apply(x)
    assert z.shape == (250, 5)
    np.testing.assert_allclose(np.cov(z.T), np.diag(axes.deviation), atol=1e-6)
    assert 0 < axes.share < 1


@pytest.mark.parametrize(
    ("x", "asked", "sentence"),
    [
        (np.zeros((10, 3)), {}, "at least 20 patches"),
        (np.ones((50, 3)), {}, "same features"),
        (np.random.default_rng(0).normal(size=(40, 3)), {"k": 9}, "too small to mean anything"),
        (np.full((50, 3), np.nan), {}, "NaN"),
    ],
)
def test_what_cannot_be_clustered_is_said(x, asked, sentence) -> None:
    with pytest.raises(BadInput, match=sentence):
        ml.cluster(x, method=GMM, **asked)


def test_a_cancel_goes_through() -> None:
    def stop(fraction: float, message: str) -> None:
        if fraction > 0.5:
            raise JobCancelled("stop")

    with pytest.raises(JobCancelled):
        ml.cluster(blobs((100, 100))[0], method=GMM, progress=stop)


def test_assigning_in_blocks_is_assigning_at_once(monkeypatch) -> None:
    x, _ = blobs((70, 60))
    model = choose.fit(x.astype(float), method=KMEANS, k=2, seed=0)
    monkeypatch.setattr(choose, "_BLOCK", 13)
    np.testing.assert_array_equal(choose.assign(model, x.astype(float)), model.labels_)


def test_names() -> None:
    assert name_clusters([[("Forest", 1.0)], [("Forest", 1.0)]], group="Forest") == ["Forest · 1", "Forest · 2"]
    held = [[("River", 0.9), ("Sea", 0.1)], [("River", 0.5), ("Sea", 0.4)], [("River", 0.7)], [(None, 1.0)]]
    assert name_clusters(held, group=None) == ["River · 1", "River + Sea · 1", "River · 2", "Unlabelled · 1"]
