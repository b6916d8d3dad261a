"""How blurred a patch is."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
WIDTH = 9


def blur(plane: Floats) -> Floats:
    """0 (sharp) .. 1 (flat) for patches (n, h, w); (n,).

    Crété-Roffet, Dolmiere, Ladet and Nicolas 2007, "The blur effect: perception and estimation with a new no-reference
    perceptual blur metric" (SPIE 6492): blur the picture along an axis with a mean of 9 pixels; what a blur takes away
    of the differences between neighbours is much where the picture was sharp and little where it was blurred already.
    The measure is the share of the differences that stays, the larger of both axes. A patch without any difference is
    1. Speckle looks sharp to it, whatever lies below.
    """
    return np.maximum(_along(plane, 2), _along(plane, 1))


def _along(plane: Floats, axis: int) -> Floats:
    if axis == 1:
        plane = np.ascontiguousarray(plane.transpose(0, 2, 1))
    half, width = WIDTH // 2, plane.shape[2]
    sharp = np.abs(plane[:, :, 1:] - plane[:, :, :-1])
    # Neighbouring means of 9 differ by one value that comes in and one that goes out: no means need be made.
    padded = np.pad(plane, [(0, 0), (0, 0), (half, half)], mode="edge")
    blurred = np.abs(padded[:, :, WIDTH:] - padded[:, :, : width - 1]) / np.float32(WIDTH)
    lost = np.maximum(sharp - blurred, 0, out=blurred).sum(axis=(1, 2), dtype=np.float64)
    total = sharp.sum(axis=(1, 2), dtype=np.float64)
    ratio = np.where(total > 1e-9, 1 - lost / np.where(total > 1e-9, total, 1), 1.0)
    clipped: Floats = np.clip(ratio, 0, 1).astype(np.float32)
    return clipped
