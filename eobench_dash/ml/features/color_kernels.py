"""Compiled loops of the channel statistics. Sums run in float32 within a row (vectorised), in float64 over rows."""

import math

import numpy as np
from numba import njit

SUMS = {"reassoc", "contract", "nsz"}
STATISTICS = 18
BINS = 256
# The valid range spans 255.2 bins and begins this far into the first: whole numbers in a whole range then never fall on
# a bin's edge, where rounding would choose the bin.
SPAN = 255.2
ROOM = (math.sqrt(3) - 1) / 2


@njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def row_moments(
    z: np.ndarray, m: np.ndarray, centre: np.float32
) -> tuple[np.float32, np.float32, np.float32, np.float32, np.float32]:
    """Sums over a row of m, m d, m d^2, m d^3 and of m where d > 0, with d = z - centre."""
    s0 = np.float32(0)
    s1 = np.float32(0)
    s2 = np.float32(0)
    s3 = np.float32(0)
    above = np.float32(0)
    for x in range(z.size):
        d = (z[x] - centre) * m[x]
        s0 += m[x]
        s1 += d
        s2 += d * d
        s3 += d * d * d
        above += np.float32(d > 0)
    return s0, s1, s2, s3, above


@njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def row_difference(
    z: np.ndarray, m: np.ndarray, other: np.ndarray, other_m: np.ndarray
) -> tuple[np.float32, np.float32]:
    """Sum of |other - z| over pixels valid in both rows, and their number."""
    total = np.float32(0)
    count = np.float32(0)
    for x in range(other.size):
        both = m[x] * other_m[x]
        total += both * abs(other[x] - z[x])
        count += both
    return total, count


@njit(cache=True, nogil=True, error_model="numpy")
def structure(z: np.ndarray, m: np.ndarray, distance: int) -> float:
    """Mean absolute difference of valid pixels ``distance`` apart along either axis."""
    total = 0.0
    count = 0.0
    height = z.shape[0]
    for y in range(height):
        t, c = row_difference(z[y], m[y], z[y, distance:], m[y, distance:])
        total += float(t)
        count += float(c)
        if y + distance < height:
            t, c = row_difference(z[y], m[y], z[y + distance], m[y + distance])
            total += float(t)
            count += float(c)
    return total / max(count, 1.0)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def block_spread(z: np.ndarray, m: np.ndarray, size: int) -> float:
    """Standard deviation of the means of whole size x size blocks; blocks less than half valid are left out."""
    height, width = z.shape
    columns = width // size
    sums = np.zeros(columns, np.float32)
    valid = np.zeros(columns, np.float32)
    s0 = 0.0
    s1 = 0.0
    s2 = 0.0
    reference = z[0, 0]
    for top in range(0, height - size + 1, size):
        sums[:] = 0
        valid[:] = 0
        for y in range(top, top + size):
            for block in range(columns):
                for x in range(block * size, block * size + size):
                    sums[block] += m[y, x] * (z[y, x] - reference)
                    valid[block] += m[y, x]
        for block in range(columns):
            if 2 * valid[block] >= size * size:
                mean = float(sums[block]) / float(valid[block])
                s0 += 1.0
                s1 += mean
                s2 += mean * mean
    s0 = max(s0, 1.0)
    return math.sqrt(max(s2 / s0 - (s1 / s0) ** 2, 0.0))


@njit(cache=True, nogil=True, error_model="numpy")
def range_of(z: np.ndarray, m: np.ndarray) -> tuple[np.float32, np.float32]:
    """Least and most of the valid pixels (inf, -inf where there is none)."""
    least = np.float32(np.inf)
    most = np.float32(-np.inf)
    for y in range(z.shape[0]):
        for x in range(z.shape[1]):
            v = z[y, x]
            least = min(least, v if m[y, x] > 0 else least)
            most = max(most, v if m[y, x] > 0 else most)
    return least, most


@njit(cache=True, nogil=True, error_model="numpy")
def quantiles(z: np.ndarray, m: np.ndarray, levels: np.ndarray, out: np.ndarray) -> None:
    """Quantiles from a histogram of 256 equal bins over the valid range (SPAN, ROOM), linear within a bin."""
    least, most = range_of(z, m)
    if not least < most:
        out[:] = least if least == most else 0.0
        return
    counts = np.zeros((2, BINS + 1), np.int32)
    scale = np.float32(SPAN) / (most - least)
    if not np.isfinite(scale):  # a range of denormal numbers: nothing to tell apart, and no index to make of it
        out[:] = least
        return
    bins = np.empty(z.shape[1], np.int32)
    total = 0
    for y in range(z.shape[0]):
        for x in range(z.shape[1]):
            bin_of = max(min(np.int32((z[y, x] - least) * scale + np.float32(ROOM)), np.int32(255)), np.int32(0))
            bins[x] = bin_of if m[y, x] > 0 else 256
        for x in range(0, z.shape[1] - 1, 2):
            counts[0, bins[x]] += 1
            counts[1, bins[x + 1]] += 1
        if z.shape[1] % 2:
            counts[0, bins[-1]] += 1
    for b in range(256):
        counts[0, b] += counts[1, b]
        total += counts[0, b]
    below = 0
    b = 0
    for k in range(levels.size):
        target = levels[k] * total
        while below + counts[0, b] < target:
            below += counts[0, b]
            b += 1
        value = least + (b + (target - below) / counts[0, b] - ROOM) / scale
        out[k] = min(max(value, least), most)


@njit(cache=True, nogil=True, error_model="numpy")
def moments(z: np.ndarray, m: np.ndarray, out: np.ndarray) -> float:
    """Mean, standard deviation, skewness into out[0:3]; share above the mean into out[17]; returns the count."""
    count = 0.0
    total = 0.0
    for y in range(z.shape[0]):
        s0, s1, _, _, _ = row_moments(z[y], m[y], np.float32(0))
        count += float(s0)
        total += float(s1)
    if count == 0:
        return count
    mean = total / count
    c1 = 0.0
    c2 = 0.0
    c3 = 0.0
    above = 0.0
    for y in range(z.shape[0]):
        _, s1, s2, s3, more = row_moments(z[y], m[y], np.float32(mean))
        c1 += float(s1)
        c2 += float(s2)
        c3 += float(s3)
        above += float(more)
    variance = max(c2 / count, 0.0)
    out[0] = mean
    out[1] = np.sqrt(variance)
    # A flat channel has rounding noise for a variance: its skewness is 0 by definition here.
    flat = variance <= 1e-12 * max(mean * mean, 1e-12)
    out[2] = 0.0 if flat else c3 / count / variance**1.5
    out[17] = 0.0 if flat else above / count
    if flat:
        out[1] = 0.0
    return count


@njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def row_product(a: np.ndarray, b: np.ndarray, m: np.ndarray, mean_a: np.float32, mean_b: np.float32) -> np.float32:
    total = np.float32(0)
    for x in range(a.size):
        total += m[x] * (a[x] - mean_a) * (b[x] - mean_b)
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def statistics(channels: np.ndarray, mask: np.ndarray, pairs: np.ndarray, levels: np.ndarray, out: np.ndarray) -> None:
    """channels (n, C, H, W), mask (n, H, W), both float32; out (n, C x 18 + pairs)."""
    n, number, height, _ = channels.shape
    for p in range(n):
        m = mask[p]
        count = 0.0
        for c in range(number):
            z = channels[p, c]
            row = out[p, c * STATISTICS : (c + 1) * STATISTICS]
            count = moments(z, m, row)
            if count == 0:
                break
            quantiles(z, m, levels, row[3:12])
            for k in range(4):
                row[12 + k] = structure(z, m, 1 << k)
            row[16] = block_spread(z, m, 8)
        if count == 0:
            continue
        for k in range(pairs.shape[0]):
            a, b = pairs[k]
            base_a, base_b = a * STATISTICS, b * STATISTICS
            total = 0.0
            for y in range(height):
                total += float(row_product(channels[p, a, y], channels[p, b, y], m[y], out[p, base_a], out[p, base_b]))
            spread = count * out[p, base_a + 1] * out[p, base_b + 1]
            out[p, number * STATISTICS + k] = total / spread if spread > 0 else 0.0
