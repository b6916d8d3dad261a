"""Blocks of products follow their rows of tiles: the same for the same rows, each tile decoded for one block only."""

from pathlib import Path

import numpy as np
import pytest
from safe_trees import SIZE, make_l1c
from scenes import textured, write_scene
from sqlalchemy import select

from eobench_dash.db.models import Dataset, FeatureSet
from eobench_dash.domain.ingesting import IngestPlan
from eobench_dash.domain.products import ReadOptions
from eobench_dash.ml import features as ml
from eobench_dash.sentinel import gdal
from eobench_dash.services import features, ingesting
from eobench_dash.services.block_vectors import stacked
from eobench_dash.services.pixels import open_spec, pixel_spec
from eobench_dash.store.features import FeatureArray
from eobench_dash.tasks import describe_plan, describing, patch_blocks
from eobench_dash.tasks.patch_blocks import cut_blocks, paths_of

PATCH = 20
LIMITS = {"few": 8, "many": 60, "light": 1_000}


@pytest.fixture
def safe(tmp_path: Path, monkeypatch) -> Path:
    """A product of 18 × 18 patches of 20 pixels, in tiles of 64 pixels: 3.2 rows of patches to a row of tiles."""
    monkeypatch.setattr(patch_blocks, "TILE_M", {10.0: 640})
    return make_l1c(tmp_path / "data", bands=("B03", "B04"), mask="none")


@pytest.fixture
def ingest(workspace, builder, run):
    def start(*paths: Path, bands=("B03", "B04"), scales=()) -> Dataset:
        plan = IngestPlan.from_dict({"patch": PATCH, "scales": list(scales)})
        options = ReadOptions(bands=bands)
        job = run(
            ingesting.start_ingest(
                workspace, builder, paths=[str(p) for p in paths], name=f"Set {paths[0].name}", plan=plan,
                options=options,
            )
        )  # fmt: skip
        assert job.state == "done", job.error
        with workspace.db.read() as session:
            return session.get_one(Dataset, job.result["dataset_id"])

    return start


def test_blocks_of_a_product_end_where_its_rows_of_tiles_do(workspace, safe: Path, ingest) -> None:
    dataset = ingest(safe)
    side = SIZE // PATCH
    blocks = cut_blocks(workspace, dataset, first=0, **LIMITS)
    assert blocks.tile == 64 and blocks.bounds[0] == 0 and blocks.bounds[-1] == side * side
    starts = [bound // side for bound in blocks.bounds]
    assert all(bound % side == 0 for bound in blocks.bounds)
    assert starts == [0, 4, 7, 10, 13, 16, 18], "the first patch row of each row of tiles"
    assert blocks == cut_blocks(workspace, dataset, first=0, **LIMITS)
    rest = cut_blocks(workspace, dataset, first=100, **LIMITS)
    assert rest.bounds == (100, *blocks.bounds[2:]), "what is appended is cut at the same rows"


def test_scales_and_products_are_kept_apart(workspace, ingest, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for number in (0, 1):
        write_scene(tmp_path / "data" / f"S2_{number}.tif", textured(rng, 3, 200, 160), east_m=9000.0 * number)
    dataset = ingest(*(tmp_path / "data" / f"S2_{n}.tif" for n in (0, 1)), bands=(), scales=[40])
    count = dataset.patch_count // 2
    blocks = cut_blocks(workspace, dataset, first=0, **LIMITS)
    assert blocks.tile == 0 and count in blocks.bounds and {5 * 4, count + 5 * 4} <= set(blocks.bounds)
    assert cut_blocks(workspace, dataset, first=0, few=500, many=500, light=8).bounds == (0, 2 * count)


@pytest.mark.parametrize("aligned", [True, False])
def test_each_tile_is_decoded_for_one_block_and_no_number_changes(
    workspace, builder, run, safe: Path, ingest, monkeypatch, aligned: bool
) -> None:
    """Counted for as many readers as blocks: what a cluster of many workers decodes at the most."""
    dataset = ingest(safe)
    monkeypatch.setattr(describe_plan, "BLOCK_ROWS", (8, 60))
    if not aligned:
        monkeypatch.setattr(patch_blocks, "_rows", lambda *args: iter(()))
        monkeypatch.setattr(patch_blocks, "banded_blocks", lambda rows, **limits: (-1,))
    decoded: list[tuple[str, int, int]] = []
    real_read, real_batches = gdal.read, describing.describe_block

    def read(file, *, window, **more):
        seen.update(
            (Path(file.name).name, row, col)
            for row in range(window.row // 64, (window.row + window.height - 1) // 64 + 1)
            for col in range(window.col // 64, (window.col + window.width - 1) // 64 + 1)
        )
        return real_read(file, window=window, **more)

    seen: set[tuple[str, int, int]] = set()

    def describe(block):
        seen.clear()
        made = real_batches(block)
        decoded.extend(seen)
        return made

    monkeypatch.setattr(gdal, "read", read)
    monkeypatch.setattr(describing, "describe_block", describe)
    monkeypatch.setattr(describing, "workers", lambda: 1)
    job = run(features.start_features(workspace, builder, dataset_id=dataset.id, kind="band_stats"))
    assert job.state == "done", job.error
    tiles = 2 * 6 * 6
    # 20 does not divide 64: at four of the five bounds a row of patches lies in two rows of tiles
    assert len(set(decoded)) == tiles
    assert (len(decoded) <= 1.8 * tiles) if aligned else (len(decoded) > 2.5 * tiles), len(decoded)

    spec = pixel_spec(dataset, workspace.settings)
    paths = paths_of(workspace, dataset.id, 0, dataset.patch_count)
    pixels, nodata = stacked(open_spec(spec).read_masked(range(len(paths)), paths))
    whole = ml.describe("band_stats", pixels, modality="optical", nodata=nodata, band_names=spec.band_names)
    with workspace.db.read() as session:
        row = session.scalars(select(FeatureSet)).one()
    vectors = FeatureArray(workspace.store.feature_dir(dataset.id, row.folder)).as_array()
    np.testing.assert_array_equal(vectors, whole)
