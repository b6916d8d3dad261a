"""The picture that comes with a Sentinel-1 product: ``preview/quick-look.png``, some hundred pixels wide.

It has the rows and columns of the measurement (rows along the orbit, near range at the left): the Copernicus browser
turns it upside down for ascending and mirrors it for descending passes, as it would the measurement.
"""

import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.guard import inside, read_bytes
from eobench_dash.sentinel.product import Rgb

FILE = "preview/quick-look.png"
MAX_BYTES = 32 << 20
MAX_SIDE = 4096
ENLARGED = 2.0
"""It is shown up to so many times larger than it is; beyond, the measurement gives a better picture."""
SHAPE_TOLERANCE = 1.25
"""So much its pixels may be longer than wide on the measurement; what differs more is no picture of all of it."""

_MODES = ("L", "P", "RGB", "RGBA")
_FAULTS = (
    UnreadableProduct, OSError, ValueError, SyntaxError, struct.error, zlib.error, MemoryError,
    Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


def own_picture(safe: Path, shape: tuple[int, int], *, size: tuple[int, int]) -> Rgb | None:
    """The product's own picture at ``shape`` (rows, columns); None where there is none that is whole and fits.

    ``size``: rows and columns of the measurement. The picture is read only where it is a PNG of 8 bits, bounded in
    bytes and sides, inside of the product, and not much smaller than ``shape``.
    """
    try:
        data = read_bytes(inside(safe, FILE), limit=MAX_BYTES)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=("PNG",)) as picture:  # unlike GDAL, it notices a cut or torn one
                sides = (picture.height, picture.width)
                if max(sides) > MAX_SIDE or picture.mode not in _MODES or not _fits(sides, shape, size):
                    return None
                how = Image.Resampling.BOX if max(shape) <= max(sides) else Image.Resampling.BILINEAR
                return np.asarray(picture.convert("RGB").resize((shape[1], shape[0]), how))
    except _FAULTS:  # the measurement is there
        return None


def _fits(sides: tuple[int, int], shape: tuple[int, int], size: tuple[int, int]) -> bool:
    stretch = (sides[0] * size[1]) / (sides[1] * size[0])
    return max(shape) <= ENLARGED * max(sides) and 1 / SHAPE_TOLERANCE <= stretch <= SHAPE_TOLERANCE
