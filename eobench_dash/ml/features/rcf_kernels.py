"""Compiled loop of the random convolutional features: filters along the lanes, nine taps of four positions a pass.

Responses are pooled while they are in the nearest cache: the whole response map of 512 filters is never written. The
inner loops are inlined before compiling: as functions of their own they were compiled twice, alone and into their
caller, with sums in another order, and a first run differed from later ones (from the cache) in the last digit.
"""

import numpy as np
from numba import njit

FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST, inline="always")
def nine_taps(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    """Add to four positions' responses out (4, F) what nine of their pixels a, b, c, d (9,) give through w (9, F).

    Written out tap by tap, so that the responses stay in registers and each weight is loaded once for four positions.
    """
    a0, a1, a2, a3, a4, a5, a6, a7, a8 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8]
    b0, b1, b2, b3, b4, b5, b6, b7, b8 = b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8]
    c0, c1, c2, c3, c4, c5, c6, c7, c8 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8]
    d0, d1, d2, d3, d4, d5, d6, d7, d8 = d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8]
    w0, w1, w2, w3, w4, w5, w6, w7, w8 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8]
    out_a, out_b, out_c, out_d = out[0], out[1], out[2], out[3]
    for f in range(w.shape[1]):
        k0, k1, k2, k3, k4, k5, k6, k7, k8 = w0[f], w1[f], w2[f], w3[f], w4[f], w5[f], w6[f], w7[f], w8[f]
        out_a[f] += a0 * k0 + a1 * k1 + a2 * k2 + a3 * k3 + a4 * k4 + a5 * k5 + a6 * k6 + a7 * k7 + a8 * k8
        out_b[f] += b0 * k0 + b1 * k1 + b2 * k2 + b3 * k3 + b4 * k4 + b5 * k5 + b6 * k6 + b7 * k7 + b8 * k8
        out_c[f] += c0 * k0 + c1 * k1 + c2 * k2 + c3 * k3 + c4 * k4 + c5 * k5 + c6 * k6 + c7 * k7 + c8 * k8
        out_d[f] += d0 * k0 + d1 * k1 + d2 * k2 + d3 * k3 + d4 * k4 + d5 * k5 + d6 * k6 + d7 * k7 + d8 * k8


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST, inline="always")
def add_parts(responses: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> None:
    """Add the two parts of four positions' responses (4, F) to their sums (F,).

    Each part has its own sum: taken as a difference from the total it would hold rounding noise where it is 0.
    """
    a, b, c, d = responses[0], responses[1], responses[2], responses[3]
    nothing = np.float32(0)
    for f in range(positive.size):
        positive[f] += max(a[f], nothing) + max(b[f], nothing) + max(c[f], nothing) + max(d[f], nothing)
        negative[f] += max(-a[f], nothing) + max(-b[f], nothing) + max(-c[f], nothing) + max(-d[f], nothing)


@njit(cache=True, nogil=True, error_model="numpy")
def windows(values: np.ndarray, mask: np.ndarray, step: int, columns: np.ndarray) -> int:
    """Fill ``columns`` (positions, 9 x B) with the 3x3 windows that hold no nodata; returns how many there are."""
    bands, height, width = values.shape
    count = 0
    for y in range(0, height - 2, step):
        for x in range(0, width - 2, step):
            whole = True
            for i in range(3):
                for j in range(3):
                    whole &= mask[y + i, x + j] > 0
            if not whole:
                continue
            row = columns[count]
            for band in range(bands):
                for i in range(3):
                    for j in range(3):
                        row[band * 9 + i * 3 + j] = values[band, y + i, x + j]
            count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def pool(
    values: np.ndarray, mask: np.ndarray, step: int, weights: np.ndarray, bias: np.ndarray, out: np.ndarray
) -> None:
    """values (n, B, H, W), mask (n, H, W) float32, weights (9 B, F), bias (F,); out (n, 2, F) means of both parts."""
    n, bands, height, width = values.shape
    number = bias.size
    taps = 9 * bands
    most = ((height - 2 + step - 1) // step) * ((width - 2 + step - 1) // step)
    columns = np.empty((most, taps), np.float32)
    responses = np.empty((4, number), np.float32)
    positive = np.empty(number, np.float32)
    negative = np.empty(number, np.float32)
    for p in range(n):
        count = windows(values[p], mask[p], step, columns)
        positive[:] = 0
        negative[:] = 0
        for k in range(0, count, 4):
            # The last group may reach past the windows: it repeats the last one, and what it adds is not pooled.
            last = count - 1
            ka, kb, kc, kd = k, min(k + 1, last), min(k + 2, last), min(k + 3, last)
            for position in range(4):
                responses[position] = bias
            for s in range(0, taps, 9):
                e = s + 9
                nine_taps(
                    columns[ka, s:e], columns[kb, s:e], columns[kc, s:e], columns[kd, s:e], weights[s:e], responses
                )
            responses[count - k :] = 0
            add_parts(responses, positive, negative)
        share = np.float32(1.0 / max(count, 1))
        for f in range(number):
            out[p, 0, f] = positive[f] * share
            out[p, 1, f] = negative[f] * share
