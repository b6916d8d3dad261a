"""The descriptors' contract: table, dimensions, refusals, nodata, and equality with slow formulas, for every kind."""

import os
import subprocess
import sys

import numpy as np
import pytest
from feature_inputs import NAMES, PLAIN, described, needs, pixels_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bench.feature_reference import reference
from eobench_dash.errors import UnsupportedPatch
from eobench_dash.ml.features import KINDS, describe, dimension, patches, warm_up
from eobench_dash.ml.features.patches import run_chunks

each_kind = pytest.mark.parametrize(("kind", "modality"), PLAIN)


def test_reading_the_table_loads_no_compiler():
    code = (
        "import sys, eobench_dash.ml.features as f; f.KINDS, f.dimension('all', bands=3); print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_combined_default_comes_first_and_its_blocks_exist():
    assert next(iter(KINDS)) == "all"
    for modality in ("optical", "sar"):
        blocks = KINDS["all"].blocks_for(modality)
        assert len(blocks) == 4
        assert all(modality in KINDS[block].modalities for block in blocks)
    assert KINDS["all"].blocks == ("wld144", "color_stats", "gabor", "rcf")


@each_kind
@pytest.mark.parametrize("bands", [1, 2, 3, 6])
def test_vectors_have_the_announced_dimension(kind, modality, bands):
    if kind == "spectral_indices" and bands == 1:
        pytest.skip("one band makes no index")
    vectors = described(kind, pixels_of(modality, n=2, bands=bands), modality=modality)
    assert vectors.shape == (2, dimension(kind, bands=bands, modality=modality, band_names=NAMES[:bands]))
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()


def test_dimensions():
    sizes = {kind: dimension(kind, bands=3, band_names=NAMES[:3]) for kind in KINDS}
    assert sizes == {
        "all": 128,
        "wld144": 144,
        "wld960": 960,
        "sar_wld144": 432,
        "sar_wld144_rmd3x3": 432,
        "color_stats": 111,
        "gabor": 48,
        "glcm": 42,
        "multispectral_hist": 48,
        "band_stats": 33,
        "spectral_indices": 10,
        "sar_stats": 42,
        "rcf": 1024,
        "bovw": 256,
    }
    assert dimension("gabor", bands=3, modality="sar") == 144
    assert dimension("sar_wld144", bands=2) == 288
    assert dimension("sar_stats", bands=2, modality="sar") == 22
    assert dimension("multispectral_hist", bands=13) == 208


@each_kind
@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.uint16])
@pytest.mark.parametrize("masked", [False, True])
def test_same_as_the_formulas_written_out(kind, modality, dtype, masked):
    pixels = pixels_of(modality, dtype=dtype)
    nodata = np.zeros((4, 40, 40), bool)
    if masked:
        nodata[:, :13] = True
        nodata[2] = np.random.default_rng(5).random((40, 40)) < 0.02
        pixels[nodata[:, None].repeat(3, axis=1)] = 0
    fast = described(kind, pixels, modality=modality, nodata=nodata if masked else None)
    needed = {"names": NAMES[:3], "state": needs(kind, 3, modality).get("state")}
    slow = np.array([reference(kind, p, modality, ~m, **needed) for p, m in zip(pixels, nodata, strict=True)])
    difference = np.abs(fast - slow)
    if "wld" in kind:  # float32 may put a pixel on the other side of a bin's edge: one in a thousand, no more
        assert difference.reshape(4, -1, 144 if "144" in kind else 960).sum(axis=2).max() / 2 <= 1e-3
    else:
        assert (difference <= 2e-4 * np.maximum(np.abs(slow).max(axis=0), 1e-2)).all()


@each_kind
def test_a_vector_depends_on_its_own_patch_only(kind, modality):
    pixels = pixels_of(modality, n=70, size=24)
    together = described(kind, pixels, modality=modality)
    np.testing.assert_array_equal(together[[41]], described(kind, pixels[41:42], modality=modality))
    np.testing.assert_array_equal(together[::-1], described(kind, pixels[::-1], modality=modality))


@each_kind
@pytest.mark.parametrize("masked", [False, True])
def test_one_thread_gives_the_bytes_of_many(kind, modality, masked, monkeypatch):
    pixels = pixels_of(modality, n=40, size=32)
    nodata = np.random.default_rng(0).random((40, 32, 32)) < 0.01 if masked else None
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    alone = described(kind, pixels, modality=modality, nodata=nodata)
    monkeypatch.setattr(patches, "workers", lambda: 5)
    assert described(kind, pixels, modality=modality, nodata=nodata).tobytes() == alone.tobytes()


@each_kind
def test_what_lies_under_nodata_does_not_matter(kind, modality):
    pixels = pixels_of(modality)
    nodata = np.zeros((4, 40, 40), bool)
    nodata[:, 25:] = True
    other = pixels.copy()
    other[:, :, 25:] = np.nan
    np.testing.assert_array_equal(
        described(kind, pixels, modality=modality, nodata=nodata),
        described(kind, other, modality=modality, nodata=nodata),
    )


@each_kind
def test_a_patch_of_nodata_gives_zeros(kind, modality):
    vectors = described(kind, pixels_of(modality, n=1), modality=modality, nodata=np.ones((1, 40, 40), bool))
    assert not vectors.any()


@each_kind
def test_no_patches_no_vectors(kind, modality):
    nothing = described(kind, np.empty((0, 2, 32, 32), np.uint8), modality=modality)
    assert nothing.shape == (0, dimension(kind, bands=2, modality=modality, band_names=NAMES[:2]))


@each_kind
@settings(max_examples=25, deadline=None)
@given(
    pixels=hnp.arrays(
        np.float32,
        st.tuples(st.just(2), st.integers(2, 4), st.integers(16, 21), st.integers(16, 21)),
        elements=st.floats(0, 1e6, width=32),
        fill=st.sampled_from([0.0, 1e-42, 1.0, 255.0]),
    ),
    holes=st.sampled_from([0.0, 0.02, 0.5, 0.99]),
)
def test_any_finite_pixels_give_finite_vectors(kind, modality, pixels, holes):
    nodata = np.random.default_rng(pixels.shape[2]).random((2, *pixels.shape[2:])) < holes
    pixels[nodata[:, None].repeat(pixels.shape[1], axis=1)] = np.nan
    assert np.isfinite(described(kind, pixels, modality=modality, nodata=nodata)).all()


@each_kind
def test_huge_and_negative_values_break_no_bin(kind, modality):
    """Sums of these may overflow; no index may leave its array."""
    rng = np.random.default_rng(1)
    pixels = (10.0 ** rng.uniform(-44, 38, (2, 3, 24, 24)) * rng.choice([1, 1, 1, -1], (2, 3, 24, 24))).astype(
        np.float32
    )
    with np.errstate(all="ignore"):
        assert described(kind, pixels, modality=modality).shape[0] == 2


@each_kind
def test_a_range_too_small_to_divide_by_is_flat(kind, modality):
    pixels = np.zeros((2, 3, 20, 20), np.float32)
    pixels[..., ::2] = 1e-42
    pixels[1, :, 5, 5] = np.float32(3e-39)
    assert np.isfinite(described(kind, pixels, modality=modality)).all()


@each_kind
def test_how_the_pixels_lie_in_memory_does_not_matter(kind, modality, tmp_path):
    pixels = pixels_of(modality, dtype=np.uint16)
    expected = described(kind, pixels, modality=modality)
    np.save(tmp_path / "p.npy", pixels)
    read_only = np.load(tmp_path / "p.npy", mmap_mode="r")
    last_axis = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for same in (read_only, last_axis, pixels.astype(">u2")):
        np.testing.assert_array_equal(described(kind, same, modality=modality), expected)


def test_brightness_alone_moves_colour_but_not_its_ratios():
    pixels = pixels_of("optical") + np.float32(0.2)
    stats, brighter = (
        describe("color_stats", p, modality="optical")[:, :108].reshape(4, 6, 18) for p in (pixels, pixels * 2)
    )
    np.testing.assert_allclose(brighter[:, :3, 0], 2 * stats[:, :3, 0], rtol=1e-5)
    np.testing.assert_allclose(brighter[:, 3:, 0], stats[:, 3:, 0], atol=2e-3)


@pytest.mark.parametrize(("k", "axis"), [(0, 1), (3, 0)])
def test_gabor_answers_to_the_wave_it_is_made_for(k, axis):
    position = np.mgrid[:64, :64][axis]
    for octave in range(4):
        wave = 0.5 + 0.4 * np.sin(2 * np.pi * 0.3 / 2**octave * position)
        means = describe("gabor", wave[None, None].astype(np.float32), modality="optical").reshape(4, 6, 2)[..., 0]
        assert np.unravel_index(means.argmax(), means.shape) == (octave, k)


def test_rcf_parts_differ_by_the_mean_response():
    from eobench_dash.ml.features.rcf import filters

    flat = np.full((1, 3, 32, 32), 0.6, np.float32)
    vector = describe("rcf", flat, modality="optical")[0].reshape(2, 512)
    expected = np.concatenate([0.6 * weights.sum(axis=0) + bias for weights, bias in filters(3, "optical")])
    np.testing.assert_allclose(vector[0] - vector[1], expected, atol=1e-3)
    assert (np.minimum(vector[0], vector[1]) == 0).all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "wld900"}, "There is no descriptor 'wld900'; choose one of: all, wld144"),
        ({"kind": "all"}, "made of wld144, color_stats, gabor, rcf: describe those"),
        ({"kind": "sar_wld144"}, "describes sar patches, not optical ones"),
        ({"modality": "lidar"}, "'optical' or 'sar', not 'lidar'"),
        ({"pixels": np.zeros((3, 32, 32), np.uint8)}, "got 3 dimensions"),
        ({"pixels": np.zeros((1, 3, 32, 32))}, "got float64"),
        ({"pixels": np.zeros((1, 3, 15, 32), np.uint8)}, "16 to 4096 pixels each way; this one is 32 x 15"),
        ({"pixels": np.zeros((1, 65, 16, 16), np.uint8)}, "1 to 64 bands; this one has 65"),
        ({"pixels": np.zeros((1, 0, 16, 16), np.uint8)}, "1 to 64 bands; this one has 0"),
        ({"pixels": np.full((2, 1, 16, 16), np.nan, np.float32)}, "2 of 2 patches hold NaN or infinite pixels"),
        ({"nodata": np.zeros((1, 16, 16), np.uint8)}, "nodata mask is boolean"),
        ({"nodata": np.zeros((1, 32, 31), bool)}, "nodata mask is boolean"),
        ({"band_names": ("B02", "B03")}, "2 band names for 3 bands"),
        ({"kind": "bovw"}, "learns its words from the dataset: fit it on some patches first"),
        ({"kind": "bovw", "state": {}}, "learned from other bands"),
        ({"kind": "spectral_indices"}, "these bands have no names"),
        ({"kind": "wld+gabor"}, "made of wld144, gabor: describe those"),
        (
            {"kind": "sar_wld144", "modality": "sar", "pixels": np.full((1, 1, 16, 16), -12.5, np.float32)},
            "in decibels; give linear",
        ),
    ],
)
def test_refusals_say_what_is_wrong(change, sentence):
    arguments = {"kind": "wld144", "pixels": np.zeros((1, 3, 32, 32), np.uint8), "modality": "optical"} | change
    with pytest.raises(UnsupportedPatch) as refused:
        describe(arguments.pop("kind"), arguments.pop("pixels"), **arguments)
    assert sentence in str(refused.value)


def test_dimension_refuses_too():
    with pytest.raises(UnsupportedPatch, match="no descriptor"):
        dimension("nothing", bands=3)
    with pytest.raises(UnsupportedPatch, match="1 to 64 bands"):
        dimension("gabor", bands=0)


def test_chunks_cover_all_rows_and_errors_come_through(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    seen = np.zeros(101, int)

    def work(rows):
        seen[rows] += 1

    run_chunks(work, 101, chunk=8)
    assert (seen == 1).all()

    def fail(rows):
        raise UnsupportedPatch("no")

    with pytest.raises(UnsupportedPatch):
        run_chunks(fail, 101, chunk=8)


def test_warm_up_leaves_every_kind_ready():
    warm_up()
    from eobench_dash.ml.features import (
        bovw_kernels,
        color_kernels,
        gabor_kernels,
        levels_kernels,
        rcf_kernels,
        statistics_kernels,
        wld_kernels,
    )

    for kernel in (
        color_kernels.statistics,
        gabor_kernels.bank,
        rcf_kernels.pool,
        wld_kernels.three,
        wld_kernels.roewa,
        levels_kernels.histograms,
        levels_kernels.cooccurrences,
        statistics_kernels.statistics,
        statistics_kernels.ratios,
        statistics_kernels.correlations,
        bovw_kernels.count_words,
    ):
        assert kernel.signatures
    assert len(wld_kernels.three.signatures) >= 3


def test_the_first_run_gives_the_bytes_of_later_ones(tmp_path):
    """A kernel compiled just now and the same from the cache round alike: a fresh worker's features equal a warm one's.

    (Inner loops compiled apart from their callers once did not.)
    """
    code = (
        "import hashlib, numpy as np; from eobench_dash.ml.features import describe\n"
        "p = np.random.default_rng(0).random((2, 3, 33, 35), dtype=np.float32)\n"
        "print(hashlib.sha256(describe('rcf', p, modality='optical').tobytes()).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        ).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    assert list(tmp_path.rglob("*.nbi"))
