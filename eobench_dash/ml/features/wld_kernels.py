"""Compiled loops of the Weber descriptors, row by row: whole-row passes vectorise, one pass scatters into a histogram.

Sums are written symmetrically (opposite neighbours first), so that a quarter turn of the patch gives the same rounding
and moves counts between orientations only.
"""

import numpy as np
from numba import njit

OCTANT = np.float32(np.tan(np.pi / 8))
SQRT2 = np.float32(np.sqrt(2.0))
LN2 = np.float32(np.log(2.0))


@njit(cache=True, nogil=True, error_model="numpy")
def plane_of(pixels: np.ndarray, weights: np.ndarray, plane: np.ndarray) -> None:
    """Weighted sum of bands (B, H, W) into plane (H, W) float32."""
    bands, height, width = pixels.shape
    for band in range(bands):
        weight = weights[band]
        if weight == 0 and band > 0:
            continue
        for y in range(height):
            source = pixels[band, y]
            target = plane[y]
            if band == 0:
                for x in range(width):
                    target[x] = weight * np.float32(source[x])
            else:
                for x in range(width):
                    target[x] += weight * np.float32(source[x])


@njit(cache=True, nogil=True, error_model="numpy")
def relative_eps(plane: np.ndarray, valid: np.ndarray, radius: int, eps: float) -> np.float32:
    """eps x mean of the plane (inner valid pixels where a mask is given), 0 for a plane without positive mean."""
    total = 0.0
    count = 0
    if valid.size == 0:
        for y in range(plane.shape[0]):
            row = np.float32(0)
            for x in range(plane.shape[1]):
                row += plane[y, x]
            total += float(row)
        count = plane.size
    else:
        for y in range(valid.shape[0]):
            for x in range(valid.shape[1]):
                if valid[y, x]:
                    total += float(plane[y + radius, x + radius])
                    count += 1
    return np.float32(max(eps * total / max(count, 1), 0.0))


@njit(cache=True, nogil=True, error_model="numpy")
def count_row(
    level: np.ndarray,
    unit: np.ndarray,
    sign: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    edges: np.ndarray,
    valid: np.ndarray,
    codes: np.ndarray,
    histogram: np.ndarray,
) -> None:
    """Classify one row of pixels and count it: ``level`` against ``edges`` x ``unit``, ``first``/``second`` gradient.

    codes (W,) int32 is scratch; histogram (4, 32 x counts + 1) int32, four lanes so that equal neighbours do not wait
    for each other's increment; the last column takes pixels that do not count.
    """
    width = level.size
    counts = np.int32(edges.size + 1)
    for x in range(width):
        along_first = abs(second[x]) <= OCTANT * abs(first[x])
        along_second = abs(first[x]) <= OCTANT * abs(second[x])
        flags = np.int32(first[x] < 0) + np.int32(2) * np.int32(second[x] < 0)
        flags += np.int32(4) * np.int32(along_first) + np.int32(8) * np.int32(along_second)
        codes[x] = counts * (np.int32(sign[x] < 0) + np.int32(2) * flags)
    for k in range(edges.size):
        edge = edges[k]
        for x in range(width):
            codes[x] += np.int32(level[x] > edge * unit[x])
    if valid.size:
        for x in range(width):
            if not valid[x]:
                codes[x] = 32 * counts
    whole = width - width % 4
    for x in range(0, whole, 4):
        histogram[0, codes[x]] += 1
        histogram[1, codes[x + 1]] += 1
        histogram[2, codes[x + 2]] += 1
        histogram[3, codes[x + 3]] += 1
    for x in range(whole, width):
        histogram[0, codes[x]] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def shares(histogram: np.ndarray, table: np.ndarray, out: np.ndarray) -> None:
    """Fold the raw histogram through ``table`` into ``out`` (144,), as shares of the pixels that count."""
    total = 0
    folded = np.zeros(out.size, np.int64)
    for code in range(table.size):
        number = histogram[0, code] + histogram[1, code] + histogram[2, code] + histogram[3, code]
        folded[table[code]] += number
        total += number
    for component in range(out.size):
        out[component] = folded[component] / max(total, 1)


@njit(cache=True, nogil=True, error_model="numpy")
def three(
    pixels: np.ndarray,
    weights: np.ndarray,
    valid: np.ndarray,
    means: bool,
    eps: float,
    edges: np.ndarray,
    table: np.ndarray,
    out: np.ndarray,
) -> None:
    """3x3 descriptors of pixels (n, B, H, W): out (n, planes, 144), planes as ``weights`` (planes, B) says."""
    n, _, height, width = pixels.shape
    inner = width - 2
    plane = np.empty((height, width), np.float32)
    rows = np.empty((5, inner), np.float32)
    codes = np.empty(inner, np.int32)
    histogram = np.empty((4, table.size + 1), np.int32)
    everywhere = np.empty(0, np.bool_)
    level, unit, sign, first, second = rows[0], rows[1], rows[2], rows[3], rows[4]
    for p in range(n):
        mask = valid[p] if valid.size else np.empty((0, 0), np.bool_)
        for q in range(weights.shape[0]):
            plane_of(pixels[p], weights[q], plane)
            small = relative_eps(plane, mask, 1, eps)
            histogram[:] = 0
            for y in range(height - 2):
                a, b, c = plane[y], plane[y + 1], plane[y + 2]
                for x in range(inner):
                    cross = (a[x + 1] + c[x + 1]) + (b[x] + b[x + 2])
                    corners = (a[x] + c[x + 2]) + (a[x + 2] + c[x])
                    excess = (cross + corners) - np.float32(8) * b[x + 1]
                    sign[x] = excess
                    level[x] = abs(excess)
                    unit[x] = max(b[x + 1], np.float32(0)) + small
                if means:  # (right - left, lower - upper) sums of three
                    for x in range(inner):
                        first[x] = ((a[x + 2] + c[x + 2]) + b[x + 2]) - ((a[x] + c[x]) + b[x])
                        second[x] = ((c[x] + c[x + 2]) + c[x + 1]) - ((a[x] + a[x + 2]) + a[x + 1])
                else:  # (lower - upper, left - right)
                    for x in range(inner):
                        first[x] = c[x + 1] - a[x + 1]
                        second[x] = b[x] - b[x + 2]
                count_row(
                    level, unit, sign, first, second, edges, mask[y] if valid.size else everywhere, codes, histogram
                )
            shares(histogram, table, out[p, q])


@njit(cache=True, nogil=True, error_model="numpy")
def log_ratio(larger: np.ndarray, smaller: np.ndarray, out: np.ndarray) -> None:
    """out = log(larger / smaller) for larger >= smaller > 0, to 1e-7: exponent by bits, mantissa by a series."""
    for x in range(out.size):
        out[x] = larger[x] / smaller[x]
    bits = out.view(np.int32)
    for x in range(out.size):
        exponent = (bits[x] >> 23) - 127
        bits[x] = (bits[x] & 0x7FFFFF) | 0x3F800000
        mantissa = out[x]
        high = mantissa > SQRT2
        mantissa = mantissa * np.float32(0.5) if high else mantissa
        whole = np.float32(exponent + np.int32(high))
        z = (mantissa - np.float32(1)) / (mantissa + np.float32(1))
        z2 = z * z
        series = np.float32(1 / 9)
        series = series * z2 + np.float32(1 / 7)
        series = series * z2 + np.float32(1 / 5)
        series = series * z2 + np.float32(1 / 3)
        series = series * z2 + np.float32(1)
        out[x] = whole * LN2 + np.float32(2) * z * series


@njit(cache=True, nogil=True, error_model="numpy")
def smooth(
    a: np.ndarray,
    b: np.ndarray,
    c: np.ndarray,
    d: np.ndarray,
    e: np.ndarray,
    f: np.ndarray,
    g: np.ndarray,
    h: np.ndarray,
    i: np.ndarray,
    weights: np.ndarray,
    out: np.ndarray,
) -> None:
    """out = the nine rows weighted by ``weights`` (5,) from the middle row ``e`` outwards."""
    w0, w1, w2, w3, w4 = weights[0], weights[1], weights[2], weights[3], weights[4]
    for x in range(out.size):
        near = w0 * e[x] + w1 * (d[x] + f[x])
        out[x] = near + (w2 * (c[x] + g[x]) + w3 * (b[x] + h[x])) + w4 * (a[x] + i[x])


@njit(cache=True, nogil=True, error_model="numpy")
def ordered_ratio(
    near: tuple[np.ndarray, ...],
    far: tuple[np.ndarray, ...],
    small: np.float32,
    weights: np.ndarray,
    smaller: np.ndarray,
    larger: np.ndarray,
    sign: np.ndarray,
) -> None:
    """Half-window sums of four rows each (nearest first): the smaller, the larger, +1 or -1 as ``far`` is larger."""
    w1, w2, w3, w4 = weights[1], weights[2], weights[3], weights[4]
    for x in range(sign.size):
        before = (w1 * near[0][x] + w2 * near[1][x]) + (w3 * near[2][x] + w4 * near[3][x]) + small
        after = (w1 * far[0][x] + w2 * far[1][x]) + (w3 * far[2][x] + w4 * far[3][x]) + small
        smaller[x] = min(before, after)
        larger[x] = max(before, after)
        sign[x] = np.float32(after >= before) - np.float32(after < before)


@njit(cache=True, nogil=True, error_model="numpy")
def roewa(
    pixels: np.ndarray,
    valid: np.ndarray,
    eps: float,
    weights: np.ndarray,
    edges: np.ndarray,
    table: np.ndarray,
    out: np.ndarray,
) -> None:
    """ROEWA descriptors of pixels (n, B, H, W): out (n, B, 144). ``weights`` (5,): of offsets 0..4."""
    n, bands, height, width = pixels.shape
    inner = width - 8
    plane = np.empty((height, width), np.float32)
    across = np.empty((height, inner), np.float32)  # smoothed along x: feeds the upper and lower half-windows
    down = np.empty(width, np.float32)  # one row, smoothed along y: feeds the left and right ones
    rows = np.empty((5, inner), np.float32)
    level, sign, smaller, first, second = rows[0], rows[1], rows[2], rows[3], rows[4]
    unit = np.ones(inner, np.float32)
    positive = np.zeros(inner, np.float32)
    codes = np.empty(inner, np.int32)
    histogram = np.empty((4, table.size + 1), np.int32)
    everywhere = np.empty(0, np.bool_)
    own = np.ones(1, np.float32)
    side = weights[1] + weights[2] + weights[3] + weights[4]
    window = side * (weights[0] + np.float32(2) * side)
    for p in range(n):
        mask = valid[p] if valid.size else np.empty((0, 0), np.bool_)
        for band in range(bands):
            plane_of(pixels[p, band : band + 1], own, plane)
            for y in range(height):
                row = plane[y]
                for x in range(width):
                    row[x] = max(row[x], np.float32(0))
            small = relative_eps(plane, mask, 4, eps) * window
            if small == 0:
                small = np.float32(1)
            histogram[:] = 0
            for y in range(height):
                s = plane[y]
                smooth(s[0:inner], s[1:], s[2:], s[3:], s[4:], s[5:], s[6:], s[7:], s[8:], weights, across[y])
            for y in range(height - 8):
                t = plane[y : y + 9]
                smooth(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], weights, down)
                near = (down[3:], down[2:], down[1:], down[0:])
                far = (down[5:], down[6:], down[7:], down[8:])
                ordered_ratio(near, far, small, weights, smaller, level, sign)
                log_ratio(level, smaller, first)
                for x in range(inner):
                    first[x] *= sign[x]
                near = (across[y + 3], across[y + 2], across[y + 1], across[y])
                far = (across[y + 5], across[y + 6], across[y + 7], across[y + 8])
                ordered_ratio(near, far, small, weights, smaller, level, sign)
                log_ratio(level, smaller, second)
                for x in range(inner):
                    second[x] *= sign[x]
                for x in range(inner):
                    level[x] = first[x] * first[x] + second[x] * second[x]
                count_row(
                    level, unit, positive, first, second, edges, mask[y] if valid.size else everywhere, codes, histogram
                )
            shares(histogram, table, out[p, band])
