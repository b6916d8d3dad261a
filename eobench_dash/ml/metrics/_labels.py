"""Label codes as every measure reads them."""

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.errors import BadInput


def as_codes(y: npt.ArrayLike, *, n: int | None = None, what: str = "Labels") -> npt.NDArray[np.int64]:
    """y as (n,) int64 label codes (NO_LABEL included); BadInput for another shape, length or kind."""
    codes = np.asarray(y)
    if codes.ndim != 1 or not (np.issubdtype(codes.dtype, np.integer) or codes.size == 0):
        raise BadInput(f"{what} must be a list of whole label codes; this is {codes.dtype} of shape {codes.shape}.")
    if n is not None and len(codes) != n:
        raise BadInput(f"There are {len(codes)} labels for {n} patches; there must be one each.")
    return codes.astype(np.int64)


def labelled_rows(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The rows that have a label."""
    return np.flatnonzero(codes != NO_LABEL)


def divide(part: npt.ArrayLike, whole: npt.ArrayLike, *, empty: float = np.nan) -> npt.NDArray[np.float64]:
    """part / whole, ``empty`` where whole is 0."""
    top, bottom = np.broadcast_arrays(np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64))
    return np.asarray(np.divide(top, bottom, out=np.full(top.shape, empty), where=bottom != 0))
