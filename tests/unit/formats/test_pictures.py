"""Picture checks: whole ones pass, damaged ones are told, and no damage ever gets past as another error."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from eobench_dash.domain.importing import IssueKind
from eobench_dash.formats import pictures
from eobench_dash.formats.confine import Root, SeenPaths, relative_or_problem
from eobench_dash.formats.pictures import check_picture
from eobench_dash.formats.tally import RowProblem

NAMES = ["a.jpg", "a.png", "a.tif", "a.webp", "a.bmp"]


def _check(path: Path) -> None:
    check_picture(str(path), path.stat().st_size)


@pytest.mark.parametrize("name", NAMES)
def test_whole_pictures_pass_and_cut_ones_do_not(picture, tmp_path: Path, name: str) -> None:
    path = picture(tmp_path / name, size=40)
    _check(path)
    whole = path.read_bytes()
    for share in (0.0, 0.1, 0.5, 0.8):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(RowProblem) as caught:
            _check(path)
        assert caught.value.kind is IssueKind.BROKEN_IMAGE
        assert str(tmp_path) not in str(caught.value)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(NAMES), data=st.data())
def test_damage_is_a_row_problem_or_nothing(picture, tmp_path: Path, name: str, data: st.DataObject) -> None:
    path = picture(tmp_path / name, size=16)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, min(len(whole) - 1, 400)))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    try:
        _check(path)
    except RowProblem as problem:
        assert problem.kind in (IssueKind.BROKEN_IMAGE, IssueKind.TOO_LARGE)


def test_too_many_pixels_are_refused_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (9000, 9000)).save(path)
    assert path.stat().st_size < 100_000
    with pytest.raises(RowProblem) as caught:
        _check(path)
    assert caught.value.kind is IssueKind.TOO_LARGE


def test_too_many_bytes_are_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(RowProblem) as caught:
        check_picture(str(tmp_path / "never opened.png"), pictures.MAX_FILE_BYTES + 1)
    assert caught.value.kind is IssueKind.TOO_LARGE


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0 EPSF", b"GIF89a" + b"\0" * 20]
)
def test_kinds_that_are_not_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(RowProblem, match="not a JPEG, PNG, TIFF"):
        _check(path)


def test_many_bands(tmp_path: Path) -> None:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    path = tmp_path / "a.tif"
    with pytest.warns(NotGeoreferencedWarning):
        file = rasterio.open(path, "w", driver="GTiff", width=16, height=16, count=13, dtype="uint16")
    with file:
        file.write(np.ones((13, 16, 16), dtype=np.uint16))
    _check(path)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(RowProblem, match="cannot be decoded"):
        _check(path)


@settings(deadline=None)
@given(st.text(max_size=30) | st.text(alphabet="./\\ab\0", max_size=12))
def test_whatever_the_path_nothing_outside_is_located(tmp_path_factory: pytest.TempPathFactory, raw: str) -> None:
    root = Root(tmp_path_factory.getbasetemp())
    try:
        path, _ = root.locate(relative_or_problem(root, raw))
    except RowProblem:
        return
    assert Path(path).is_relative_to(root.path)


def test_a_neighbour_with_the_same_beginning_is_outside(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set2").mkdir()
    (tmp_path / "set2/a.png").touch()
    root = Root(tmp_path / "set")
    with pytest.raises(RowProblem, match="absolute"):
        relative_or_problem(root, str(tmp_path / "set2/a.png"))
    assert relative_or_problem(root, str(tmp_path / "set/a.png")) == "a.png"


def test_absolute_paths_by_way_of_a_linked_root(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    root = Root(tmp_path / "link")
    assert root.relative(str(tmp_path / "link/a.png")) == root.relative(str(tmp_path / "real/a.png")) == "a.png"


@settings(deadline=None)
@given(st.lists(st.lists(st.text(max_size=2), max_size=20), max_size=8))
def test_seen_paths_is_a_set(batches: list[list[str]]) -> None:
    seen, truth = SeenPaths(), set()
    for batch in batches:
        expected = []
        for path in batch:
            expected.append(path not in truth)
            truth.add(path)
        assert seen.add(batch) == expected
