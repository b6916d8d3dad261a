"""Compiled loops of moments and exact percentiles, of the valid pixels of one channel at a time."""

import math

import numpy as np
from numba import njit

SUMS = {"reassoc", "contract", "nsz"}
BINS = 1024
FLAT = 1e-12
LEAST = np.float32(1e-6)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def moments(v: np.ndarray, out: np.ndarray) -> None:
    """Mean, standard deviation, skewness and excess kurtosis of v (n,) into out (4,), summed in float64.

    Where the spread is within float32's rounding of the mean the channel is flat, and the last three are 0.
    """
    total = 0.0
    for x in range(v.size):
        total += v[x]
    mean = total / v.size
    m2 = 0.0
    m3 = 0.0
    m4 = 0.0
    for x in range(v.size):
        d = v[x] - mean
        d2 = d * d
        m2 += d2
        m3 += d2 * d
        m4 += d2 * d2
    m2 /= v.size
    out[0] = mean
    if m2 > FLAT * mean * mean and m2 > 0:
        out[1] = math.sqrt(m2)
        out[2] = m3 / v.size / (m2 * math.sqrt(m2))
        out[3] = m4 / v.size / (m2 * m2) - 3


@njit(cache=True, nogil=True, error_model="numpy")
def bin_values(v: np.ndarray, least: np.float32, scale: np.float32, bins: np.ndarray) -> None:
    """Which of BINS equal bins each value falls in; a larger value never in a smaller bin."""
    for x in range(v.size):
        bins[x] = min(np.int32((v[x] - least) * scale), np.int32(BINS - 1))


@njit(cache=True, nogil=True, error_model="numpy")
def percentiles(v: np.ndarray, levels: np.ndarray, bins: np.ndarray, kept: np.ndarray, out: np.ndarray) -> None:
    """Exact percentiles of v (n,) at ``levels`` (0..1, rising), linear between neighbours, into out.

    Counts into bins, then sorts only what lies in a bin that holds a wanted rank. bins (n,) int32 and kept (n,) float32
    are scratch.
    """
    least = v[0]
    most = v[0]
    for x in range(v.size):
        least = min(least, v[x])
        most = max(most, v[x])
    spread = most - least
    if spread == 0:
        out[:] = least
        return
    scale = np.float32(BINS) / spread
    if not (np.isfinite(scale) and np.isfinite(spread)):  # a range too small or too wide to make bins of
        kept[: v.size] = v
        ordered = kept[: v.size]
        ordered.sort()
        for k in range(levels.size):
            out[k] = between(ordered, ordered, levels[k] * (v.size - 1), 0, 0)
        return
    bin_values(v, least, scale, bins)
    start = np.zeros((2, BINS + 1), np.int32)  # two lanes: equal neighbours need not wait for each other
    for x in range(0, v.size - 1, 2):
        start[0, bins[x] + 1] += 1
        start[1, bins[x + 1] + 1] += 1
    if v.size % 2:
        start[0, bins[v.size - 1] + 1] += 1
    for b in range(BINS):
        start[0, b + 1] += start[0, b] + start[1, b + 1]
    first = start[0]  # first[b]: how many values lie in bins before b
    wanted = np.zeros(BINS, np.bool_)
    home = np.zeros((levels.size, 2), np.int32)
    for k in range(levels.size):
        rank = int(levels[k] * (v.size - 1))
        for side in range(2):
            home[k, side] = np.searchsorted(first, min(rank + side, v.size - 1), side="right") - 1
            wanted[home[k, side]] = True
    place = np.zeros(BINS + 1, np.int32)  # where a wanted bin's values begin in ``kept``
    for b in range(BINS):
        place[b + 1] = place[b] + (first[b + 1] - first[b] if wanted[b] else 0)
    cursor = place.copy()
    for x in range(v.size):
        b = bins[x]
        if wanted[b]:
            kept[cursor[b]] = v[x]
            cursor[b] += 1
    for b in range(BINS):
        if wanted[b] and place[b + 1] - place[b] > 1:
            kept[place[b] : place[b + 1]].sort()
    for k in range(levels.size):
        low, high = home[k, 0], home[k, 1]
        out[k] = between(
            kept[place[low] : place[low + 1]],
            kept[place[high] : place[high + 1]],
            levels[k] * (v.size - 1),
            first[low],
            first[high],
        )


@njit(cache=True, nogil=True, error_model="numpy")
def between(low: np.ndarray, high: np.ndarray, rank: float, skip_low: int, skip_high: int) -> float:
    """The value at a broken rank: ``low`` (``high``) are sorted values of rank ``skip_low`` (``skip_high``) on."""
    whole = int(rank)
    a = float(low[whole - skip_low])
    last = skip_high + high.size - 1
    b = float(high[min(whole + 1, last) - skip_high])
    return a + (b - a) * (rank - whole)


@njit(cache=True, nogil=True, error_model="numpy")
def statistics(channels: np.ndarray, valid: np.ndarray, levels: np.ndarray, out: np.ndarray) -> None:
    """channels (n, C, H, W) float32, valid (n, H, W) bool (size 0: all); out (n, C, 4 + levels) starts as zeros.

    Per channel: mean, standard deviation, skewness, excess kurtosis, percentiles. Nothing valid leaves zeros.
    """
    n, number, height, width = channels.shape
    values = np.empty(height * width, np.float32)
    bins = np.empty(height * width, np.int32)
    kept = np.empty(height * width, np.float32)
    row = np.empty(4 + levels.size, np.float64)
    for p in range(n):
        for c in range(number):
            count = 0
            for y in range(height):
                if valid.size == 0:
                    values[count : count + width] = channels[p, c, y]
                    count += width
                else:
                    for x in range(width):
                        if valid[p, y, x]:
                            values[count] = channels[p, c, y, x]
                            count += 1
            if count == 0:
                continue
            row[:] = 0
            moments(values[:count], row[:4])
            if levels.size > 0:
                percentiles(values[:count], levels, bins, kept, row[4:])
            for k in range(row.size):
                out[p, c, k] = row[k]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=SUMS)
def correlations(
    channels: np.ndarray, valid: np.ndarray, pairs: np.ndarray, means: np.ndarray, out: np.ndarray
) -> None:
    """Correlation of the valid pixels of channel pairs (P, 2) of (n, C, H, W): out (n, P); 0 where one is flat.

    means (n, C, 2): mean and standard deviation.
    """
    n, _, height, width = channels.shape
    for p in range(n):
        for k in range(len(pairs)):
            a, b = channels[p, pairs[k, 0]], channels[p, pairs[k, 1]]
            mean_a, mean_b = means[p, pairs[k, 0], 0], means[p, pairs[k, 1], 0]
            spread = float(means[p, pairs[k, 0], 1]) * float(means[p, pairs[k, 1], 1])
            total = 0.0
            count = 0.0
            for y in range(height):
                for x in range(width):
                    m = 1.0 if valid.size == 0 or valid[p, y, x] else 0.0
                    total += m * (a[y, x] - mean_a) * (b[y, x] - mean_b)
                    count += m
            out[p, k] = total / count / spread if spread > 0 and count > 0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def add_row(row: np.ndarray, factor: np.float32, total: np.ndarray) -> None:
    """total += factor x row, negative values of the row counting as 0."""
    for x in range(row.size):
        total[x] += factor * max(row[x], np.float32(0))


@njit(cache=True, nogil=True, error_model="numpy")
def ratios(bands: np.ndarray, upper: np.ndarray, lower: np.ndarray, out: np.ndarray) -> None:
    """Ratios of weighted sums of bands (n, B, H, W), within -1..1; 0 where the lower sum is below LEAST.

    upper (K, B), lower (K, B + 1) factors, the last one a constant; out (n, K, H, W). All float32.
    """
    n, number, height, width = bands.shape
    below = np.empty(width, np.float32)
    one = np.float32(1)
    for p in range(n):
        for k in range(len(upper)):
            for y in range(height):
                above = out[p, k, y]
                above[:] = 0
                below[:] = lower[k, number]
                for b in range(number):
                    if upper[k, b] != 0:
                        add_row(bands[p, b, y], upper[k, b], above)
                    if lower[k, b] != 0:
                        add_row(bands[p, b, y], lower[k, b], below)
                for x in range(width):
                    ratio = min(max(above[x] / max(below[x], LEAST), -one), one)
                    above[x] = ratio if below[x] >= LEAST else np.float32(0)
