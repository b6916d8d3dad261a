"""The map as a still picture for paper: arrays to PNG, no browser and no plotting library.

What hides what must not depend on the order of drawing, so points are not painted one over another: each pixel gets the
mean colour of the points that cover it, and an opacity that grows with their number.
"""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.errors import BadInput

GROUND = 255
UNLABELLED = (176, 184, 192)
_CHUNK = 50_000


def map_picture(
    coords: npt.NDArray[np.float32],
    codes: npt.NDArray[np.uint16],
    colors: dict[int, str],
    *,
    width: int = 1400,
    height: int = 1000,
) -> bytes:
    """A PNG of ``width`` × ``height`` pixels of the map ``coords`` (n, 2), each point in its label's colour.

    ``codes`` (n,) are the points' labels (NO_LABEL: grey), ``colors`` maps a code to ``#rrggbb``. The same arrays give
    the same bytes. Points without finite coordinates are left out.
    """
    if coords.ndim != 2 or coords.shape[1] != 2 or len(codes) != len(coords):
        raise BadInput(f"A map has n rows of 2 coordinates and n labels; got {coords.shape} and {len(codes)} labels.")
    shown = np.isfinite(coords).all(axis=1)
    pixels = to_pixels(coords[shown], width=width, height=height)
    rgb = _palette(colors)[codes[shown]]
    offsets, weights = _disc(_radius(len(pixels), width, height))
    sums = np.zeros((height * width, 4), np.float64)
    for start in range(0, len(pixels), _CHUNK):
        covered = pixels[start : start + _CHUNK, None, :] + offsets
        inside = np.asarray(((covered >= 0) & (covered < (width, height))).all(axis=2))
        at = (covered[..., 1] * width + covered[..., 0])[inside]
        weight = np.broadcast_to(weights, inside.shape)[inside]
        point = np.broadcast_to(np.arange(len(inside))[:, None], inside.shape)[inside]
        sums[:, 3] += np.bincount(at, weights=weight, minlength=len(sums))
        for channel in range(3):
            light = weight * rgb[start + point, channel]
            sums[:, channel] += np.bincount(at, weights=light, minlength=len(sums))
    cover = sums[:, 3:]
    mean = np.divide(sums[:, :3], cover, out=np.zeros_like(sums[:, :3]), where=cover > 0)
    opacity = 1.0 - (1.0 - 0.72) ** cover
    picture = np.rint(mean * opacity + GROUND * (1.0 - opacity)).astype(np.uint8).reshape(height, width, 3)
    out = io.BytesIO()
    Image.fromarray(picture, "RGB").save(out, "PNG", optimize=True)
    return out.getvalue()


def to_pixels(
    coords: npt.NDArray[np.float32],
    *,
    width: int,
    height: int,
    margin: int = 24,
    extra: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.int64]:
    """Pixel columns and rows (n, 2) of map coordinates: equal scale on both axes, centred, y upwards.

    With ``extra`` (m, 2), those of ``extra`` in the frame that ``coords`` sets.
    """
    wanted = coords if extra is None else extra
    if not len(coords) or not len(wanted):
        return np.zeros((0, 2), np.int64)
    low, high = coords.min(axis=0).astype(float), coords.max(axis=0).astype(float)
    span = np.maximum(high - low, 1e-12)
    scale = min((width - 2 * margin) / span[0], (height - 2 * margin) / span[1])
    centred = (wanted - (low + high) / 2) * scale
    placed: npt.NDArray[np.int64] = np.rint(centred * (1, -1) + (width / 2, height / 2)).astype(np.int64)
    return placed


def label_places(
    coords: npt.NDArray[np.float32], codes: npt.NDArray[np.uint16], *, top: int = 24
) -> list[tuple[int, float, float]]:
    """(code, x, y) of the ``top`` largest labels: the middle of a label's densest part.

    The median of a label that lies in two clusters falls between them, on other labels' points; so the densest cell of
    a coarse grid is found first, and the median is taken within it and the cells around.
    """
    places = []
    present, counts = np.unique(codes[codes != NO_LABEL], return_counts=True)
    low, span = coords.min(axis=0), np.maximum(np.ptp(coords, axis=0), 1e-12)
    cells = np.minimum(((coords - low) / span * 12).astype(int), 11)
    for code in present[np.argsort(-counts, kind="stable")][:top]:
        mine = codes == code
        grid = np.bincount(cells[mine, 0] * 12 + cells[mine, 1], minlength=144).reshape(12, 12)
        column, row = divmod(int(grid.argmax()), 12)
        near = mine & (np.abs(cells[:, 0] - column) <= 1) & (np.abs(cells[:, 1] - row) <= 1)
        x, y = np.median(coords[near], axis=0)
        places.append((int(code), float(x), float(y)))
    return places


def _palette(colors: dict[int, str]) -> npt.NDArray[np.float64]:
    table = np.tile(np.array(UNLABELLED, float), (NO_LABEL + 1, 1))
    for code, color in colors.items():
        table[code] = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return table


def _radius(n: int, width: int, height: int) -> int:
    """Fewer points, larger dots: they are to cover about a third of the picture, within 1 to 7 pixels."""
    return int(np.clip(np.sqrt(width * height / (max(n, 1) * 3 * np.pi)), 1, 7))


def _disc(radius: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Offsets (m, 2) of a disc's pixels, and how much of each it covers (soft rim)."""
    reach = np.arange(-radius, radius + 1)
    offsets = np.stack(np.meshgrid(reach, reach), axis=-1).reshape(-1, 2)
    cover = np.clip(radius + 0.5 - np.hypot(*offsets.T), 0.0, 1.0)
    return offsets[cover > 0], cover[cover > 0]
