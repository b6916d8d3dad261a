"""From digital numbers to sigma nought: the product's own calibration and noise tables, interpolated per window.

    sigma nought = (DN² − noiseRange · noiseAzimuth) / sigmaNought²        (linear power)

Each table is bilinear between its nodes: along a vector in pixels, between vectors in lines; beyond the first and last
node the nearest counts. Azimuth noise holds inside the rectangle of its block (a sub-swath) and varies along lines
only. Before IPF 2.90 there is range noise alone, under other names. Source: Sentinel-1 Product Specification
S1-RS-MDA-52-7441; thermal denoising after the Mission Performance Centre's note MPC-0392.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.s1_fields import Fields, Floats, rising

Power = npt.NDArray[np.float32]

FLOOR = 1e-6
"""Smallest sigma nought handed out (−60 dB, below a DN of one): where the noise taken off exceeds what was measured,
power would be negative. Clipped last, after any averaging, so that means stay true; never 0, so that logarithms do."""
_POSITION = 1_000_000


@dataclass(frozen=True, eq=False)
class Table:
    """Vectors of (pixels, values) at ``lines``; pixels differ from vector to vector."""

    lines: Floats
    vectors: tuple[tuple[Floats, Floats], ...]

    def at(self, rows: Floats, cols: Floats) -> Power:
        """(rows, cols) float32, or (1, cols) where all rows are the same. ``rows`` rise; both are pixel centres."""
        if len(self.lines) == 1:
            return np.interp(cols, *self.vectors[0])[None].astype(np.float32)
        above = np.clip(np.searchsorted(self.lines, rows, side="right") - 1, 0, len(self.lines) - 2)
        first, last = int(above[0]), int(above[-1])
        profiles = [np.interp(cols, *self.vectors[i]).astype(np.float32) for i in range(first, last + 2)]
        if all(np.array_equal(profiles[0], other) for other in profiles[1:]):  # calibration often is so
            return profiles[0][None]
        ends, starts = self.lines[above + 1], self.lines[above]
        weight = np.clip((rows - starts) / (ends - starts), 0, 1).astype(np.float32)
        out = np.empty((len(rows), len(cols)), dtype=np.float32)
        for i in range(first, last + 1):
            part = slice(*np.searchsorted(above, (i, i + 1)))
            low, high = profiles[i - first], profiles[i - first + 1]
            np.multiply(weight[part, None], high - low, out=out[part])
            out[part] += low
        return out


@dataclass(frozen=True, eq=False)
class AzimuthBlock:
    """A rectangle of the image (first and last line and pixel included) and its factor along the lines."""

    first_line: float
    last_line: float
    first_pixel: float
    last_pixel: float
    lines: Floats
    factors: Floats


@dataclass(frozen=True, eq=False)
class Calibration:
    """The tables of one polarisation."""

    gain: Table
    range_noise: Table
    azimuth_noise: tuple[AzimuthBlock, ...]

    @property
    def noiseless(self) -> bool:
        """Whether the noise table is empty (zeros), as in some old products."""
        return not any(values.any() for _, values in self.range_noise.vectors)

    def power(self, dn: npt.NDArray[np.uint16] | Power, rows: Floats, cols: Floats) -> Power:
        """(h, w) sigma nought of ``dn`` (h, w) at the lines ``rows`` and pixels ``cols``; below zero where there is
        less than noise (see FLOOR), meaningless where DN is 0."""
        power = dn.astype(np.float32)
        power *= power
        power -= self.noise(rows, cols)
        power /= np.square(self.gain.at(rows, cols))
        return power

    def noise(self, rows: Floats, cols: Floats) -> Power:
        """(h or 1, w) noise power in DN²."""
        noise = self.range_noise.at(rows, cols)
        if self.azimuth_noise and len(noise) != len(rows):
            noise = np.repeat(noise, len(rows), axis=0)
        for block in self.azimuth_noise:
            down = slice(*np.searchsorted(rows, (block.first_line, block.last_line + 1)))
            across = slice(*np.searchsorted(cols, (block.first_pixel, block.last_pixel + 1)))
            if down.start < down.stop and across.start < across.stop:
                factors = np.interp(rows[down], block.lines, block.factors).astype(np.float32)
                noise[down, across] *= factors[:, None]
        return noise


def read_calibration(calibration: Path, noise: Path, *, polarisation: str) -> Calibration:
    """The tables of two files. UnreadableProduct where they are missing, damaged or of another polarisation."""
    for path, what in ((calibration, "calibration"), (noise, "noise")):
        if not path.is_file():
            raise UnreadableProduct(
                f"The {what} table of {polarisation} ({path.name}) is missing; sigma nought cannot be worked out"
                " without it: fetch the whole product again."
            )
    tables = Fields.of(calibration, root="calibration")
    levels = Fields.of(noise, root="noise")
    for root in (tables, levels):
        said = root.text("adsHeader/polarisation").upper()
        if said != polarisation:
            raise UnreadableProduct(f"{root.name} is of {said[:8]}, not of {polarisation}; fetch the product again.")
    azimuth: tuple[AzimuthBlock, ...] = ()
    if levels.has("noiseRangeVectorList"):
        ranges = _table(levels, "noiseRangeVectorList/noiseRangeVector", "noiseRangeLut", low=0, high=1e10)
        blocks = levels.all("noiseAzimuthVectorList/noiseAzimuthVector")
        azimuth = tuple(_azimuth(block) for block in blocks)
    else:
        ranges = _table(levels, "noiseVectorList/noiseVector", "noiseLut", low=0, high=1e10)
    gain = _table(tables, "calibrationVectorList/calibrationVector", "sigmaNought", low=1e-3, high=1e7)
    return Calibration(gain, ranges, azimuth)


def _table(root: Fields, path: str, values: str, *, low: float, high: float) -> Table:
    vectors = []
    for vector in root.all(path, least=1):
        pixels = vector.numbers("pixel", low=-_POSITION, high=_POSITION)
        if not rising(pixels):
            raise UnreadableProduct(
                f"{root.name}: the pixels of {path.rpartition('/')[2]} do not rise; fetch it again."
            )
        line = vector.whole("line", low=-_POSITION, high=_POSITION)
        vectors.append((line, pixels, vector.numbers(values, low=low, high=high, length=len(pixels))))
    lines = np.array([line for line, _, _ in vectors], dtype=np.float64)
    if not rising(lines):
        raise UnreadableProduct(f"{root.name}: the lines of {path.rpartition('/')[2]} do not rise; fetch it again.")
    return Table(lines, tuple((pixels, numbers) for _, pixels, numbers in vectors))


def _azimuth(block: Fields) -> AzimuthBlock:
    lines = block.numbers("line", low=-_POSITION, high=_POSITION)
    if not rising(lines):
        raise UnreadableProduct(f"{block.name}: the lines of noiseAzimuthVector do not rise; fetch it again.")

    def edge(name: str, default: int) -> int:
        # a strip map product may leave the rectangle out: then it is the whole image
        return block.whole(name, low=-_POSITION, high=_POSITION, default=default)

    return AzimuthBlock(
        first_line=edge("firstAzimuthLine", -_POSITION),
        last_line=edge("lastAzimuthLine", _POSITION),
        first_pixel=edge("firstRangeSample", -_POSITION),
        last_pixel=edge("lastRangeSample", _POSITION),
        lines=lines,
        factors=block.numbers("noiseAzimuthLut", low=0, high=1e4, length=len(lines)),
    )
