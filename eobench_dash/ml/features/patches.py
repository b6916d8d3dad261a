"""Checked pixels: what every descriptor starts from."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from eobench_dash.errors import UnsupportedPatch
from eobench_dash.ml.features.dimensions import texture_planes
from eobench_dash.ml.features.kinds import MAX_BANDS, MAX_SIZE, MIN_SIZE, MODALITIES, FeatureKind
from eobench_dash.ml.threads import in_order, workers

FULL_SCALE = {"uint8": 255.0, "uint16": 10000.0, "float32": 1.0}
"""The pixel value taken as 1: 8-bit pictures, Sentinel-2 digital numbers (reflectance x 10000), reflectance."""
LUMINANCE = (299.0, 587.0, 114.0)
"""Rec. 601 weights in thousandths: with 8-bit pixels every sum below is then a whole number, exact in float32."""
CHUNK = 8
"""Patches a thread takes at once: few, so that what is made of them stays in the nearer caches."""


@dataclass(frozen=True)
class Patches:
    """``pixels`` (n, bands, H, W) uint8, uint16 or finite float32; ``valid`` (n, H, W) bool, or None if all are.

    ``band_names``: one per band, where known; ``state``: what ``fit`` gave, for kinds that learn.
    """

    pixels: np.ndarray
    valid: np.ndarray | None
    modality: str
    band_names: tuple[str, ...] | None = None
    state: Mapping[str, np.ndarray] | None = None

    @property
    def bands(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def unit(self) -> float:
        return FULL_SCALE[self.pixels.dtype.name]

    def part(self, rows: slice) -> "Patches":
        return replace(self, pixels=self.pixels[rows], valid=None if self.valid is None else self.valid[rows])

    def mask(self) -> np.ndarray:
        """Valid pixels as (n, H, W) float32 ones and zeros."""
        n, _, height, width = self.pixels.shape
        return np.ones((n, height, width), np.float32) if self.valid is None else self.valid.astype(np.float32)

    def luminance_weights(self) -> np.ndarray:
        """(bands,) float32: Rec. 601 for three bands (red, green, blue), equal weights otherwise."""
        return np.array(LUMINANCE if self.bands == 3 else [1.0] * self.bands, np.float32)

    def planes(self) -> np.ndarray:
        """(n, planes, H, W) float32 for texture: the luminance of three-band optical patches, else ``bands_in_use``."""
        if self.bands != 3 or texture_planes(bands=3, modality=self.modality) == 3:
            return self.bands_in_use()
        weights = self.luminance_weights()
        weights /= weights.sum() * np.float32(self.unit)
        luminance: np.ndarray = np.einsum("b,nbyx->nyx", weights, self.pixels)[:, None]
        return luminance

    def bands_in_use(self) -> np.ndarray:
        """(n, bands, H, W) float32: optical in units of full scale, radar as log10 of the linear value over full scale.

        The logarithm's floor is half a digital number for integers, 1e-5 (-50 dB) for floats.
        """
        if self.modality == "optical":
            return self.pixels.astype(np.float32) / np.float32(self.unit)
        floor = np.float32(0.5 if self.pixels.dtype.kind == "u" else 1e-5)
        logs: np.ndarray = np.log10(np.maximum(self.pixels.astype(np.float32), floor) / np.float32(self.unit))
        return logs


def checked(
    kind: FeatureKind,
    pixels: np.ndarray,
    *,
    modality: str,
    nodata: np.ndarray | None,
    band_names: Sequence[str] | None = None,
    state: Mapping[str, np.ndarray] | None = None,
) -> Patches:
    """The batch, ready to describe. Raises UnsupportedPatch with the reason and what to do."""
    if modality not in MODALITIES:
        raise UnsupportedPatch(f"Modality is 'optical' or 'sar', not {str(modality)[:20]!r}.")
    if modality not in kind.modalities:
        other = " or ".join(sorted(kind.modalities))
        raise UnsupportedPatch(
            f"{kind.name} describes {other} patches, not {modality} ones; choose another descriptor."
        )
    if pixels.ndim != 4:
        raise UnsupportedPatch(f"Pixels come as (patches, bands, height, width); got {pixels.ndim} dimensions.")
    if pixels.dtype.name not in FULL_SCALE:
        raise UnsupportedPatch(f"Pixels are uint8, uint16 or float32; got {pixels.dtype.name}: convert them first.")
    n, bands, height, width = pixels.shape
    if not 1 <= bands <= MAX_BANDS:
        raise UnsupportedPatch(f"A patch has 1 to {MAX_BANDS} bands; this one has {bands}.")
    if min(height, width) < MIN_SIZE or max(height, width) > MAX_SIZE:
        raise UnsupportedPatch(
            f"A patch measures {MIN_SIZE} to {MAX_SIZE} pixels each way; this one is {width} x {height}. "
            "Cut larger (smaller) patches."
        )
    if band_names is not None and len(band_names) != bands:
        raise UnsupportedPatch(f"{len(band_names)} band names for {bands} bands; give one for each, in order.")
    valid = None
    if nodata is not None:
        if nodata.shape != (n, height, width) or nodata.dtype != np.bool_:
            raise UnsupportedPatch("The nodata mask is boolean, shaped (patches, height, width) like the pixels.")
        valid = ~nodata if nodata.any() else None
    if pixels.dtype.kind == "f":
        pixels = _finite(pixels, valid)
        if modality == "sar" and n and float((pixels < 0).mean()) > 0.5:
            raise UnsupportedPatch(
                "Radar pixels are mostly negative, so in decibels; give linear intensity or amplitude."
            )
    # The kernels are compiled for plain, writable arrays in this machine's byte order: no copy where they are that.
    pixels = np.require(pixels, pixels.dtype.newbyteorder("="), ["C", "W", "E"])
    return Patches(pixels, valid, modality, None if band_names is None else tuple(band_names), state)


def _finite(pixels: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    """The pixels with 0 where nodata; refuses NaN and infinity anywhere else."""
    if valid is not None:
        pixels = np.where(valid[:, None], pixels, np.float32(0))
    bad = ~np.isfinite(pixels).all(axis=(1, 2, 3))
    if bad.any():
        raise UnsupportedPatch(
            f"{int(bad.sum())} of {len(bad)} patches hold NaN or infinite pixels (the first is number "
            f"{int(bad.argmax())} of the batch); mark them as nodata or repair them."
        )
    return pixels


def run_chunks(work: Callable[[slice], None], rows: int, *, chunk: int = CHUNK) -> None:
    """Call ``work`` on every chunk of rows, on all threads: the kernels release the interpreter lock.

    Plain threads, not numba's: those may not be entered from two threads at once and do not survive a fork.
    """
    parts = [slice(start, min(start + chunk, rows)) for start in range(0, rows, chunk)]
    if len(parts) < 2 or workers() == 1:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(workers()) as pool:
        for _ in in_order(pool, work, parts):
            pass
