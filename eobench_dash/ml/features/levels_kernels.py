"""Compiled loops over quantised pixels: levels, histograms, co-occurrences. Counts are whole numbers, hence exact."""

import math

import numpy as np
from numba import njit

FAST = {"reassoc", "contract", "nsz"}
EDGE = np.float32(1e-3)
"""Share of a level by which a value may fall short of an edge and still count above it: whole numbers of decibels lie
on edges, where rounding would else choose the level."""


@njit(cache=True, nogil=True, error_model="numpy")
def quantise(
    plane: np.ndarray, valid: np.ndarray, root: bool, low: float, step: float, levels: int, out: np.ndarray
) -> None:
    """Levels floor((f(v) - low) / step + EDGE) of plane (H, W) float32 into out (H, W) uint8, clipped to 0..levels - 1.

    ``root``: f is the square root (negative values count as 0), else nothing. Where not valid: ``levels``, one more.
    """
    first = np.float32(low)
    scale = np.float32(1.0 / step)
    top = np.float32(levels - 1)
    for y in range(plane.shape[0]):
        source, target = plane[y], out[y]
        if root:
            for x in range(source.size):
                v = np.sqrt(max(source[x], np.float32(0)))
                target[x] = np.uint8(min(max((v - first) * scale + EDGE, np.float32(0)), top))
        else:
            for x in range(source.size):
                target[x] = np.uint8(min(max((source[x] - first) * scale + EDGE, np.float32(0)), top))
        if valid.size:
            for x in range(source.size):
                target[x] = target[x] if valid[y, x] else np.uint8(levels)


@njit(cache=True, nogil=True, error_model="numpy")
def histograms(
    planes: np.ndarray, valid: np.ndarray, root: bool, low: float, step: float, levels: int, out: np.ndarray
) -> None:
    """Shares of each level: planes (n, B, H, W) float32, valid (n, H, W) or of size 0; out (n, B, levels)."""
    n, bands, height, width = planes.shape
    codes = np.empty((height, width), np.uint8)
    counts = np.empty((4, levels + 1), np.int32)  # lanes: equal neighbours need not wait for each other
    whole = width - width % 4
    for p in range(n):
        mask = valid[p] if valid.size else np.empty((0, 0), np.bool_)
        for b in range(bands):
            quantise(planes[p, b], mask, root, low, step, levels, codes)
            counts[:] = 0
            for y in range(height):
                row = codes[y]
                for x in range(0, whole, 4):
                    counts[0, row[x]] += 1
                    counts[1, row[x + 1]] += 1
                    counts[2, row[x + 2]] += 1
                    counts[3, row[x + 3]] += 1
                for x in range(whole, width):
                    counts[0, row[x]] += 1
            total = 0
            for k in range(levels):
                counts[0, k] += counts[1, k] + counts[2, k] + counts[3, k]
                total += counts[0, k]
            for k in range(levels):
                out[p, b, k] = counts[0, k] / max(total, 1)


@njit(cache=True, nogil=True, error_model="numpy")
def pairs(codes: np.ndarray, side: int, down: int, right: int, counts: np.ndarray, scratch: np.ndarray) -> None:
    """Count pairs of codes (here, ``down`` rows below and ``right`` columns to the right, which may be negative).

    codes (H, W) uint8 below ``side``; counts (2, side * side) int32 in two lanes; scratch (W,) int32.
    """
    height, width = codes.shape
    counts[:] = 0
    begin, end = max(-right, 0), min(width, width - right)
    number = max(end - begin, 0)
    for y in range(height - down):
        here, there = codes[y, begin:end], codes[y + down, begin + right : end + right]
        for x in range(number):
            scratch[x] = np.int32(here[x]) * np.int32(side) + np.int32(there[x])
        for x in range(0, number - 1, 2):
            counts[0, scratch[x]] += 1
            counts[1, scratch[x + 1]] += 1
        if number % 2:
            counts[0, scratch[number - 1]] += 1


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def properties(counts: np.ndarray, levels: int, count_logs: np.ndarray, out: np.ndarray) -> bool:
    """Contrast, dissimilarity, homogeneity, ASM, energy, correlation, entropy of the symmetric matrix, into out (7,).

    counts as of ``pairs``, side levels + 1, the last row and column for nodata. count_logs[c] = c log c. False (and
    nothing written) where there is no pair. Sums of whole numbers first: symmetric entries are c[i, j] + c[j, i].
    """
    side = levels + 1
    total = 0
    contrast = 0
    dissimilarity = 0
    squares = 0.0
    homogeneity = 0.0
    logs = 0.0
    first = 0
    second = 0
    for i in range(levels):
        for j in range(i + 1):
            c = counts[0, i * side + j] + counts[1, i * side + j] + counts[0, j * side + i] + counts[1, j * side + i]
            if c == 0:
                continue
            # Off the diagonal the symmetric matrix holds c twice; on it, once what both lanes and directions counted.
            times = 1 if i == j else 2
            d = i - j
            total += times * c
            contrast += 2 * c * d * d
            dissimilarity += 2 * c * d
            homogeneity += times * c / (1.0 + d * d)
            squares += times * float(c) * c
            logs += times * (count_logs[c] if c < count_logs.size else c * math.log(c))
            first += c * (i + j) if i != j else c * i
            second += c * (i * i + j * j) if i != j else c * i * i
    if total == 0:
        return False
    mean = first / total
    variance = second / total - mean * mean
    out[0] = contrast / total
    out[1] = dissimilarity / total
    out[2] = homogeneity / total
    out[3] = squares / total / total
    out[4] = math.sqrt(squares) / total
    out[5] = 1.0 if variance < 1e-12 else 1.0 - 0.5 * out[0] / variance
    out[6] = math.log(total) - logs / total
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def cooccurrences(
    planes: np.ndarray,
    valid: np.ndarray,
    root: bool,
    low: float,
    step: float,
    levels: int,
    distances: np.ndarray,
    count_logs: np.ndarray,
    out: np.ndarray,
) -> None:
    """planes (n, P, H, W) float32, valid (n, H, W) or of size 0; out (n, P, distances, 7, 2) starts as zeros.

    Per distance and property the mean over 0, 45, 90, 135 degrees and the range (greatest less least).
    """
    n, number, height, width = planes.shape
    codes = np.empty((height, width), np.uint8)
    scratch = np.empty(width, np.int32)
    counts = np.empty((2, (levels + 1) * (levels + 1)), np.int32)
    found = np.empty((4, 7), np.float64)
    down = np.array([0, 1, 1, 1])
    right = np.array([1, 1, 0, -1])
    for p in range(n):
        mask = valid[p] if valid.size else np.empty((0, 0), np.bool_)
        for b in range(number):
            quantise(planes[p, b], mask, root, low, step, levels, codes)
            for k in range(distances.size):
                angles = 0
                for a in range(4):
                    pairs(codes, levels + 1, down[a] * distances[k], right[a] * distances[k], counts, scratch)
                    if properties(counts, levels, count_logs, found[angles]):
                        angles += 1
                if angles == 0:
                    continue
                for f in range(7):
                    total = 0.0
                    least = found[0, f]
                    most = found[0, f]
                    for a in range(angles):
                        total += found[a, f]
                        least = min(least, found[a, f])
                        most = max(most, found[a, f])
                    out[p, b, k, f, 0] = total / angles
                    out[p, b, k, f, 1] = most - least
