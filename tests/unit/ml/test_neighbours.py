"""The kNN graph and the single query: exact, ordered, deterministic, and clear about bad input."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.neighbors import NearestNeighbors

from eobench_dash.errors import BadInput, JobCancelled
from eobench_dash.ml.neighbours import KnnGraph, knn_graph, nearest


def by_definition(x, k):
    """Every distance in double precision, rounded once, then sorted by (distance, index)."""
    wide = np.asarray(x, dtype=np.float32).astype(np.float64)
    distances = np.sqrt(np.square(wide[:, None] - wide[None]).sum(-1)).astype(np.float32)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distances, order, axis=1)


@pytest.mark.parametrize(("n", "dim", "k"), [(700, 20, 15), (1500, 144, 90), (5000, 3, 7), (130, 1, 90)])
def test_graph_equals_scikit_learn(n, dim, k):
    x = np.random.default_rng(0).normal(size=(n, dim)).astype(np.float32) + 5
    graph = knn_graph(x, k=k)
    distances, indices = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x.astype(np.float64)).kneighbors()
    np.testing.assert_allclose(graph.distances, distances, rtol=2e-6)
    assert (graph.indices == indices).mean() > 0.999  # neighbours equally far to seven digits may swap
    assert graph.indices.dtype == np.int32 and graph.distances.dtype == np.float32


@settings(deadline=None, max_examples=60)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 4)), elements=st.sampled_from([0, 1, -2, 0.5])),
    st.integers(1, 12),
)
def test_graph_settles_ties_by_index(x, k):
    graph = knn_graph(x, k=k)
    indices, distances = by_definition(x, min(k, len(x) - 1))
    np.testing.assert_array_equal(graph.indices, indices)
    np.testing.assert_array_equal(graph.distances, distances)


def test_rounding_far_from_the_origin_loses_nobody():
    """Offsets of 1e4 leave a product about three digits; the survivors' margin has to notice."""
    rng = np.random.default_rng(1)
    x = (1e4 * rng.choice([-1, 1], size=(900, 8)) + rng.normal(size=(900, 8))).astype(np.float32)
    indices, distances = by_definition(x, 5)
    graph = knn_graph(x, k=5)
    np.testing.assert_array_equal(graph.distances, distances)
    np.testing.assert_array_equal(graph.indices, indices)


def test_many_duplicates_come_in_index_order():
    x = np.zeros((600, 10), np.float32)
    x[-1] = 1
    graph = knn_graph(x, k=4)
    assert graph.indices[0].tolist() == [1, 2, 3, 4]
    assert graph.indices[300].tolist() == [0, 1, 2, 3]
    assert not graph.distances[:-1].any()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_fewer_points_than_neighbours(n):
    graph = knn_graph(np.arange(n, dtype=np.float32)[:, None], k=90)
    assert graph.indices.shape == (n, n - 1) and graph.k == n - 1
    assert graph.head(30).k == n - 1


def test_head_refuses_what_it_does_not_hold():
    graph = knn_graph(np.random.default_rng(0).normal(size=(50, 3)), k=5)
    assert graph.head(3).indices.tolist() == graph.indices[:, :3].tolist()
    with pytest.raises(BadInput, match="k=15"):
        graph.head(15)


def test_the_block_boundaries_do_not_show():
    x = np.random.default_rng(3).normal(size=(4100 + 513, 2)).astype(np.float32)
    whole, some = knn_graph(x, k=3), [0, 511, 512, 4095, 4096, 4612]
    for i in some:
        indices, distances = nearest(x, x[i], k=3, exclude=i)
        np.testing.assert_array_equal(whole.indices[i], indices)
        np.testing.assert_allclose(whole.distances[i], distances, rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((0, 3)), "not empty"),
        (np.zeros(3), "table"),
        (np.array([[0.0], [np.nan]]), "patch 1"),
        (np.array([[np.inf, 0.0], [0.0, 0.0]]), "patch 0"),
        (np.array([[np.inf, -np.inf], [0.0, 0.0]]), "patch 0"),
        (np.array([["a"]]), "real numbers"),
    ],
)
def test_bad_features_are_named(x, words):
    with pytest.raises(BadInput, match=words):
        knn_graph(x, k=1)


def test_bad_questions():
    x = np.zeros((3, 2), np.float32)
    for question in (
        lambda: knn_graph(x, k=0),
        lambda: knn_graph(x, k=1, metric="cosine"),
        lambda: nearest(x, np.zeros(3), k=1),
        lambda: nearest(x, np.array([np.nan, 0]), k=1),
        lambda: nearest(x, np.zeros(2), k=1, exclude=3),
        lambda: KnnGraph(np.zeros((2, 1), np.int32), np.zeros((2, 2), np.float32)),
    ):
        with pytest.raises(BadInput):
            question()


def test_progress_is_told_and_may_cancel():
    x = np.random.default_rng(0).normal(size=(3000, 4))
    told = []
    knn_graph(x, k=2, progress=lambda fraction, message: told.append((fraction, message)))
    assert told[-1][0] == 1.0 and told == sorted(told) and told[0][1]

    def stop(fraction, message):
        raise JobCancelled("stop")

    with pytest.raises(JobCancelled):
        knn_graph(x, k=2, progress=stop)


# --- many points, by cells --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many():
    """Sheets of few dimensions with noise, and a heap of equal points larger than any cell may be."""
    rng = np.random.default_rng(5)
    sheets = np.sin(rng.normal(size=(12_000, 3)) @ rng.normal(size=(3, 20))) + 2 * rng.integers(0, 3, size=(12_000, 1))
    x = (sheets + 0.05 * rng.normal(size=sheets.shape)).astype(np.float32)
    x[3000:6000] = x[3000]
    return x


def test_cells_find_the_neighbours_and_say_how_many(many):
    graph, truth = knn_graph(many, k=30, exact_up_to=1000), knn_graph(many, k=30)
    assert (graph.indices.dtype, graph.distances.dtype, graph.k) == (np.int32, np.float32, 30)
    found = (graph.distances <= truth.distances[:, -1:] * (1 + 1e-5)).mean()
    assert found >= 0.97 and graph.recall == pytest.approx(found, abs=0.02) and truth.recall == 1.0
    own = np.arange(len(many))[:, None]
    assert (graph.indices != own).all() and (np.diff(np.sort(graph.indices, axis=1), axis=1) > 0).all()
    assert (np.diff(graph.distances, axis=1) >= 0).all()
    some = [0, 3000, 7000, 11_999]
    measured = np.linalg.norm(many[some][:, None].astype(np.float64) - many[graph.indices[some]], axis=2)
    np.testing.assert_allclose(graph.distances[some], measured, rtol=1e-5, atol=1e-6)


def test_cells_answer_alike_on_any_number_of_threads(many, monkeypatch):
    graphs = []
    for threads in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        graphs.append(knn_graph(many, k=10, exact_up_to=0))
    np.testing.assert_array_equal(graphs[0].indices, graphs[1].indices)
    assert graphs[0].recall == graphs[1].recall


@pytest.mark.parametrize(("n", "k"), [(1, 5), (2, 5), (40, 90), (700, 690), (1300, 90)])
def test_cells_too_few_points_for_cells(n, k):
    x = np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)
    graph, truth = knn_graph(x, k=k, exact_up_to=0), knn_graph(x, k=k)
    assert graph.k == truth.k == min(k, n - 1)
    assert (graph.distances <= truth.distances[:, -1:] * (1 + 1e-5)).mean() >= 0.95 if graph.k else graph.recall == 1.0


def test_cells_look_further_until_enough_is_found():
    """Points without any structure: eight cells hold few of the neighbours."""
    from eobench_dash.ml.neighbours import cells

    x = np.random.default_rng(0).normal(size=(20_000, 40)).astype(np.float32)
    _, truth = cells.of_points(x, np.arange(300), 10, cells.Pace(None, ""))
    for wanted in (0.5, 0.98):
        _, distances, recall = cells.graph(x, 10, None, wanted=wanted)
        assert recall >= wanted
        assert (distances[:300] <= truth[:, -1:] * (1 + 1e-5)).mean() == pytest.approx(recall, abs=0.03)


def test_cells_tell_progress_and_may_be_cancelled(many):
    told = []
    knn_graph(many, k=5, exact_up_to=0, progress=lambda fraction, message: told.append(fraction))
    assert told == sorted(told) and told[-1] == 1.0

    def stop(fraction, message):
        if message == "Finding neighbours":
            raise JobCancelled("stop")

    with pytest.raises(JobCancelled):
        knn_graph(many, k=5, exact_up_to=0, progress=stop)


@settings(deadline=None, max_examples=60)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 60), st.integers(1, 4)), elements=st.sampled_from([0, 1, -2, 0.5])),
    st.integers(0, 70),
    st.data(),
)
def test_nearest_is_the_row_of_the_graph(x, k, data):
    i = data.draw(st.integers(0, len(x) - 1))
    indices, distances = nearest(x, x[i], k=k, exclude=i)
    want = min(k, len(x) - 1)
    assert len(indices) == want
    expected, far = by_definition(x, want)
    np.testing.assert_array_equal(indices, expected[i])
    np.testing.assert_allclose(distances, far[i], rtol=1e-6)


def test_nearest_reads_a_memory_map_and_leaves_out_broken_rows(tmp_path):
    x = np.random.default_rng(0).normal(size=(20_000, 30)).astype(np.float32)
    x[7] = np.nan
    np.save(tmp_path / "x.npy", x)
    stored = np.load(tmp_path / "x.npy", mmap_mode="r")
    indices, distances = nearest(stored, x[5], k=20_000)
    assert indices[0] == 5 and distances[0] == 0
    assert len(indices) == 19_999 and 7 not in indices
    assert (np.diff(distances) >= 0).all()


def test_asking_and_the_tables_need_no_compiler():
    code = (
        "import sys, numpy as np\n"
        "from eobench_dash.ml.neighbours import nearest\n"
        "from eobench_dash.ml.embedding import METHODS\n"
        "import eobench_dash.ml.metrics, eobench_dash.ml.embedding.quality\n"
        "nearest(np.eye(3), np.zeros(3), k=1)\n"
        "print([m for m in ('numba', 'umap', 'openTSNE', 'sklearn', 'scipy') if m in sys.modules], list(METHODS))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] ['umap', 'tsne']"
