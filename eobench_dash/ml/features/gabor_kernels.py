"""Compiled loops of the Gabor bank: 7 row filters and 12 column filters give all six complex orientations."""

import numpy as np
from numba import njit

RADIUS = 5
FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def even_rows(s: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    """Filter along x with symmetric taps: out (H, W) from s (H, W + 10), w (6,) for offsets 0..5."""
    w0, w1, w2, w3, w4, w5 = w[0], w[1], w[2], w[3], w[4], w[5]
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            near = s[y, x + 5] * w0 + (s[y, x + 4] + s[y, x + 6]) * w1 + (s[y, x + 3] + s[y, x + 7]) * w2
            far = (s[y, x + 2] + s[y, x + 8]) * w3 + (s[y, x + 1] + s[y, x + 9]) * w4 + (s[y, x] + s[y, x + 10]) * w5
            out[y, x] = near + far


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def odd_rows(s: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    """The same with antisymmetric taps."""
    w1, w2, w3, w4, w5 = w[1], w[2], w[3], w[4], w[5]
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            near = (s[y, x + 6] - s[y, x + 4]) * w1 + (s[y, x + 7] - s[y, x + 3]) * w2
            far = (s[y, x + 8] - s[y, x + 2]) * w3 + (s[y, x + 9] - s[y, x + 1]) * w4 + (s[y, x + 10] - s[y, x]) * w5
            out[y, x] = near + far


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def even_columns(s: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    """Filter along y with symmetric taps: out (H, W) from s (H + 10, W)."""
    w0, w1, w2, w3, w4, w5 = w[0], w[1], w[2], w[3], w[4], w[5]
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            near = s[y + 5, x] * w0 + (s[y + 4, x] + s[y + 6, x]) * w1 + (s[y + 3, x] + s[y + 7, x]) * w2
            far = (s[y + 2, x] + s[y + 8, x]) * w3 + (s[y + 1, x] + s[y + 9, x]) * w4 + (s[y, x] + s[y + 10, x]) * w5
            out[y, x] = near + far


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def odd_columns(s: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    """The same with antisymmetric taps."""
    w1, w2, w3, w4, w5 = w[1], w[2], w[3], w[4], w[5]
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            near = (s[y + 6, x] - s[y + 4, x]) * w1 + (s[y + 7, x] - s[y + 3, x]) * w2
            far = (s[y + 8, x] - s[y + 2, x]) * w3 + (s[y + 9, x] - s[y + 1, x]) * w4 + (s[y + 10, x] - s[y, x]) * w5
            out[y, x] = near + far


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def pool(real: np.ndarray, imaginary: np.ndarray, mask: np.ndarray, out: np.ndarray) -> None:
    """Sums of m |r| and m |r|^2 into out (2,): in float32 along a row, in float64 over rows."""
    out[:] = 0
    for y in range(mask.shape[0]):
        total = np.float32(0)
        squares = np.float32(0)
        for x in range(mask.shape[1]):
            power = real[y, x] * real[y, x] + imaginary[y, x] * imaginary[y, x]
            total += mask[y, x] * np.sqrt(power)
            squares += mask[y, x] * power
        out[0] += total
        out[1] += squares


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def turn(cc: np.ndarray, ss: np.ndarray, cs: np.ndarray, sc: np.ndarray) -> None:
    """From products of cosine and sine filters to the two waves whose directions mirror each other, in place.

    (cc, cs) become real and imaginary part of the one, (ss, sc) of the other.
    """
    for y in range(cc.shape[0]):
        for x in range(cc.shape[1]):
            a, b, c, d = cc[y, x], ss[y, x], cs[y, x], sc[y, x]
            cc[y, x] = a - b
            ss[y, x] = a + b
            cs[y, x] = c + d
            sc[y, x] = c - d


@njit(cache=True, nogil=True, error_model="numpy")
def centre(plane: np.ndarray, mask: np.ndarray) -> None:
    """Take the mean of valid pixels off the plane, in place; 0 where not valid."""
    total = 0.0
    count = 0.0
    for y in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            total += mask[y, x] * plane[y, x]
            count += mask[y, x]
    mean = np.float32(total / max(count, 1.0))
    for y in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            plane[y, x] = (plane[y, x] - mean) * mask[y, x]


@njit(cache=True, nogil=True, error_model="numpy")
def halve(
    plane: np.ndarray, mask: np.ndarray, mirror_y: np.ndarray, mirror_x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The plane smoothed by (1 4 6 4 1) / 16, and its mask: every second pixel of both."""
    height, width = plane.shape
    rows = (height + 1) // 2
    columns = (width + 1) // 2
    narrow = np.empty((height, columns), np.float32)
    half = np.empty((rows, columns), np.float32)
    w0, w1, w2 = np.float32(6 / 16), np.float32(4 / 16), np.float32(1 / 16)
    for y in range(height):
        row = plane[y]
        for x in range(columns):
            c = 2 * x + RADIUS
            narrow[y, x] = (
                row[mirror_x[c]] * w0
                + (row[mirror_x[c - 1]] + row[mirror_x[c + 1]]) * w1
                + (row[mirror_x[c - 2]] + row[mirror_x[c + 2]]) * w2
            )
    for y in range(rows):
        c = 2 * y + RADIUS
        a, b, m = narrow[mirror_y[c - 2]], narrow[mirror_y[c - 1]], narrow[mirror_y[c]]
        d, e = narrow[mirror_y[c + 1]], narrow[mirror_y[c + 2]]
        for x in range(columns):
            half[y, x] = m[x] * w0 + (b[x] + d[x]) * w1 + (a[x] + e[x]) * w2
    return half, mask[::2, ::2].copy()


@njit(cache=True, nogil=True, error_model="numpy")
def one_scale(
    plane: np.ndarray, m: np.ndarray, mirror_y: np.ndarray, mirror_x: np.ndarray, taps: np.ndarray, out: np.ndarray
) -> None:
    """Mean and standard deviation of |response| to the six orientations: out (6, 2). All arrays contiguous."""
    height, width = plane.shape
    padded = np.empty((height, width + 2 * RADIUS), np.float32)
    rows = np.empty((7, height + 2 * RADIUS, width), np.float32)
    parts = np.empty((4, height, width), np.float32)
    sums = np.empty((6, 2), np.float64)
    for y in range(height):
        for x in range(width + 2 * RADIUS):
            padded[y, x] = plane[y, mirror_x[x]]
    for k in range(7):  # the Gaussian, then three cosines and sines
        inner = rows[k][RADIUS : RADIUS + height]
        if k > 0 and k % 2 == 0:
            odd_rows(padded, taps[k], inner)
        else:
            even_rows(padded, taps[k], inner)
        for y in range(RADIUS):
            rows[k, y] = inner[mirror_y[y]]
            rows[k, RADIUS + height + y] = inner[mirror_y[RADIUS + height + y]]
    p, q, r, t = parts[0], parts[1], parts[2], parts[3]
    even_columns(rows[1], taps[0], p)
    even_columns(rows[2], taps[0], q)
    pool(p, q, m, sums[0])
    even_columns(rows[0], taps[1], p)
    odd_columns(rows[0], taps[2], q)
    pool(p, q, m, sums[3])
    for k in range(1, 3):  # 30 and 150 degrees, then 60 and 120: along y the frequency is that of the other cosine
        c, s, wave_c, wave_s = rows[2 * k + 1], rows[2 * k + 2], taps[7 - 2 * k], taps[8 - 2 * k]
        even_columns(c, wave_c, p)
        odd_columns(s, wave_s, q)
        odd_columns(c, wave_s, r)
        even_columns(s, wave_c, t)
        turn(p, q, r, t)
        pool(p, r, m, sums[k])
        pool(q, t, m, sums[6 - k])
    count = 0.0
    for y in range(height):
        for x in range(width):
            count += m[y, x]
    count = max(count, 1.0)
    for k in range(6):
        mean = sums[k, 0] / count
        out[k, 0] = mean
        out[k, 1] = np.sqrt(max(sums[k, 1] / count - mean * mean, 0.0))


@njit(cache=True, nogil=True, error_model="numpy")
def bank(planes: np.ndarray, masks: np.ndarray, mirrors: np.ndarray, taps: np.ndarray, out: np.ndarray) -> None:
    """planes (n, P, H, W), masks (n, H, W) float32, mirrors (scales, 2, longest); out (n, P, scales, 6, 2)."""
    n, number = planes.shape[:2]
    for i in range(n):
        for j in range(number):
            plane = planes[i, j].copy()
            mask = masks[i].copy()
            centre(plane, mask)
            for scale in range(out.shape[2]):
                mirror_y, mirror_x = mirrors[scale, 0], mirrors[scale, 1]
                if scale > 0:
                    plane, mask = halve(plane, mask, mirrors[scale - 1, 0], mirrors[scale - 1, 1])
                one_scale(plane, mask, mirror_y, mirror_x, taps, out[i, j, scale])
