"""Uploads: what comes in is stored, unpacked within bounds, or refused whole."""

import io
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from eobench_dash.domain.people import Principal, Role
from eobench_dash.errors import BadInput, NotAllowed, PathRefused
from eobench_dash.services.uploads import folder_above, look_into, receive_upload, remove_upload
from eobench_dash.services.workspace import open_workspace

BUILDER = Principal(user_id=1, name="ben", role=Role.BUILDER)
READER = Principal(user_id=2, name="rob", role=Role.READER)


@pytest.fixture
def ws(settings):
    small = settings.model_copy(update={"max_upload_mb": 1})
    opened = open_workspace(small, create=True)
    yield opened
    opened.close()


def picture(color: str = "green") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), color).save(out, "PNG")
    return out.getvalue()


def archive(files: dict[str, bytes], *, compress: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compress) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return out.getvalue()


def send(ws, data: bytes, name: str = "patches.zip", length: int | None = None) -> Path:
    return receive_upload(ws, BUILDER, name=name, stream=io.BytesIO(data), length=length)


def left_behind(ws) -> list[Path]:
    return list((ws.settings.home / "uploads").glob("**/*"))


def test_a_zip_of_class_folders_becomes_a_folder_to_import(ws):
    data = archive({"data/River/1.png": picture(), "data/River/2.png": picture(), "data/Lake/1.png": picture("blue")})
    folder = send(ws, data, length=len(data))
    assert folder.name == "data"
    assert sorted(p.name for p in folder.iterdir()) == ["Lake", "River"]
    look, pictures = look_into(ws, BUILDER, path=str(folder))
    assert dict(look.labels) == {"Lake": 1, "River": 2}
    assert set(pictures) == {"Lake/1.png", "River/1.png", "River/2.png"}
    assert all(url.startswith("data:image/webp;base64,") for url in pictures.values())


def test_a_folder_of_one_class_stays_a_class(ws):
    folder = send(ws, archive({"River/1.png": picture(), "River/2.png": picture()}))
    assert [p.name for p in folder.iterdir()] == ["River"]


def test_a_json_file_is_kept_as_it_is(ws):
    path = send(ws, b'{"paths": ["a.png"]}', "my data.json")
    assert path.read_bytes() == b'{"paths": ["a.png"]}'
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_is_not_wanted_is_left_in_the_archive(ws):
    files = {
        "River/1.png": picture(),
        "__MACOSX/River/1.png": b"x",
        "River/.hidden.png": b"x",
        "River/run.sh": b"x",
        "in.zip": b"x",
    }
    folder = send(ws, archive(files))
    assert [p.name for p in folder.glob("**/*") if p.is_file()] == ["1.png"]


@pytest.mark.parametrize("name", ["../../evil.png", "/etc/evil.png", "a/../../evil.png", "C:/evil.png"])
def test_paths_that_climb_are_refused(ws, name):
    with pytest.raises(PathRefused):
        send(ws, archive({"River/1.png": picture(), name: picture()}))
    assert not left_behind(ws)


def test_links_are_not_followed(ws):
    link = zipfile.ZipInfo("River/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr(link, "/etc/passwd")
        made.writestr("River/1.png", picture())
    folder = send(ws, out.getvalue())
    assert [p.name for p in folder.glob("**/*") if p.is_file()] == ["1.png"]


def test_a_bomb_is_stopped_by_what_it_unpacks_to_not_by_what_it_claims(ws):
    bomb = archive({"River/1.png": b"\0" * (5 << 20)}, compress=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1 << 20
    with pytest.raises(BadInput, match="unpacks to far more"):
        send(ws, bomb)
    assert not left_behind(ws)


def test_too_large_is_refused_by_claim_and_by_count(ws):
    with pytest.raises(BadInput, match="larger than 1 MB"):
        send(ws, b"", length=2 << 20)
    with pytest.raises(BadInput, match="EOBENCH_MAX_UPLOAD_MB"):
        send(ws, b"[" + b" " * (2 << 20), "a.json")
    assert not left_behind(ws)


def test_cut_short_is_refused(ws):
    with pytest.raises(BadInput, match="cut short"):
        send(ws, b"[]", "a.json", length=10)
    assert not left_behind(ws)


@pytest.mark.parametrize("name", ["", "a.exe", "a", ".zip", "a.json.exe", "..", "a.tar.gz"])
def test_other_kinds_are_refused_by_name(ws, name):
    with pytest.raises(BadInput, match="Upload a"):
        send(ws, b"x", name)


def test_an_archive_without_images_is_refused(ws):
    with pytest.raises(BadInput, match="no image"):
        send(ws, archive({"readme.txt": b"x"}))
    assert not left_behind(ws)


def test_twice_the_same_file_is_refused(ws):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("River/1.png", picture())
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("River/1.png", picture())
    with pytest.raises(BadInput, match="twice"):
        send(ws, out.getvalue())


def test_names_cannot_leave_their_folder(ws):
    path = send(ws, b"[]", "..\\..\\up/../a b<c>.json")
    assert path.name == "a b_c_.json"
    assert path.is_relative_to(ws.settings.home / "uploads")


def test_a_json_file_that_names_the_pictures_beside_it_is_the_dataset(ws):
    rows = b'[{"path": "River/1.png", "label": "River", "features": [1, 2]}]'
    path = send(ws, archive({"set/rows.json": rows, "set/River/1.png": picture()}))
    assert path.name == "rows.json"
    look, pictures = look_into(ws, BUILDER, path=str(path))
    assert look.has_vectors and set(pictures) == {"River/1.png"} and not look.issues


@pytest.mark.parametrize("other", [b'["River", "Lake"]', b'{"River": 0}', b"nonsense", b'[{"path": "gone.png"}]'])
def test_any_other_json_file_beside_class_folders_is_passed_over(ws, other):
    assert send(ws, archive({"set/names.json": other, "set/River/1.png": picture()})).name == "set"


def test_an_upload_is_removed_whole_but_nothing_else(ws, tmp_path):
    first = send(ws, archive({"set/River/1.png": picture(), "set/Lake/1.png": picture()}))
    second = send(ws, b"[]", "a.json")
    outside = tmp_path / "kept"
    outside.mkdir()
    for path in (outside, ws.settings.home / "uploads", ws.settings.home / "uploads" / ".." / ".." / "kept"):
        remove_upload(ws, path=path)
    remove_upload(ws, path=first, in_use=[first / "River"])
    assert outside.exists() and first.exists()
    remove_upload(ws, path=first, in_use=[second.parent])
    assert [p.name for p in left_behind(ws)] == [second.parent.name, "a.json"]


def test_a_preview_shows_every_class_though_one_is_large(ws):
    files = {f"River/{i}.png": picture() for i in range(40)} | {f"{name}/1.png": picture() for name in ("Lake", "Sea")}
    _, pictures = look_into(ws, BUILDER, path=str(send(ws, archive(files))))
    assert {name.split("/")[0] for name in pictures} == {"River", "Lake", "Sea"}


def test_readers_cannot_upload(ws):
    with pytest.raises(NotAllowed, match="builder"):
        receive_upload(ws, READER, name="a.json", stream=io.BytesIO(b"[]"), length=2)


@given(data=st.binary(max_size=300), cut=st.integers(0, 200))
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_broken_archives_are_sentences(ws, data, cut):
    whole = archive({"River/1.png": picture()})
    for broken in (data, whole[:cut] + data + whole[cut + len(data) :]):
        try:
            send(ws, broken)
        except BadInput as error:
            assert str(error).endswith(".")


def test_up_ends_at_the_roots(ws, tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert folder_above(ws, BUILDER, folder=str(inner)) == str(tmp_path / "a")
    assert folder_above(ws, BUILDER, folder=str(tmp_path / "a")) == str(tmp_path)
    assert folder_above(ws, BUILDER, folder=str(tmp_path)) is None
    assert folder_above(ws, BUILDER, folder=None) is None
    with pytest.raises(PathRefused):
        folder_above(ws, BUILDER, folder="/etc")
