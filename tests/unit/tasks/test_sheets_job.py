"""A map's thumbnail sheets from import to bytes: made ahead or when somebody asks, and never the wrong ones."""

import io

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select, update

from eobench_dash.db.models import Dataset, Embedding, FeatureSet, Job, Patch
from eobench_dash.domain.datasets import SourceKind
from eobench_dash.domain.jobs import JobKind, JobState
from eobench_dash.domain.sheets import unpack_places
from eobench_dash.errors import BadInput, JobCancelled, NotFound
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.services import datasets, embeddings, features, importing
from eobench_dash.services import sheets as service
from eobench_dash.store.arrays import save_arrays
from eobench_dash.store.sheets import missing_tile

COLORS = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40))


@pytest.fixture
def folder(tmp_path):
    """320 plain pictures, four colours: more than one sheet of tile 64."""
    folder = tmp_path / "data" / "plain"
    for number, color in enumerate(COLORS):
        (folder / f"c{number}").mkdir(parents=True)
        for i in range(80):
            shade = np.array(color) * (0.6 + i / 200)
            Image.fromarray(np.full((16, 16, 3), shade, np.uint8)).save(folder / f"c{number}" / f"{i:02}.png")
    return folder


@pytest.fixture
def dataset_id(workspace, builder, folder, run) -> int:
    run(importing.start_import(workspace, builder, path=str(folder), name="Plain", follow_up=False))
    return datasets.find_dataset(workspace, builder, name="Plain").id


@pytest.fixture
def mapped(workspace, builder, dataset_id):
    """(dataset id, embedding id) of a made-up map, the job of its sheets waiting."""
    return dataset_id, add_map(workspace, builder, dataset_id, None)


def add_map(workspace, who, dataset_id: int, ordinals: np.ndarray | None) -> int:
    rows = 320 if ordinals is None else len(ordinals)
    key = f"{rows:032}"
    arrays = {"xy": np.random.default_rng(rows).normal(size=(rows, 2)).astype(np.float32)}
    save_arrays(
        workspace.store.artefact_path(dataset_id, f"map-{key}", ".npz"),
        **arrays | ({} if ordinals is None else {"ordinals": ordinals}),
    )
    with workspace.db.write() as session:
        made = FeatureSet(dataset_id=dataset_id, kind=f"k{rows}", dim=2, rows=320, folder="none", fingerprint="none")
        session.add(made)
        session.flush()
        row = Embedding(
            dataset_id=dataset_id, feature_set_id=made.id, method="umap", key=key, rows=rows, artefact=f"map-{key}"
        )
        session.add(row)
        session.flush()
        if ordinals is None:
            service.queue_sheets(session, session.get_one(Dataset, dataset_id), embedding_id=row.id, owner=who.user_id)
        return row.id


def waiting(workspace) -> list[Job]:
    with workspace.db.read() as session:
        return list(session.scalars(select(Job).where(Job.kind == JobKind.SHEETS, Job.state == JobState.QUEUED)))


def ask(workspace, who, mapped, tile: int, number: int, **more):
    return service.sheet(workspace, who, dataset_id=mapped[0], embedding_id=mapped[1], tile=tile, number=number, **more)


def tile_at(sheet: bytes, tile: int, at: int) -> np.ndarray:
    row = 1024 // tile
    with Image.open(io.BytesIO(sheet)) as image:
        box = (at % row * tile, at // row * tile)
        return np.asarray(image.crop((*box, box[0] + tile, box[1] + tile))).astype(int)


def check_all(workspace, who, mapped) -> None:
    """Every patch's colour lies at its place, on both kinds of sheet."""
    data, _ = service.sheet_places(workspace, who, dataset_id=mapped[0], embedding_id=mapped[1])
    places = unpack_places(data)
    assert np.array_equal(np.sort(places), np.arange(len(places)))
    with workspace.db.read() as session:
        paths = list(session.scalars(select(Patch.path).where(Patch.dataset_id == mapped[0]).order_by(Patch.ordinal)))
    for tile, per in ((64, 256), (32, 1024)):
        drawn = {k: ask(workspace, who, mapped, tile, k)[0] for k in range(-(-len(places) // per))}
        for ordinal in range(0, len(places), 7):
            number, i = int(paths[ordinal][1]), int(paths[ordinal][3:5])
            wanted = (np.array(COLORS[number]) * (0.6 + i / 200)).astype(int)
            seen = tile_at(drawn[places[ordinal] // per], tile, int(places[ordinal] % per))
            assert abs(seen[2:-2, 2:-2] - wanted).max() < 14, (tile, ordinal)


def test_made_when_somebody_asks(workspace, people, mapped) -> None:
    check_all(workspace, people.reader, mapped)


def test_a_map_is_followed_by_its_sheets_a_groups_map_is_not(workspace, builder, dataset_id, run) -> None:
    run(features.start_features(workspace, builder, dataset_id=dataset_id, kind="color_stats"))
    for label, expected in ((None, 1), ("c2", 1)):
        job = run(embeddings.start_embedding(workspace, builder, dataset_id=dataset_id, label=label))
        assert job.state == "done" and len(waiting(workspace)) == expected, job.error
    with workspace.db.write() as session:
        session.execute(update(Dataset).values(source_kind=SourceKind.NONE))
        dataset = session.get_one(Dataset, dataset_id)
        assert service.queue_sheets(session, dataset, embedding_id=1, owner=None) is None


def test_made_ahead_by_the_job(workspace, builder, mapped, run) -> None:
    (job,) = waiting(workspace)
    assert "Plain" in job.title and job.owner_id == builder.user_id
    assert run(job.id).state == "done"
    book = _book(workspace, mapped)
    assert all(book.folder.has(*sheet) for sheet in ((64, 0), (64, 1), (32, 0))) and not book.folder.has(64, 2)
    check_all(workspace, builder, mapped)


def test_a_cut_off_job_goes_on_where_it_was(workspace, builder, mapped, run, monkeypatch) -> None:
    (job,) = waiting(workspace)
    calls = []

    def cut_off(self, fraction, message=None) -> None:
        calls.append((fraction, message))
        if len(calls) == 2:
            raise JobCancelled("Cancelled on request.")

    with monkeypatch.context() as patched:
        patched.setattr(JobHandle, "progress", cut_off)
        assert run(job.id).state == "cancelled"
    assert calls[1][0] == 0.5 and "256 of 320 patches" in calls[1][1]
    file = _book(workspace, mapped).folder.path / "64" / "0.jpg"
    made = file.stat().st_mtime_ns
    with workspace.db.write() as session:
        session.execute(update(Job).where(Job.id == job.id).values(state="queued", cancel_requested=False))
    assert run(job.id).state == "done" and file.stat().st_mtime_ns == made


def test_broken_and_missing_pictures_do_not_break_a_sheet(workspace, builder, folder, mapped) -> None:
    (folder / "c1" / "10.png").write_bytes(b"\x89PNG no picture")
    (folder / "c2" / "20.png").unlink()
    data, _ = service.sheet_places(workspace, builder, dataset_id=mapped[0], embedding_id=mapped[1])
    places = unpack_places(data)
    with workspace.db.read() as session:
        ordinal = {row.path: row.ordinal for row in session.execute(select(Patch.path, Patch.ordinal))}
    for path, broken in (("c1/10.png", True), ("c2/20.png", True), ("c1/11.png", False)):
        place = int(places[ordinal[path]])
        seen = tile_at(ask(workspace, builder, mapped, 64, place // 256)[0], 64, place % 256)
        assert (abs(seen - missing_tile().astype(int)).mean() < 4) == broken, path


def test_a_groups_map_has_its_own_sheets(workspace, builder, mapped) -> None:
    with workspace.db.read() as session:
        query = select(Patch.ordinal).where(Patch.path.startswith("c2/")).order_by(Patch.path.desc())
        ordinals = np.array(list(session.scalars(query)), dtype=np.uint32)  # in no order of theirs
    group = (mapped[0], add_map(workspace, builder, mapped[0], ordinals))
    data, _ = service.sheet_places(workspace, builder, dataset_id=group[0], embedding_id=group[1])
    places = unpack_places(data)
    assert np.array_equal(np.sort(places), np.arange(80))
    sheet = ask(workspace, builder, group, 64, 0)[0]
    for point in (0, 41, 79):
        wanted = (np.array(COLORS[2]) * (0.6 + (79 - point) / 200)).astype(int)
        assert abs(tile_at(sheet, 64, int(places[point]))[2:-2, 2:-2] - wanted).max() < 14


def test_another_map_or_other_pictures_have_another_key(workspace, builder, mapped) -> None:
    key = _book(workspace, mapped).key
    assert ask(workspace, builder, mapped, 64, 0, key=key)[1] == key
    with workspace.db.write() as session:
        session.execute(update(Embedding).values(job_id=1000))  # computed anew
    other = _book(workspace, mapped).key
    assert other != key
    with pytest.raises(NotFound, match="made anew"):
        ask(workspace, builder, mapped, 64, 0, key=key)
    with workspace.db.write() as session:
        session.execute(update(Dataset).values(modality="sar"))
    assert _book(workspace, mapped).key not in (key, other)


def test_patches_appended_later_change_no_sheet(workspace, builder, folder, mapped, run) -> None:
    key = _book(workspace, mapped).key
    before = ask(workspace, builder, mapped, 64, 1)[0]
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(folder / "c0" / "zz.png")
    job = run(importing.start_import(workspace, builder, path=str(folder), name="Plain", append_to=mapped[0]))
    assert job.state == "done", job.error
    assert _book(workspace, mapped).key == key and ask(workspace, builder, mapped, 64, 1)[0] == before


def test_what_there_is_not(workspace, people, mapped) -> None:
    with pytest.raises(BadInput, match="32 or 64"):
        ask(workspace, people.reader, mapped, 48, 0)
    for tile, number in ((64, 2), (32, 1), (64, -1)):
        with pytest.raises(NotFound, match="no sheet"):
            ask(workspace, people.reader, mapped, tile, number)
    with pytest.raises(NotFound, match="no map"):
        ask(workspace, people.reader, (mapped[0], 999), 64, 0)
    with pytest.raises(NotFound, match="dataset"):
        ask(workspace, people.anonymous, mapped, 64, 0)


def test_while_others_are_made_one_is_asked_to_come_again(workspace, builder, mapped, monkeypatch) -> None:
    monkeypatch.setattr(service, "WAIT_S", 0.01)
    ask(workspace, builder, mapped, 64, 0)
    with service._MAKING:
        assert ask(workspace, builder, mapped, 64, 1)[0] is None
        assert ask(workspace, builder, mapped, 64, 0)[0] is not None  # made already
    assert ask(workspace, builder, mapped, 64, 1)[0] is not None


def test_thumbnails_on_their_way_do_not_hold_up_a_deletion(workspace, builder, mapped, run) -> None:
    (job,) = waiting(workspace)
    service.sheet_places(workspace, builder, dataset_id=mapped[0], embedding_id=mapped[1])
    delete = datasets.delete_dataset(workspace, builder, dataset_id=mapped[0], typed_name="Plain")
    with workspace.db.read() as session:
        assert session.get_one(Job, job.id).state == "cancelled"
    assert run(delete).state == "done" and not (workspace.settings.home / "datasets" / str(mapped[0])).exists()


def _book(workspace, mapped) -> service.SheetBook:
    with workspace.db.read() as session:
        dataset, embedding = session.get_one(Dataset, mapped[0]), session.get_one(Embedding, mapped[1])
    return service.SheetBook(workspace, dataset, embedding)
