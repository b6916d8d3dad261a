"""Maps: UMAP's graph equals the reference's, the layouts keep neighbours, seeds hold, small and odd data work."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits

from eobench_dash.errors import BadInput, JobCancelled
from eobench_dash.ml.embedding import METHODS, check_params, embed
from eobench_dash.ml.embedding.affinities import affinities, conditional
from eobench_dash.ml.embedding.fuzzy import curve, fuzzy_set, strengths
from eobench_dash.ml.embedding.links import symmetric
from eobench_dash.ml.embedding.quality import knn_preservation, trustworthiness
from eobench_dash.ml.embedding.repulsion import Grid, all_pairs, gather, spread_on
from eobench_dash.ml.embedding.start import principal_plane
from eobench_dash.ml.embedding.umap import _gradient_tables
from eobench_dash.ml.neighbours import KnnGraph, knn_graph

FEW = {"umap": {"epochs": 20}, "tsne": {"exaggerated_iterations": 10, "iterations": 20}}


@pytest.fixture(scope="module")
def digits():
    return load_digits().data.astype(np.float32)


@pytest.fixture(scope="module")
def graph(digits):
    return knn_graph(digits, k=90)


@pytest.fixture(scope="module")
def reference():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap.umap_ as reference
    return reference


# --- UMAP's graph against umap-learn --------------------------------------------------------------


@pytest.mark.parametrize("n_neighbors", [2, 5, 15, 60])
def test_fuzzy_set_equals_umap_learn(digits, graph, reference, n_neighbors):
    x = digits.copy()
    x[100:130] = x[100]  # more duplicates than neighbours: no distance above zero in some rows
    mine = knn_graph(x, k=90)
    own, zero = np.arange(len(x), dtype=np.int32)[:, None], np.zeros((len(x), 1), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, _, _ = reference.fuzzy_simplicial_set(
            x, n_neighbors, np.random.RandomState(0), "euclidean",
            knn_indices=np.hstack([own, mine.indices[:, : n_neighbors - 1]]),
            knn_dists=np.hstack([zero, mine.distances[:, : n_neighbors - 1]]),
        )  # fmt: skip
    assert abs(fuzzy_set(mine, n_neighbors) - theirs).max() < 2e-4


@pytest.mark.parametrize(("min_dist", "spread"), [(0.1, 1.0), (0.0, 1.0), (0.5, 1.0), (0.25, 2.0)])
def test_curve_equals_umap_learn(reference, min_dist, spread):
    np.testing.assert_allclose(curve(min_dist, spread), reference.find_ab_params(spread, min_dist), rtol=1e-6)


def test_strengths_of_a_row_sum_to_the_logarithm():
    distances = np.sort(np.random.default_rng(0).gamma(4, size=(200, 14)), axis=1).astype(np.float32)
    values = strengths(distances, 15)
    np.testing.assert_allclose(values.sum(axis=1), np.log2(15), atol=1e-4)
    assert (values[:, 0] == 1).all() and (np.diff(values, axis=1) <= 0).all()


@pytest.mark.parametrize(("a", "b"), [(1.5769, 0.8951), (1.93, 0.79), (0.5, 1.2)])
def test_tabled_gradients_are_close(a, b):
    pull, pull_slope, push, push_slope = _gradient_tables(a, b).astype(np.float64)
    d2 = np.exp(np.random.default_rng(0).uniform(np.log(2.0**-23), np.log(2.0**23), 5000)).astype(np.float32)
    k = (d2.view(np.int32) - (103 << 23)) >> 18
    power = d2.astype(np.float64) ** b
    np.testing.assert_allclose(pull[k] + pull_slope[k] * d2, -2 * a * b * power / (d2 * (1 + a * power)), rtol=1e-3)
    np.testing.assert_allclose(push[k] + push_slope[k] * d2, 2 * b / ((0.001 + d2) * (1 + a * power)), rtol=1e-3)


# --- t-SNE's parts by definition ------------------------------------------------------------------


@pytest.mark.parametrize("perplexity", [2.0, 10.0, 30.0])
def test_affinities_have_the_perplexity(graph, perplexity):
    p = conditional(graph.head(int(3 * perplexity)).distances, perplexity)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1)
    np.testing.assert_allclose(np.exp(entropy), perplexity, rtol=1e-4)


def test_affinities_equal_opentsne(digits, graph):
    from openTSNE.affinity import joint_probabilities_nn

    theirs = joint_probabilities_nn(graph.indices.astype(np.int64), graph.distances.astype(np.float64), [30.0])
    mine = affinities(graph, 30.0)
    assert abs(mine - theirs).max() < 1e-4 * mine.max()
    assert mine.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("overlap", [0.0, 1.0])
def test_links_are_merged_with_their_mirrors(overlap):
    rng = np.random.default_rng(0)
    indices = np.array([rng.permutation(np.delete(np.arange(40), i))[:6] for i in range(40)], dtype=np.int32)
    values = rng.uniform(0.1, 1, size=indices.shape).astype(np.float32)
    a = np.zeros((40, 40))
    np.put_along_axis(a, indices, values, axis=1)
    merged = symmetric(indices, values, overlap=overlap)
    np.testing.assert_allclose(merged.toarray(), a + a.T - overlap * a * a.T, rtol=1e-6)
    assert merged.has_sorted_indices and merged.nnz == np.count_nonzero(a + a.T) and merged.dtype == np.float32


def repulsion_by_definition(y):
    """Z (i != j) and sum_j (y_i - y_j) / (1 + d^2)^2, in double precision."""
    difference = y[:, None].astype(np.float64) - y[None]
    closeness = 1.0 / (1.0 + np.square(difference).sum(axis=2))
    return closeness.sum() - len(y), (difference * np.square(closeness)[..., None]).sum(axis=1)


@pytest.mark.parametrize("span", [1e-4, 0.3, 5.0, 40.0, 300.0])
def test_grid_repulsion_is_the_sum_over_all_pairs(span):
    y = (np.random.default_rng(0).normal(size=(800, 2)) * span / 6).astype(np.float32)
    grid, out = Grid(30_000), np.empty((len(y), 3), np.float32)
    charges, corner = spread_on(grid, y)
    gather(0, len(y), y, corner, np.float32(1 / grid.spacing), grid.potentials(charges), out)
    z, forces = repulsion_by_definition(y)
    assert out[:, 0].sum() - len(y) == pytest.approx(z, rel=0.005, abs=0.02 * len(y))
    error = np.linalg.norm(out[:, 1:] - forces, axis=1)
    assert np.median(error) < 0.03 * np.linalg.norm(forces, axis=1).mean() + 1e-6
    all_pairs(0, len(y), y, out)
    assert out[:, 0].sum() - len(y) == pytest.approx(z, rel=1e-4)
    np.testing.assert_allclose(out[:, 1:], forces, atol=1e-4 * np.abs(forces).max())


def test_one_grid_serves_a_growing_map():
    grid = Grid(30_000)
    grid.fit(60.0)
    cells = grid.cells
    grid.fit(62.0)
    assert grid.cells == cells
    grid.fit(200.0)
    assert grid.cells >= 400
    grid.fit(1e6)
    assert grid.cells <= 2400  # bounded however far a point flies


# --- the maps -------------------------------------------------------------------------------------


def test_umap_is_as_trustworthy_as_umap_learn(digits, graph, reference):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = reference.UMAP(random_state=42, n_epochs=200).fit_transform(digits)
    mine = embed(digits, method="umap", graph=graph, params={"epochs": 200}, seed=42)
    assert mine.shape == (len(digits), 2) and mine.dtype == np.float32
    assert trustworthiness(digits, mine) >= trustworthiness(digits, theirs) - 0.005


def test_tsne_keeps_neighbours(digits, graph):
    mine = embed(digits, method="tsne", graph=graph, seed=42)
    assert trustworthiness(digits, mine) > 0.985
    assert knn_preservation(digits, mine) > 0.57


@pytest.mark.parametrize("method", METHODS)
def test_seed_gives_the_map_on_any_number_of_threads(digits, method, monkeypatch):
    def map_of(seed, threads):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        return embed(digits[:1200], method=method, params=FEW[method], seed=seed)

    one = map_of(7, "1")
    np.testing.assert_array_equal(one, map_of(7, "2"))
    assert not np.allclose(one, map_of(8, "2"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9])
def test_a_handful_of_points(method, n):
    y = embed(np.random.default_rng(0).normal(size=(n, 6)), method=method, seed=0)
    assert y.shape == (n, 2) and y.dtype == np.float32 and np.isfinite(y).all()
    assert len(np.unique(y, axis=0)) == n
    assert np.abs(y).max() < 1e3


@pytest.mark.parametrize("method", METHODS)
def test_odd_data_give_finite_maps(method):
    rng = np.random.default_rng(0)
    for x in (
        np.zeros((300, 5)),
        np.repeat(rng.normal(size=(3, 5)), 100, axis=0),
        np.hstack([rng.normal(size=(300, 1)), np.full((300, 4), 7.0)]),
        rng.normal(size=(300, 1)),
        np.vstack([rng.normal(size=(299, 5)), np.full((1, 5), 1e6)]),
        rng.integers(0, 255, size=(300, 5), dtype=np.uint8),
    ):
        assert np.isfinite(embed(x, method=method, params=FEW[method], seed=0)).all()


@pytest.mark.parametrize("method", METHODS)
def test_progress_rises_and_may_cancel(digits, method):
    told = []
    embed(digits[:500], method=method, params=FEW[method], progress=lambda f, m: told.append((f, m)), seed=0)
    fractions = [f for f, _ in told]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and all(m for _, m in told)

    def stop(fraction, message):
        if fraction > 0.6:
            raise JobCancelled("stop")

    with pytest.raises(JobCancelled):
        embed(digits[:500], method=method, params=FEW[method], progress=stop, seed=0)


def test_bad_requests_say_what_is_wrong(digits, graph):
    x = digits[:50]
    with pytest.raises(BadInput, match="umap, tsne"):
        embed(x, method="pca")
    with pytest.raises(BadInput, match="no parameter 'neighbours'"):
        embed(x, method="umap", params={"neighbours": 3})
    for name, value in (("n_neighbors", 1), ("n_neighbors", 2.5), ("min_dist", -1), ("min_dist", float("nan")),
                        ("epochs", "many"), ("min_dist", 2.0)):  # fmt: skip
        with pytest.raises(BadInput, match=name):
            embed(x, method="umap", params={name: value})
    with pytest.raises(BadInput, match="seed"):
        embed(x, method="umap", seed=-1)
    with pytest.raises(BadInput, match="compute it again"):
        embed(x, method="umap", graph=graph)
    with pytest.raises(BadInput, match="k=14"):
        embed(x, method="umap", graph=knn_graph(x, k=3))
    with pytest.raises(BadInput, match="patch 2"):
        embed(np.where(np.arange(50)[:, None] == 2, np.nan, x), method="tsne")


@pytest.mark.parametrize("param", [p for m in METHODS.values() for p in m.params], ids=lambda p: p.name)
def test_every_parameter_is_explained_and_in_range(param):
    assert param.low <= param.default <= param.high and 0 < param.step <= param.high - param.low
    assert param.title and len(param.help) > 40 and param.help.endswith((".", ").")) and param.name not in param.help


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda m: m.name)
def test_parameters_are_taken_as_numbers_of_their_kind(method):
    for param in method.params:
        for value in (param.low, param.high, param.default, str(param.default)):
            given = {param.name: value} | ({"spread": 10.0} if param.name == "min_dist" else {})
            if param.name == "spread":
                given["min_dist"] = 0.0
            got = check_params(method, given)[param.name]
            assert got == float(value) and isinstance(got, type(param.default))
        for value in (param.low - 1, param.high + 1, float("nan"), float("inf"), None, True, [], "many", "1" * 5000):
            with pytest.raises(BadInput, match=param.name) as refused:
                check_params(method, {param.name: value})
            assert param.title in str(refused.value) and len(str(refused.value)) < 300
    assert check_params(method, {}) == {}


def test_min_dist_is_below_the_spread_that_is_used():
    with pytest.raises(BadInput, match="larger than Spread"):
        check_params(METHODS["umap"], {"spread": 0.05})
    assert check_params(METHODS["umap"], {"spread": 2.0, "min_dist": 1.5}) == {"spread": 2.0, "min_dist": 1.5}


def test_methods_name_their_versions():
    assert list(METHODS) == ["umap", "tsne"]
    assert all(m.name == key and m.version >= 1 and m.params for key, m in METHODS.items())
    with pytest.raises(TypeError):
        METHODS["umap"].defaults["epochs"] = 3


def test_principal_plane_is_the_pca(digits):
    from sklearn.decomposition import PCA

    plane = principal_plane(digits, seed=0)
    want = PCA(2).fit_transform(digits.astype(np.float64))
    for axis in range(2):
        assert abs(np.corrcoef(plane[:, axis], want[:, axis])[0, 1]) > 0.9999
    assert plane[:, 0].std() == pytest.approx(1.0, rel=1e-3)


# --- quality --------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 5, 15])
def test_trustworthiness_equals_scikit_learn(digits, k):
    from sklearn.manifold import trustworthiness as theirs

    x = digits[:400] + np.random.default_rng(0).normal(scale=1e-3, size=(400, 64)).astype(np.float32)  # no ties
    for y in (principal_plane(x, seed=0), np.random.default_rng(1).normal(size=(400, 2)).astype(np.float32)):
        assert trustworthiness(x, y, k=k) == pytest.approx(
            theirs(x.astype(float), y.astype(float), n_neighbors=k), abs=1e-9
        )


def test_preservation_by_definition(digits):
    x, y = digits[:300], principal_plane(digits[:300], seed=0)
    near, seen = knn_graph(x, k=10).indices, knn_graph(y, k=10).indices
    want = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(near, seen, strict=True)])
    assert knn_preservation(x, y, k=10) == pytest.approx(want, abs=0.003)
    assert knn_preservation(x, x, k=10) == 1.0 and trustworthiness(x, x, k=10) == 1.0


def test_a_sample_is_seeded_and_near_the_whole(digits):
    y = principal_plane(digits, seed=0)
    some = trustworthiness(digits, y, sample=600, seed=1)
    assert some == trustworthiness(digits, y, sample=600, seed=1) != trustworthiness(digits, y, sample=600, seed=2)
    assert some == pytest.approx(trustworthiness(digits, y), abs=0.01)


def test_quality_refuses_nonsense(digits):
    y = principal_plane(digits, seed=0)
    for measure in (trustworthiness, knn_preservation):
        with pytest.raises(BadInput):
            measure(digits, y[:-1])
        with pytest.raises(BadInput):
            measure(digits[:10], y[:10], k=10)
    with pytest.raises(BadInput, match="more than 30"):
        trustworthiness(digits[:30], y[:30], k=15)


def test_a_graph_is_not_changed(digits, graph):
    before = graph.distances.copy()
    embed(digits, method="tsne", graph=graph, params=FEW["tsne"], seed=0)
    np.testing.assert_array_equal(graph.distances, before)
    assert isinstance(graph, KnnGraph)
