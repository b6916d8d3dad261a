"""From whole SAFE products to described patches: units, places, what is refused and why; folder and zip alike."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ingest_house import House
from s1_safe import Grd, speckle
from safe_trees import BANDS, SIZE, make_l1c, make_l2a, numbers

from eobench_dash.db.models import Embedding, FeatureSet, Job
from eobench_dash.domain.jobs import JobKind
from eobench_dash.domain.products import ReadOptions
from eobench_dash.ml.features.spectral import indices_for
from eobench_dash.store.features import FeatureArray

PLAN = {"patch": 60}
SIDES = SIZE // 60
Facts = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.ws.close()


def packed(house: House, safe: Path) -> Path:
    """A zip of the product, beside no folder of it."""
    folder = house.data / f"{safe.parent.name}-zip"
    folder.mkdir()
    return Path(shutil.make_archive(str(folder / safe.stem), "zip", safe.parent, safe.name))


def facts(house: House, dataset_id: int) -> Facts:
    """All that is known of each patch but which product it is of."""
    names = [c.name for c in house.patches(dataset_id)[0][1].__table__.columns if not c.name.endswith("_id")]
    return [
        (patch.lon, patch.lat, *(getattr(window, name) for name in names))
        for patch, window in house.patches(dataset_id)
    ]


def vectors(house: House, dataset_id: int, kind: str) -> np.ndarray:
    with house.ws.db.read() as session:
        row = session.query(FeatureSet).filter_by(dataset_id=dataset_id, kind=kind).one()
    return np.concatenate(
        list(FeatureArray(house.ws.store.feature_dir(dataset_id, row.folder), rows=row.rows).blocks())
    )


def same_zipped(house: House, safe: Path, dataset_id: int, **asked: Any) -> None:
    job = house.done(packed(house, safe), **asked)
    assert facts(house, job.dataset_id) == facts(house, dataset_id)


def test_level_1c_is_reflectance_with_its_offset_and_its_indices(house: House) -> None:
    safe = make_l1c(house.data / "l1c", baseline="05.09")
    job = house.done(safe, plan={**PLAN, "limits": {"nodata": 0.0}}, features=["spectral_indices", "wld144"])
    report = house.report(job.dataset_id)
    assert report.refused == {"nodata": 1} and report.patches == SIDES**2 - 1, "the corner without data"
    source, found = house.pixels(job.dataset_id), house.patches(job.dataset_id)
    due = {band: (numbers(band, 10).astype(np.float32) - 1000) / 10_000 for band in ("B02", "B03", "B04", "B08")}
    for patch, window in found:
        values = source.read(patch.ordinal, patch.path)
        assert values.shape == (len(BANDS), 60, 60) and values.dtype == np.float32
        for band, plane in due.items():
            cut = plane[window.row : window.row + 60, window.col : window.col + 60]
            assert np.allclose(values[BANDS.index(band)], cut, atol=1e-7)
        assert window.nodata == 0 and window.cloud is not None
    told = vectors(house, job.dataset_id, "spectral_indices")
    assert told.shape == (SIDES**2 - 1, 5 * len(indices_for(BANDS)))
    at = indices_for(BANDS).index("NDVI")
    for (_, window), row in zip(found[::9], told[::9], strict=True):
        red, nir = (
            due[band][window.row : window.row + 60, window.col : window.col + 60].astype(float)
            for band in ("B04", "B08")
        )
        assert row[5 * at] == pytest.approx(((nir - red) / (nir + red)).mean(), abs=2e-3)
    same_zipped(house, safe, job.dataset_id, plan={**PLAN, "limits": {"nodata": 0.0}})


def test_before_baseline_4_there_is_no_offset(house: House) -> None:
    safe = make_l1c(house.data / "old", baseline="02.06", bands=("B02",))
    job = house.done(safe, plan=PLAN, options=ReadOptions(bands=("B02",)))
    ordinal, path = house.patches(job.dataset_id)[7][0].ordinal, house.patches(job.dataset_id)[7][0].path
    values = house.pixels(job.dataset_id).read(ordinal, path)
    assert np.allclose(values[0], numbers("B02", 10)[60:120, 60:120] / 10_000, atol=1e-7)


def test_level_2a_refuses_what_its_scene_classes_call_cloud(house: House) -> None:
    safe = make_l2a(house.data / "l2a")
    cloudy = np.zeros((SIZE, SIZE), bool)
    for row in (40, 60, 80):  # classes 8, 9 and 10, in pixels of 20 m; 3 (shadow) and 11 (snow) are no clouds
        cloudy[2 * row : 2 * row + 20, 40:60] = True
    shares = cloudy.reshape(SIDES, 60, SIDES, 60).mean(axis=(1, 3))
    asked = {"plan": {**PLAN, "limits": {"cloud": 0.05}}, "options": ReadOptions(bands=("B04", "B8A", "B12"))}
    job = house.done(safe, **asked)
    report = house.report(job.dataset_id)
    assert report.refused == {"cloud": int((shares > 0.05).sum())} and report.refused["cloud"] >= 2
    for _, window in house.patches(job.dataset_id):
        assert window.cloud == pytest.approx(shares[window.row // 60, window.col // 60])
    assert report.flags["cloud"]["max"] == pytest.approx(shares[shares <= 0.05].max(), abs=1e-5)
    same_zipped(house, safe, job.dataset_id, **asked)


SEA = 20_000.0


def strip(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Speckle with a stripe in which nothing was measured."""
    dn = speckle(rng, height, width, power=SEA)
    dn[:, :70] = 0
    return dn


@pytest.fixture(scope="module")
def grd(house: House) -> tuple[Grd, Path]:
    made = Grd(pixels=strip, gcps=True)
    return made, made.write(house.data / "s1")


def test_sentinel_1_is_sigma_nought_in_power_at_its_place(house: House, grd: tuple[Grd, Path]) -> None:
    made, safe = grd
    asked = {"plan": {"patch": 64, "scales": [128], "limits": {"nodata": 0.2}}}
    job = house.done(safe, **asked, features=["sar_wld144", "sar_stats"], map_first=True)
    report = house.report(job.dataset_id)
    rows, cols = made.height // 64, made.width // 64
    wide_rows, wide_cols = made.height // 128, made.width // 128
    assert report.refused == {"nodata": rows + wide_rows}, "one column of each scale"
    assert report.scales == {"128": wide_rows * (wide_cols - 1), "64": rows * (cols - 1)}
    source = house.pixels(job.dataset_id)
    for patch, window in house.patches(job.dataset_id):
        values = source.read(patch.ordinal, patch.path)
        assert values.shape[0] == 2 and values.dtype == np.float32
        power = (SEA - made.noise * made.azimuth) / made.gain**2
        assert np.nanmean(values) == pytest.approx(power, rel=0.05), "linear power, noise removed"
        middle = made.place(window.row + window.size / 2 - 0.5, window.col + window.size / 2 - 0.5)
        assert (patch.lon, patch.lat) == pytest.approx(middle, abs=1e-5)
        corners = np.frombuffer(window.corners, "<f8").reshape(4, 2)
        far = window.row + window.size - 0.5, window.col + window.size - 0.5
        assert tuple(corners[2]) == pytest.approx(made.place(*far), abs=1e-5)
    assert vectors(house, job.dataset_id, "sar_wld144").shape == (report.patches, 288)
    assert np.isfinite(vectors(house, job.dataset_id, "sar_stats")).all()
    with house.ws.db.read() as session:
        mapped = session.query(Job).filter_by(kind=JobKind.EMBED, dataset_id=job.dataset_id).one()
    assert house.run(mapped.id).error == ""
    with house.ws.db.read() as session:
        assert session.query(Embedding).filter_by(dataset_id=job.dataset_id).one().rows == report.patches
    same_zipped(house, safe, job.dataset_id, **asked)


def test_sentinel_1_on_a_map(house: House, grd: tuple[Grd, Path]) -> None:
    made, safe = grd
    options = ReadOptions(bands=("VV",), grid=True, resolution=20.0)
    job = house.done(safe, plan={"patch": 32, "limits": {"nodata": 0.1}}, options=options, features=["sar_stats"])
    report = house.report(job.dataset_id)
    assert report.refused["nodata"] > 5 < report.patches
    source = house.pixels(job.dataset_id)
    for patch, window in house.patches(job.dataset_id):
        values = source.read(patch.ordinal, patch.path)
        assert np.nanmean(values) == pytest.approx((SEA - made.noise) / made.gain**2, rel=0.08)
        corners = np.frombuffer(window.corners, "<f8").reshape(4, 2)
        assert corners[0, 1] > corners[3, 1] and corners[1, 0] > corners[0, 0], "north is up"
        assert corners[:, 0].min() < patch.lon < corners[:, 0].max()


def test_border_noise_is_refused_and_counted(house: House) -> None:
    def bordered(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        dn = speckle(rng, height, width, power=3000.0)
        dn[:, :130] = speckle(rng, height, width, power=150.0)[:, :130]
        dn[:, :30] = 0
        return dn

    made = Grd(height=1500, width=2400, pixels=bordered, ipf="002.72", old_noise=True, pols=("VV",))
    job = house.done(made.write(house.data / "border"), plan={"patch": 120, "limits": {"border_noise": 0.5}})
    report = house.report(job.dataset_id)
    assert report.refused == {"border_noise": 1500 // 120}
    assert report.flags["border_noise"]["max"] <= 0.5


def test_a_real_level_1c_of_one_band(house: House, shared_dir: Path) -> None:
    found = next((shared_dir / "fixtures/products").glob("S2A_MSIL1C_2018*"))
    safe = Path(shutil.copytree(found, house.data / "real" / f"{found.name}.SAFE"))
    options = ReadOptions(bands=("B01",), resolution=60)
    job = house.done(safe, plan={"patch": 64, "limits": {"nodata": 0.5}}, options=options, features=["band_stats"])
    report = house.report(job.dataset_id)
    assert report.patches + report.refused["nodata"] == 28**2
    lons = [patch.lon for patch, _ in house.patches(job.dataset_id)]
    assert 1.7 < min(lons) < max(lons) < 3.2, "T31TDH"
    assert vectors(house, job.dataset_id, "band_stats").shape == (report.patches, 11)
