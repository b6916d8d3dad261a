"""``eobench ingest``: what it answers, and the sentence where it cannot."""

import json
from pathlib import Path

import numpy as np
import pytest
from scenes import textured, write_scene

from eobench_dash import tasks
from eobench_dash.cli.common import operator, workspace
from eobench_dash.domain import ingest_form as form
from eobench_dash.domain.ingesting import USUAL_LIMITS, IngestPlan
from eobench_dash.domain.jobs import JobKind
from eobench_dash.services import ingesting


@pytest.fixture(scope="module")
def scenes(data: Path) -> Path:
    """Two optical scenes of 128 × 96 pixels, one radar scene, and a damaged one."""
    rng = np.random.default_rng(3)
    for number in (0, 1):
        write_scene(data / "scenes" / f"S2_{number}.tif", textured(rng, 3, 128, 96), east_m=5000.0 * number)
    write_scene(data / "scenes" / "S1_0.tif", textured(rng, 1, 128, 96))
    (data / "scenes" / "S2_9.tif").write_bytes(b"II*\0")
    return data / "scenes"


def test_products_become_patches_with_a_report(admin, scenes: Path) -> None:
    args = ("ingest", str(scenes), "--name", "Cut", "--modality", "optical", "--patch-size", "320m", "--scales", "64")
    told = admin(*args, "--feature", "color_stats")
    assert told.code == 0, told.err
    assert "Cut: 28 patches from 2 products" in told.out
    assert "4 of 64 px, 24 of 32 px" in told.out
    assert "left out: 1 sar product\n" in told.out
    assert "could not be used: S2_9.tif" in told.out
    assert "28 × " in told.out and "color_stats" in told.out
    assert "No job is on its way" in admin("jobs").out
    rows = json.loads(admin("list", "--json").out)
    assert (rows[0]["name"], rows[0]["patches"], "described" in rows[0]["steps"]) == ("Cut", 28, True)


def test_json_limits_and_an_area_from_a_file(admin, scenes: Path, tmp_path: Path) -> None:
    area = {"type": "Polygon", "coordinates": [[[-170, -80], [170, -80], [170, 80], [-170, 80], [-170, -80]]]}
    (tmp_path / "area.json").write_text(json.dumps(area))
    args = ("ingest", str(scenes / "S2_0.tif"), "--name", "Cut", "--patch-size", "32", "--json")
    told = json.loads(admin(*args, "--aoi", str(tmp_path / "area.json"), "--max-blur", "0.01").out or "{}")
    assert told == {}, "every patch is refused"
    told = json.loads(admin(*args, "--aoi", str(tmp_path / "area.json"), "--max-nodata", "0.2").out)
    assert told["imported"] == 12
    assert told["ingest"]["plan"]["limits"] == {"nodata": 0.2}
    assert told["ingest"]["refused"] == {}


def test_patches_with_little_data_are_refused_as_on_the_page_unless_told(admin, data: Path) -> None:
    """The middle of three patches lacks a quarter of its pixels."""
    pixels = textured(np.random.default_rng(4), 3, 32, 96)
    pixels[:, :16, 32:48] = 0
    write_scene(data / "holes" / "S2_0.tif", pixels, nodata=0)
    args = ("ingest", str(data / "holes"), "--name", "Cut", "--patch-size", "32", "--json")
    told = json.loads(admin(*args).out)["ingest"]
    assert told["plan"]["limits"] == USUAL_LIMITS and told["refused"] == {"nodata": 1}
    page = form.read_plan({"nodata": round(100 * USUAL_LIMITS["nodata"])})
    assert page.limits == USUAL_LIMITS
    told = json.loads(admin(*args, "--name", "Whole", "--max-nodata", "1").out)["ingest"]
    assert told["refused"] == {} and told["plan"]["limits"] == {"nodata": 1}
    words = " ".join(admin("ingest", "--help").out.split())
    assert "measured nothing. 0.2 unless told, as on the page; 1 refuses none." in words


def test_an_estimate_starts_nothing(admin, scenes: Path) -> None:
    told = admin("ingest", str(scenes / "S2_0.tif"), "--name", "Cut", "--estimate")
    assert told.code == 0 and told.out.startswith("2 patches (2 of 64 px) of 1 product\n")
    assert json.loads(admin("list", "--json").out) == []


def test_an_estimate_counts_what_lies_in_the_area_and_tells_sizes_as_asked(admin, scenes: Path) -> None:
    asked = ("ingest", str(scenes), "--name", "Cut", "--modality", "optical", "--estimate")
    told = admin(*asked, "--patch-size", "320m", "--scales", "640m")
    assert told.out.startswith("28 patches (640 m: 4 of 64 px, 320 m: 24 of 32 px) of 2 products\n"), told.err
    nowhere = admin(*asked, "--aoi", "0,0,1,1")
    assert nowhere.code == 2 and "No patch of these products lies in the area of interest" in nowhere.err


def test_a_descriptor_that_does_not_fit_is_said_before_anything_is_cut(admin, scenes: Path, data: Path) -> None:
    for path, more in (
        (scenes, ("--modality", "optical")),
        (scenes / "S2_0.tif", ()),
        (scenes / "S2_0.tif", ("--estimate",)),
    ):
        told = admin("ingest", str(path), "--name", "Cut", "--feature", "sar_wld144", *more)
        assert told.code == 2 and "sar_wld144 does not fit optical patches; use one of" in told.err
    assert json.loads(admin("list", "--json").out) == []


def test_where_a_descriptor_fails_the_others_are_computed_all_the_same(admin, data: Path) -> None:
    """A raster whose name does not tell what it shows: what fits is known when it is opened."""
    plain = write_scene(data / "plain" / "field.tif", textured(np.random.default_rng(5), 3, 64, 64))
    kinds = ("--feature", "sar_wld144", "--feature", "color_stats")
    told = admin("ingest", str(plain), "--name", "Cut", "--patch-size", "32", *kinds)
    assert told.code == 1 and "Cut: 4 patches from 1 product" in told.out and "4 × " in told.out
    assert told.err.startswith("eobench: Job 2: ") and "sar_wld144" in told.err
    assert "No job is on its way" in admin("jobs").out


def test_ctrl_c_in_a_descriptor_says_how_to_do_all_that_are_left(admin, scenes: Path, monkeypatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    kinds = ("--feature", "color_stats", "--feature", "gabor")
    with monkeypatch.context() as patched:
        patched.setitem(tasks.TASKS, JobKind.FEATURES, stop)
        told = admin("ingest", str(scenes / "S2_0.tif"), "--name", "Cut", *kinds)
    left = "eobench jobs resume 2 --here; eobench jobs resume 3 --here"
    assert told.code == 130 and told.err == f"eobench: Stopped; what is done so far is kept. Go on with: {left}\n"
    assert "Cut: 2 patches" in told.out
    for command in left.split("; "):
        assert "is done" in admin(*command.split()[1:]).out
    assert "No job is on its way" in admin("jobs").out


def test_going_on_with_an_ingest_here_describes_too(admin, scenes: Path) -> None:
    with workspace() as ws:
        plan = IngestPlan.from_dict({"patch": 32})
        ingesting.start_ingest(
            ws,
            operator(ws),
            paths=[str(scenes / "S2_0.tif")],
            name="Cut",
            plan=plan,
            features=["gabor"],
            map_first=False,
        )
    assert "Job 1 (Ingest Cut) is done." in admin("jobs", "resume", "1", "--here").out
    assert "No job is on its way" in admin("jobs").out
    assert "described" in json.loads(admin("list", "--json").out)[0]["steps"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "radar and 3 optical products"),
        (("--modality", "optical", "--patch-size", "64q"), "no size"),
        (("--modality", "optical", "--aoi", "1,2,3"), "no box"),
        (("--modality", "optical", "--aoi", "10,5,9,4"), "south below north"),
        (("--modality", "optical", "--max-cloud", "20"), "share from 0 to 1"),
        (("--modality", "optical", "--feature", "magic"), "no descriptor"),
        (("--modality", "optical", "--patch-size", "2000"), "No patch of this size"),
        (("--modality", "sar", "--bands", "VV,XX"), "has no band 'VV'"),
    ],
)
def test_what_cannot_be_is_said(admin, scenes: Path, args: tuple[str, ...], words: str) -> None:
    told = admin("ingest", str(scenes), "--name", "Cut", *args)
    assert told.code in (1, 2) and told.out == ""
    assert words in told.err and told.err.startswith("eobench: ") and "Traceback" not in told.err


def test_patches_of_others_and_a_series_of_real_scenes(admin, shared_dir: Path, monkeypatch) -> None:
    rasters = shared_dir / "fixtures/rasters"
    monkeypatch.setenv("EOBENCH_DATA_ROOTS", str(rasters))
    told = admin("ingest", str(rasters / "BigEarthNet-S1-Example"), "--name", "S1", "--patch-size", "120")
    assert told.code == 0, told.err
    assert "S1: 6 patches from 6 products" in told.out and "Turned from dB to linear power." in told.out
    args = ("--name", "S2", "--patch-size", "60", "--scales", "120", "--feature", "spectral_indices")
    told = admin("ingest", str(rasters / "BigEarthNet-S2-Example"), *args)
    assert told.code == 0, told.err
    assert "S2: 30 patches from 6 products" in told.out and "30 × 40 features of kind spectral_indices" in told.out
    args = ("--name", "Series", "--patch-size", "64", "--feature", "wld+band_stats", "--bands", "B02,B03,B04")
    told = admin("ingest", str(rasters / "boadella_s2"), *args)
    assert told.code == 0, told.err
    assert "from 2 products" in told.out and "features of kind wld144+band_stats" in told.out
    assert "6 patches imported" in admin("import", str(rasters / "BigEarthNet-S2-Example"), "--name", "Labelled").out
    rows = {row["name"]: row for row in json.loads(admin("list", "--json").out)}
    assert rows["Labelled"]["labels"] == 10 and "described" in rows["Series"]["steps"]
