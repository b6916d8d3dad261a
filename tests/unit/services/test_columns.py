"""Columns of a small dataset: what each says, who may ask, and when a browser's copy is still good."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lakes import Lakes, add_crew, add_lakes
from sqlalchemy import update

from eobench_dash.db.models import ClusterSet, Dataset, Embedding, FeatureSet, MetricRun, Patch
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import ANONYMOUS
from eobench_dash.domain.wire import unpack_column
from eobench_dash.errors import NotFound
from eobench_dash.services import annotate, columns, labels
from eobench_dash.services.neighbours import graph_name
from eobench_dash.store.arrays import save_array, save_arrays

RIVER, LAKE, SEA = 0, 1, 2
NEAR = np.array([[(i + j) % 12 for j in range(1, 6)] for i in range(12)], np.int32)
"""Five neighbours each: the next ones round the circle."""


@pytest.fixture
def lakes(make_workspace) -> Lakes:
    ws = make_workspace(public=True)
    return add_lakes(ws, add_crew(ws), public=True)


def read(lakes: Lakes, name: str, *, who: str = "rob", map_id: int | None = None) -> tuple[dict[str, Any], np.ndarray]:
    principal = lakes.who[who] if who else ANONYMOUS
    data, etag = columns.column_bytes(lakes.ws, principal, dataset_id=lakes.id, name=name, map_id=map_id)
    assert etag == columns.column_etag(lakes.ws, principal, dataset_id=lakes.id, name=name, map_id=map_id)
    return unpack_column(data)


def names(lakes: Lakes, *, who: str = "rob", map_id: int | None = None) -> list[str]:
    principal = lakes.who[who] if who else ANONYMOUS
    return [c.name for c in columns.list_columns(lakes.ws, principal, dataset_id=lakes.id, map_id=map_id)]


def legend(told: dict[str, Any]) -> dict[str, int]:
    return {category["name"]: category["count"] for category in told["categories"]}


def add_graph(lakes: Lakes, indices: np.ndarray = NEAR) -> None:
    with lakes.ws.db.write() as session:
        features = FeatureSet(
            dataset_id=lakes.id, kind="all", dim=2, rows=len(indices), folder="all-1", fingerprint="f" * 64
        )
        session.add(features)
        session.flush()
        name = graph_name(features)
    save_array(lakes.ws.store.artefact_path(lakes.id, f"{name}-indices", ".npy"), indices)


def add_run(lakes: Lakes, rows: list[int], predicted: list[int], probabilities: list[list[float]]) -> None:
    with lakes.ws.db.write() as session:
        session.add(MetricRun(dataset_id=lakes.id, fingerprint="f" * 64, artefact="predictions-1"))
    save_arrays(
        lakes.ws.store.artefact_path(lakes.id, "predictions-1", ".npz"),
        rows=np.array(rows, np.uint32), predicted=np.array(predicted, np.uint16),
        codes=np.array([RIVER, LAKE, SEA], np.uint16), probabilities=np.array(probabilities, np.float16),
    )  # fmt: skip


def test_only_what_is_there_is_listed(lakes) -> None:
    assert names(lakes) == ["imported"]
    add_graph(lakes)
    assert names(lakes) == ["imported", "suggested", "agreement"]
    annotate.relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[3], label="Sea")
    assert names(lakes) == ["imported", "changed", "annotator", "suggested", "agreement"]
    annotate.mark(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[3], unsure=True)
    add_run(lakes, [0], [0], [[1, 0, 0]])
    with lakes.ws.db.write() as session:
        session.execute(
            update(Patch).where(Patch.ordinal == 4).values(lon=8.0, lat=47.0, path="S2A_MSIL2A_20170613T101031_1.tif")
        )
    assert names(lakes) == [
        "imported", "changed", "annotator", "marks", "suggested", "agreement", "predicted", "confidence", "suspicion",
        "product", "longitude", "latitude",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["agreement", "suggested", "confidence", "honesty", "cluster-1", "nothing", "label", "mix"]
)
def test_what_is_not_there_is_not_found(lakes, name) -> None:
    with pytest.raises(NotFound):
        columns.column_bytes(lakes.ws, lakes.who["rob"], dataset_id=lakes.id, name=name)


def test_imported_and_changed(lakes) -> None:
    ben = lakes.who["ben"]
    annotate.relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0, 1], label="Sea")
    annotate.relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[11], label="Sea")
    annotate.relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[5], label=None)
    told, codes = read(lakes, "imported")
    assert codes.tolist() == [0] * 5 + [1] * 4 + [2] * 2 + [NO_LABEL]
    assert legend(told) == {"River": 5, "Lake": 4, "Sea": 2}
    told, codes = read(lakes, "changed")
    assert legend(told) == {"As imported": 8, "Relabelled": 2, "Newly labelled": 1, "Label taken away": 1}
    assert codes[[0, 2, 5, 11]].tolist() == [1, 0, 3, 2]


def test_annotators_are_named_to_those_who_have_a_name(lakes) -> None:
    annotate.relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0, 1], label="Sea")
    annotate.relabel(lakes.ws, lakes.who["ada"], dataset_id=lakes.id, ordinals=[1], label="Lake")
    told, codes = read(lakes, "annotator")
    assert legend(told) == {"lake-ada": 1, "lake-ben": 1}
    assert codes[0] != codes[1] and (codes[2:] == NO_LABEL).all()
    told, codes = read(lakes, "annotator", who="")
    assert legend(told) == {"somebody": 2} and codes.tolist()[:3] == [0, 0, NO_LABEL]
    mine, theirs = (
        columns.column_etag(lakes.ws, who, dataset_id=lakes.id, name="annotator")
        for who in (lakes.who["rob"], ANONYMOUS)
    )
    assert mine != theirs


def test_marks(lakes) -> None:
    annotate.mark(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0, 1], unsure=True)
    annotate.mark(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[1, 2], excluded=True)
    told, codes = read(lakes, "marks")
    assert legend(told) == {"Unsure": 1, "Excluded": 1, "Unsure and excluded": 1}
    assert codes[:4].tolist() == [0, 2, 1, NO_LABEL]


def test_neighbours_vote_with_todays_labels(lakes) -> None:
    add_graph(lakes)
    told, codes = read(lakes, "suggested")
    assert codes[0] == RIVER  # neighbours 1-5: four rivers and a lake
    assert codes[4] == LAKE and sum(legend(told).values()) == 12
    _, share = read(lakes, "agreement")
    assert share[0] == pytest.approx(0.8) and np.isnan(share[11])
    annotate.relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[1, 2, 3], label="Sea")
    assert read(lakes, "suggested")[1][0] == SEA
    assert read(lakes, "agreement")[1][0] == pytest.approx(0.2)


def test_the_mix_has_the_three_commonest_first(lakes) -> None:
    add_graph(lakes)
    data, _ = columns.mix_bytes(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
    assert struct.unpack_from("<4sIII", data) == (b"EOMX", 1, 12, 5)
    codes, counts = np.frombuffer(data, "<u2", 36, 16).reshape(12, 3), np.frombuffer(data, "u1", 48, 88).reshape(12, 4)
    assert codes[7].tolist() == [SEA, LAKE, RIVER]  # 8 Lake, 9-10 Sea, 11 none, 0 River; Lake is nearer than River
    assert counts[7].tolist() == [2, 1, 1, 0]


def test_patches_appended_since_have_no_neighbours_yet(lakes) -> None:
    add_graph(lakes, NEAR[:9] % 9)
    _, codes = read(lakes, "suggested")
    assert len(codes) == 12 and (codes[9:] == NO_LABEL).all() and (codes[:9] != NO_LABEL).all()
    assert np.isnan(read(lakes, "agreement")[1][9:]).all()


def test_confidence_and_suspicion_follow_todays_labels(lakes) -> None:
    probabilities = [[0.75, 0.25, 0.0], [0.125, 0.5, 0.375], [0.0, 0.25, 0.75]]
    add_run(lakes, [0, 1, 9], [RIVER, LAKE, SEA], probabilities)
    _, codes = read(lakes, "predicted")
    assert codes[[0, 1, 9, 2]].tolist() == [RIVER, LAKE, SEA, NO_LABEL]
    _, confidence = read(lakes, "confidence")
    assert confidence[[0, 1, 9]].tolist() == [0.75, 0.125, 0.75] and np.isnan(confidence).sum() == 9
    _, suspicion = read(lakes, "suspicion")
    assert suspicion[[0, 1, 9]].tolist() == [0.0, 0.875, 0.0] and np.isnan(suspicion).sum() == 9
    annotate.relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[1], label="Lake")
    annotate.relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[9], label="Pond", create=True)
    annotate.relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], label=None)
    assert read(lakes, "suspicion")[1][1] == 0.0 and read(lakes, "confidence")[1][1] == 0.5
    assert np.isnan(read(lakes, "confidence")[1][[0, 9]]).all()  # no label; one that the classifier never knew


def test_merged_labels_are_one_label_to_the_predictions(lakes) -> None:
    add_run(lakes, [0, 5], [LAKE, SEA], [[0.25, 0.5, 0.25], [0.0, 0.25, 0.75]])
    labels.merge_labels(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, source=LAKE, target=SEA)
    assert read(lakes, "predicted")[1][[0, 5]].tolist() == [SEA, SEA]
    assert read(lakes, "confidence")[1][[0, 5]].tolist() == [0.25, 1.0]
    assert read(lakes, "suspicion")[1][[0, 5]].tolist() == [0.75, 0.0]


def test_clusters_have_their_names(lakes) -> None:
    with lakes.ws.db.write() as session:
        features = FeatureSet(dataset_id=lakes.id, kind="all", dim=2, rows=12, folder="f", fingerprint="f" * 64)
        session.add(features)
        session.flush()
        found = ClusterSet(
            dataset_id=lakes.id, feature_set_id=features.id, method="kmeans", key="k", rows=4, artefact="clusters-k",
            clusters=[
                {"index": 0, "name": "bright", "color": "#112233", "size": 3},
                {"index": 1, "name": "dark", "color": "#445566", "size": 1},
            ],
        )  # fmt: skip
        session.add(found)
        session.flush()
        number = found.id
    save_array(lakes.ws.store.artefact_path(lakes.id, "clusters-k", ".npy"), np.array([0, 0, 1, 0], np.uint16))
    assert names(lakes)[-1] == f"cluster-{number}"
    told, codes = read(lakes, f"cluster-{number}")
    assert legend(told) == {"bright": 3, "dark": 1} and codes.tolist() == [0, 0, 1, 0] + [NO_LABEL] * 8
    with pytest.raises(NotFound):
        read(lakes, f"cluster-{number + 1}")


def test_honesty_belongs_to_a_map(lakes) -> None:
    with lakes.ws.db.write() as session:
        features = FeatureSet(dataset_id=lakes.id, kind="all", dim=2, rows=12, folder="f", fingerprint="f" * 64)
        session.add(features)
        session.flush()
        maps = [
            Embedding(
                dataset_id=lakes.id, feature_set_id=features.id, method="umap", key=k, rows=2, artefact=f"map-{k}"
            )
            for k in ("old", "new")
        ]
        session.add_all(maps)
        session.flush()
        old, new = (row.id for row in maps)
    path = lakes.ws.store.artefact_path
    save_arrays(path(lakes.id, "map-old", ".npz"), xy=np.zeros((12, 2), np.float32))
    save_arrays(
        path(lakes.id, "map-new", ".npz"), xy=np.zeros((2, 2), np.float32), ordinals=np.array([3, 8], np.uint32),
        honesty=np.array([0.5, 1.0], np.float32),
    )  # fmt: skip
    assert "honesty" not in names(lakes) and "honesty" not in names(lakes, map_id=old)
    assert "honesty" in names(lakes, map_id=new)
    _, values = read(lakes, "honesty", map_id=new)
    assert values[[3, 8]].tolist() == [0.5, 1.0] and np.isnan(values).sum() == 10
    for wrong in (old, 99, 0):
        with pytest.raises(NotFound):
            read(lakes, "honesty", map_id=wrong)


def test_places_and_products(lakes) -> None:
    with lakes.ws.db.write() as session:
        for ordinal, lon, day in ((0, -8.25, 13), (7, 12.5, 14), (9, 12.5, 13)):
            path = f"S2A_MSIL2A_201706{day}T101031_{ordinal}.tif"
            session.execute(update(Patch).where(Patch.ordinal == ordinal).values(lon=lon, lat=lon / 2, path=path))
    told, values = read(lakes, "longitude")
    assert values[[0, 7]].tolist() == [-8.25, 12.5] and np.isnan(values).sum() == 9
    assert (told["min"], told["max"], told["unit"]) == (-8.25, 12.5, "°")
    assert read(lakes, "latitude")[1][0] == -4.125
    told, codes = read(lakes, "product")
    assert legend(told) == {"S2A_MSIL2A_20170613T101031": 2, "S2A_MSIL2A_20170614T101031": 1}
    assert codes[[0, 7, 9, 1]].tolist() == [0, 1, 0, NO_LABEL]


def test_an_etag_changes_with_what_the_column_shows_and_no_more(lakes) -> None:
    add_graph(lakes)
    rob = lakes.who["rob"]

    def etags() -> dict[str, str]:
        found = {
            name: columns.column_etag(lakes.ws, rob, dataset_id=lakes.id, name=name)
            for name in ("imported", "agreement", "longitude")
        }
        return found | {"mix": columns.mix_etag(lakes.ws, rob, dataset_id=lakes.id)}

    before = etags()
    assert etags() == before
    annotate.relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], label="Sea")
    after = etags()
    assert after["longitude"] == before["longitude"]
    assert after["agreement"] != before["agreement"] and after["mix"] != before["mix"]
    with lakes.ws.db.write() as session:
        session.execute(update(Dataset).values(patch_count=11))
    assert all(etags()[name] != after[name] for name in after)


def test_patches_still_being_imported_are_seen_by_nobody(lakes) -> None:
    with lakes.ws.db.write() as session:
        session.execute(update(Dataset).values(patch_count=9))
    told, codes = read(lakes, "imported")
    assert len(codes) == 9 and legend(told) == {"River": 5, "Lake": 4}


def test_a_broken_cache_changes_nothing(lakes) -> None:
    first = read(lakes, "imported")
    lakes.ws.cache.clear()
    again = read(lakes, "imported")
    assert first[0] == again[0] and first[1].tolist() == again[1].tolist()


def test_who_may_not_see_the_dataset_sees_no_column(lakes) -> None:
    with lakes.ws.db.write() as session:
        session.execute(update(Dataset).values(public=False))
    for ask in (
        lambda: columns.list_columns(lakes.ws, ANONYMOUS, dataset_id=lakes.id),
        lambda: columns.column_bytes(lakes.ws, ANONYMOUS, dataset_id=lakes.id, name="imported"),
        lambda: columns.column_etag(lakes.ws, ANONYMOUS, dataset_id=lakes.id, name="imported"),
        lambda: columns.mix_bytes(lakes.ws, ANONYMOUS, dataset_id=lakes.id),
    ):
        with pytest.raises(NotFound, match="no dataset"):
            ask()


def test_a_missing_artefact_is_a_column_less(lakes) -> None:
    add_run(lakes, [0], [0], [[1, 0, 0]])
    path: Path = lakes.ws.store.artefact_path(lakes.id, "predictions-1", ".npz")
    path.unlink()
    assert "confidence" not in names(lakes)
    with pytest.raises(NotFound, match="Verify it first"):
        read(lakes, "confidence")
