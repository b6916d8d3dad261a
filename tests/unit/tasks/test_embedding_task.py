"""The map's job: trust in every point is stored, a larger graph is made where parameters need it, time left is told."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eobench_dash.db.models import Embedding, FeatureSet
from eobench_dash.errors import BadInput, JobCancelled
from eobench_dash.ml.embedding.methods import METHODS, check_size, expected_seconds, neighbours_needed
from eobench_dash.ml.embedding.quality import knn_preservation, trustworthiness
from eobench_dash.services import datasets, embeddings, features, importing
from eobench_dash.services.neighbours import graph_name, space_dir
from eobench_dash.store.arrays import load_array, load_arrays
from eobench_dash.store.features import FeatureArray
from eobench_dash.tasks import embedding as task
from eobench_dash.tasks.countdown import Countdown, duration


@pytest.fixture
def described(workspace, builder, imagefolder, run):
    """A dataset of 60 patches with features."""
    run(importing.start_import(workspace, builder, path=str(imagefolder), name="Patches", follow_up=False))
    dataset = datasets.find_dataset(workspace, builder, name="Patches")
    run(features.start_features(workspace, builder, dataset_id=dataset.id, kind="color_stats"))
    return dataset


def stored(workspace, job):
    """The arrays, the row and the feature set of the map that a job made."""
    assert job.state == "done", job.error
    with workspace.db.read() as session:
        row = session.get_one(Embedding, job.result["embedding_id"])
        made_of = session.get_one(FeatureSet, row.feature_set_id)
        arrays = load_arrays(workspace.store.artefact_path(row.dataset_id, row.artefact, ".npz"))
    return arrays, row, made_of


def test_a_map_says_how_far_each_point_can_be_trusted(workspace, builder, described, run):
    arrays, row, made_of = stored(
        workspace, run(embeddings.start_embedding(workspace, builder, dataset_id=described.id))
    )
    assert arrays["honesty"].shape == arrays["kept"].shape == (60,) and arrays["honesty"].dtype == np.float32
    x = FeatureArray(space_dir(workspace, made_of)).as_array()
    assert row.quality["trustworthiness"] == pytest.approx(arrays["honesty"].mean(), abs=1e-6)
    assert row.quality["trustworthiness"] == pytest.approx(trustworthiness(x, arrays["xy"]), abs=1e-5)
    assert row.quality["knn_preservation"] == pytest.approx(knn_preservation(x, arrays["xy"]), abs=1e-5)
    assert "neighbour_recall" not in row.quality  # exact
    recall = workspace.store.artefact_path(described.id, f"{graph_name(made_of)}-recall", ".npy")
    assert float(load_array(recall, mapped=False)) == 1.0

    group, row, _ = stored(
        workspace, run(embeddings.start_embedding(workspace, builder, dataset_id=described.id, label="sea"))
    )
    assert group["honesty"].shape == group["ordinals"].shape == (20,)  # with fewer neighbours, so without a score
    assert row.quality == {}


def test_an_approximate_graph_is_said_to_be_one(workspace, builder, described, run, monkeypatch):
    from eobench_dash.ml import neighbours

    def by_cells(x, *, k, progress=None):
        return neighbours.knn_graph(x, k=k, progress=progress, exact_up_to=0)

    made = []
    monkeypatch.setattr(task, "knn_graph", lambda x, **how: made.append(by_cells(x, **how)) or made[-1])
    run(embeddings.start_embedding(workspace, builder, dataset_id=described.id))
    _, row, made_of = stored(
        workspace, run(embeddings.start_embedding(workspace, builder, dataset_id=described.id, method="tsne"))
    )
    assert len(made) == 1  # the second map reads the stored graph, and its recall
    recall = workspace.store.artefact_path(described.id, f"{graph_name(made_of)}-recall", ".npy")
    assert float(load_array(recall, mapped=False)) == made[0].recall
    assert row.quality.get("neighbour_recall", 1.0) == made[0].recall


def test_parameters_that_need_more_neighbours_get_a_graph_of_their_own(workspace, builder, described, run, monkeypatch):
    monkeypatch.setattr(task, "GRAPH_K", 20)
    job = run(embeddings.start_embedding(workspace, builder, dataset_id=described.id, params={"n_neighbors": 40}))
    arrays, _, made_of = stored(workspace, job)
    assert arrays["xy"].shape == (60, 2)
    assert not workspace.store.artefact_path(described.id, f"{graph_name(made_of)}-indices", ".npy").exists()


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda m: m.name)
def test_what_does_not_fit_is_refused_with_what_would(method):
    check_size(method, {}, 1_000_000)
    name = "n_neighbors" if method.name == "umap" else "perplexity"
    with pytest.raises(BadInput, match=r"1,000,000 patches.*Use \d+ or less") as refused:
        check_size(method, {name: 100 if method.name == "tsne" else 200}, 1_000_000)
    most = int(str(refused.value).split("Use ")[1].split()[0])
    check_size(method, {name: most}, 1_000_000)


def test_neighbours_that_a_map_needs():
    assert neighbours_needed("umap", METHODS["umap"].defaults) == 14
    assert neighbours_needed("tsne", METHODS["tsne"].defaults) == 90


# --- progress and the time left -------------------------------------------------------------------


@given(st.lists(st.just(0.0) | st.floats(1e-3, 1e6), min_size=3, max_size=3))
def test_steps_follow_one_another(weights):
    told = []
    countdown = Countdown(lambda fraction, message: told.append(fraction), dict(zip("abc", weights, strict=True)))
    for name in "abc":
        for fraction in (0.0, 0.5, 1.0):
            countdown.step(name)(fraction, "x")
    assert all(b >= a - 1e-9 for a, b in itertools.pairwise(told)) and 0 <= told[0] <= told[-1] <= 1 + 1e-9
    assert sum(weights) == 0 or told[-1] == pytest.approx(1.0)


def test_the_time_left_is_told_once_it_is_known():
    now, told = [0.0], []
    countdown = Countdown(lambda *said: told.append(said), {"a": 1.0, "b": 3.0}, clock=lambda: now[0])
    countdown.step("a")(0.5, "Looking")
    now[0] = 60.0
    countdown.step("b")(1 / 3, "Drawing")
    now[0] = 120.0
    countdown.step("b")(1.0, "Drawing")
    assert told == [(0.125, "Looking"), (0.5, "Drawing, about 1 min left"), (1.0, "Drawing")]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "5 s"), (38, "40 s"), (54.9, "55 s"), (56, "1 min"), (200, "3 min"), (3590, "1 h"), (4900, "1 h 20 min")],
)
def test_durations_are_as_exact_as_an_estimate(seconds, words):
    assert duration(seconds) == words


def test_a_cancel_goes_through():
    def stop(fraction, message):
        raise JobCancelled("stop")

    with pytest.raises(JobCancelled):
        Countdown(stop, {"a": 1.0}).step("a")(0.5, "x")


def test_expected_seconds_grow_with_the_work():
    for method in METHODS.values():
        small, large = (expected_seconds(method.name, method.defaults, n, exact=False) for n in (10_000, 1_000_000))
        assert list(small) == ["graph", "layout", "trust"] and all(large[step] > 50 * small[step] for step in small)
