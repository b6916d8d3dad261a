"""What every reader of products offers: information at once, pixels window by window, never the whole product."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.products import ProductInfo, Window

Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class WindowPixels:
    """Pixels of a window.

    ``values`` (bands, height, width): float32 in the unit of ``ProductInfo.bands``, NaN where nothing was measured; or
    uint8 where the product is an 8-bit stretched picture (0 where ``nodata``). ``nodata`` (height, width) bool.
    ``cloud`` (height, width) bool, None where the product carries no mask. ``border`` (height, width) bool: border
    noise of Sentinel-1 (nodata too), None for other products.
    """

    values: npt.NDArray[Any]
    nodata: npt.NDArray[np.bool_]
    cloud: npt.NDArray[np.bool_] | None = None
    border: npt.NDArray[np.bool_] | None = None


class Product(Protocol):
    """One open product. Not to be used by two threads at once; use as a context manager.

    Raises UnreadableProduct (one sentence: what is wrong, what to do) for anything damaged or missing.
    """

    info: ProductInfo

    def read(self, window: Window) -> WindowPixels:
        """The pixels of a window; what reaches over the product's edge is nodata."""

    def lonlat(self, rows: npt.ArrayLike, cols: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """(n, 2) longitudes and latitudes (degrees, WGS 84) of positions on the reading grid (corner of a pixel: whole
        numbers); NaN where the product has no place."""

    def quicklook(self, longest: int) -> Rgb:
        """(height, width, 3) uint8, the longer side ``longest`` pixels (fewer for smaller products): the whole product
        for the eye, in the geometry of the reading grid. Read at reduced resolution."""

    def close(self) -> None:
        """Let go of files."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
