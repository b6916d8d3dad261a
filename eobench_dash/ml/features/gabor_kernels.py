"""Compiled loops of the Gabor bank: 7 row filters and 12 column filters give all six complex orientations."""

import numpy as np
from numba import njit

RADIUS = 5
FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def even(
    a5: np.ndarray,
    a4: np.ndarray,
    a3: np.ndarray,
    a2: np.ndarray,
    a1: np.ndarray,
    a0: np.ndarray,
    b1: np.ndarray,
    b2: np.ndarray,
    b3: np.ndarray,
    b4: np.ndarray,
    b5: np.ndarray,
    w: np.ndarray,
    out: np.ndarray,
) -> None:
    """out = a0 w0 + sum of (a_k + b_k) w_k: eleven rows (or one row at eleven offsets), symmetric taps."""
    w0, w1, w2, w3, w4, w5 = w[0], w[1], w[2], w[3], w[4], w[5]
    for x in range(out.size):
        out[x] = (
            a0[x] * w0
            + (a1[x] + b1[x]) * w1
            + (a2[x] + b2[x]) * w2
            + (a3[x] + b3[x]) * w3
            + (a4[x] + b4[x]) * w4
            + (a5[x] + b5[x]) * w5
        )


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def odd(
    a5: np.ndarray,
    a4: np.ndarray,
    a3: np.ndarray,
    a2: np.ndarray,
    a1: np.ndarray,
    b1: np.ndarray,
    b2: np.ndarray,
    b3: np.ndarray,
    b4: np.ndarray,
    b5: np.ndarray,
    w: np.ndarray,
    out: np.ndarray,
) -> None:
    """out = sum of (b_k - a_k) w_k: antisymmetric taps."""
    w1, w2, w3, w4, w5 = w[1], w[2], w[3], w[4], w[5]
    for x in range(out.size):
        out[x] = (
            (b1[x] - a1[x]) * w1
            + (b2[x] - a2[x]) * w2
            + (b3[x] - a3[x]) * w3
            + (b4[x] - a4[x]) * w4
            + (b5[x] - a5[x]) * w5
        )


@njit(cache=True, nogil=True, error_model="numpy")
def even_column(rows: np.ndarray, y: int, w: np.ndarray, out: np.ndarray) -> None:
    even(
        rows[y], rows[y + 1], rows[y + 2], rows[y + 3], rows[y + 4], rows[y + 5],
        rows[y + 6], rows[y + 7], rows[y + 8], rows[y + 9], rows[y + 10], w, out,
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def odd_column(rows: np.ndarray, y: int, w: np.ndarray, out: np.ndarray) -> None:
    odd(
        rows[y], rows[y + 1], rows[y + 2], rows[y + 3], rows[y + 4],
        rows[y + 6], rows[y + 7], rows[y + 8], rows[y + 9], rows[y + 10], w, out,
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def pool_row(real: np.ndarray, imaginary: np.ndarray, mask: np.ndarray) -> tuple[np.float32, np.float32]:
    """Sums of m |r| and m |r|^2 over a row."""
    total = np.float32(0)
    squares = np.float32(0)
    for x in range(mask.size):
        power = real[x] * real[x] + imaginary[x] * imaginary[x]
        total += mask[x] * np.sqrt(power)
        squares += mask[x] * power
    return total, squares


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def pool_pair(
    cc: np.ndarray, ss: np.ndarray, cs: np.ndarray, sc: np.ndarray, mask: np.ndarray
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """``pool_row`` of the two waves whose directions mirror each other: (cc - ss, cs + sc) and (cc + ss, cs - sc)."""
    total0 = np.float32(0)
    squares0 = np.float32(0)
    total1 = np.float32(0)
    squares1 = np.float32(0)
    for x in range(mask.size):
        real, imaginary = cc[x] - ss[x], cs[x] + sc[x]
        power = real * real + imaginary * imaginary
        total0 += mask[x] * np.sqrt(power)
        squares0 += mask[x] * power
        real, imaginary = cc[x] + ss[x], cs[x] - sc[x]
        power = real * real + imaginary * imaginary
        total1 += mask[x] * np.sqrt(power)
        squares1 += mask[x] * power
    return total0, squares0, total1, squares1


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
    plane: np.ndarray, mask: np.ndarray, height: int, width: int, mirror_y: np.ndarray, mirror_x: np.ndarray
) -> tuple[int, int]:
    """Smooth the leading height x width of plane by (1 4 6 4 1) / 16 and keep every second pixel, in place."""
    rows = (height + 1) // 2
    columns = (width + 1) // 2
    narrow = np.empty((height, columns), np.float32)
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
            plane[y, x] = m[x] * w0 + (b[x] + d[x]) * w1 + (a[x] + e[x]) * w2
            mask[y, x] = mask[2 * y, 2 * x]
    return rows, columns


@njit(cache=True, nogil=True, error_model="numpy")
def one_scale(
    plane: np.ndarray,
    mask: np.ndarray,
    height: int,
    width: int,
    mirror_y: np.ndarray,
    mirror_x: np.ndarray,
    taps: np.ndarray,
    out: np.ndarray,
) -> None:
    """The leading height x width of plane; out (6, 2) mean and standard deviation of |response|."""
    padded = np.empty(width + 2 * RADIUS, np.float32)
    rows = np.empty((7, height + 2 * RADIUS, width), np.float32)
    for y in range(height):
        source = plane[y]
        for x in range(width + 2 * RADIUS):
            padded[x] = source[mirror_x[x]]
        s = padded
        for k in range(4):  # the Gaussian and three cosines
            tap = taps[max(2 * k - 1, 0)]
            target = rows[max(2 * k - 1, 0), y + RADIUS]
            even(s, s[1:], s[2:], s[3:], s[4:], s[5:], s[6:], s[7:], s[8:], s[9:], s[10:], tap, target)
        for k in range(1, 4):  # three sines
            odd(s, s[1:], s[2:], s[3:], s[4:], s[6:], s[7:], s[8:], s[9:], s[10:], taps[2 * k], rows[2 * k, y + RADIUS])
    for y in range(RADIUS):
        rows[:, y] = rows[:, mirror_y[y] + RADIUS]
        rows[:, height + RADIUS + y] = rows[:, mirror_y[height + RADIUS + y] + RADIUS]
    sums = np.zeros((6, 2), np.float64)
    parts = np.empty((4, width), np.float32)
    p, q, r, t = parts[0], parts[1], parts[2], parts[3]
    count = 0.0
    for y in range(height):
        m = mask[y, :width]
        for x in range(width):
            count += m[x]
        even_column(rows[1], y, taps[0], p)
        even_column(rows[2], y, taps[0], q)
        a, b = pool_row(p, q, m)
        sums[0, 0] += a
        sums[0, 1] += b
        even_column(rows[0], y, taps[1], p)
        odd_column(rows[0], y, taps[2], q)
        a, b = pool_row(p, q, m)
        sums[3, 0] += a
        sums[3, 1] += b
        for k in range(1, 3):  # 30 and 150 degrees, then 60 and 120: the column's frequency is the other cosine
            c, s, wave_c, wave_s = rows[2 * k + 1], rows[2 * k + 2], taps[7 - 2 * k], taps[8 - 2 * k]
            even_column(c, y, wave_c, p)
            odd_column(s, y, wave_s, q)
            odd_column(c, y, wave_s, r)
            even_column(s, y, wave_c, t)
            a, b, d, e = pool_pair(p, q, r, t, m)
            sums[k, 0] += a
            sums[k, 1] += b
            sums[6 - k, 0] += d
            sums[6 - k, 1] += e
    count = max(count, 1.0)
    for k in range(6):
        mean = sums[k, 0] / count
        out[k, 0] = mean
        out[k, 1] = np.sqrt(max(sums[k, 1] / count - mean * mean, 0.0))


@njit(cache=True, nogil=True, error_model="numpy")
def bank(planes: np.ndarray, masks: np.ndarray, mirrors: np.ndarray, taps: np.ndarray, out: np.ndarray) -> None:
    """planes (n, P, H, W), masks (n, H, W) float32, mirrors (scales, 2, longest); out (n, P, scales, 6, 2)."""
    n, number, full_height, full_width = planes.shape
    for i in range(n):
        for j in range(number):
            plane = planes[i, j].copy()
            mask = masks[i].copy()
            height, width = full_height, full_width
            centre(plane, mask)
            for scale in range(out.shape[2]):
                mirror_y, mirror_x = mirrors[scale, 0], mirrors[scale, 1]
                one_scale(plane, mask, height, width, mirror_y, mirror_x, taps, out[i, j, scale])
                if scale + 1 < out.shape[2]:
                    height, width = halve(plane, mask, height, width, mirror_y, mirror_x)
