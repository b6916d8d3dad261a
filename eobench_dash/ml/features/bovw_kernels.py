"""Compiled loops of the visual words: the small windows of one patch as vectors, and the nearest word of each."""

import math

import numpy as np
from numba import njit

FAST = {"reassoc", "contract", "nsz"}
HALF = np.float32(math.sqrt(0.5))
DIRECTIONS = 8


@njit(cache=True, nogil=True, error_model="numpy")
def gradient_cells(plane: np.ndarray, valid: np.ndarray, size: int, cells: np.ndarray, whole: np.ndarray) -> None:
    """Sums of the gradient's parts along 8 directions over size x size pixels: cells (rows, columns, 8) float32.

    plane (H, W) float32; a gradient is a central difference, so that cells begin at pixel (1, 1). whole (rows, columns)
    bool: no gradient of the cell touches nodata; valid (H - 2, W - 2) bool says where (size 0: everywhere).
    """
    rows, columns = whole.shape
    width = columns * size
    sums = np.empty((DIRECTIONS, width), np.float32)
    nothing = np.float32(0)
    for i in range(rows):
        sums[:] = 0
        whole[i] = True
        for y in range(i * size, i * size + size):
            above, row, below = plane[y], plane[y + 1], plane[y + 2]
            for x in range(width):
                right = row[x + 2] - row[x]
                down = below[x + 1] - above[x + 1]
                slant = HALF * (right + down)
                other = HALF * (down - right)
                sums[0, x] += max(right, nothing)
                sums[1, x] += max(slant, nothing)
                sums[2, x] += max(down, nothing)
                sums[3, x] += max(other, nothing)
                sums[4, x] += max(-right, nothing)
                sums[5, x] += max(-slant, nothing)
                sums[6, x] += max(-down, nothing)
                sums[7, x] += max(-other, nothing)
            if valid.size:
                for x in range(width):
                    whole[i, x // size] &= valid[y, x]
        for j in range(columns):
            for k in range(DIRECTIONS):
                total = nothing
                for x in range(j * size, j * size + size):
                    total += sums[k, x]
                cells[i, j, k] = total


@njit(cache=True, nogil=True, error_model="numpy")
def gradient_windows(cells: np.ndarray, whole: np.ndarray, floor: np.float32, out: np.ndarray) -> int:
    """Windows of 2 x 2 cells as vectors (32,) of length below 1: out (windows, 32); returns how many were whole.

    ``floor`` is added to the length before dividing: what is weaker stays short instead of being noise at full length.
    """
    count = 0
    for i in range(whole.shape[0] - 1):
        for j in range(whole.shape[1] - 1):
            if not (whole[i, j] and whole[i, j + 1] and whole[i + 1, j] and whole[i + 1, j + 1]):
                continue
            row = out[count]
            squares = np.float32(0)
            for k in range(DIRECTIONS):
                row[k] = cells[i, j, k]
                row[DIRECTIONS + k] = cells[i, j + 1, k]
                row[2 * DIRECTIONS + k] = cells[i + 1, j, k]
                row[3 * DIRECTIONS + k] = cells[i + 1, j + 1, k]
            for k in range(row.size):
                squares += row[k] * row[k]
            length = np.sqrt(squares) + floor
            share = np.float32(1) / length if length > 0 else np.float32(0)
            for k in range(row.size):
                row[k] *= share
            count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def integral(plane: np.ndarray, power: int, out: np.ndarray) -> None:
    """out (H + 1, W + 1) float64: sums of plane ** power above and to the left."""
    out[0] = 0
    for y in range(plane.shape[0]):
        out[y + 1, 0] = 0
        along = 0.0
        for x in range(plane.shape[1]):
            v = float(plane[y, x])
            along += v * v if power == 2 else v
            out[y + 1, x + 1] = out[y, x + 1] + along


@njit(cache=True, nogil=True, error_model="numpy")
def box(sums: np.ndarray, top: int, left: int, height: int, width: int) -> float:
    """Sum over a rectangle, from ``integral``; never below 0."""
    bottom, right = top + height, left + width
    total: float = (sums[bottom, right] - sums[top, right]) - (sums[bottom, left] - sums[top, left])
    return max(total, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def ratio_windows(
    bands: np.ndarray, valid: np.ndarray, sizes: np.ndarray, step: int, eps: float, floor: float, out: np.ndarray
) -> int:
    """Windows of linear power bands (B, H, W) float32 every ``step`` pixels: out (windows, 6 x sizes x B) float32.

    Per band and window size (multiples of 3, largest last, one centre): logarithm of the mean, of the coefficient of
    variation, of the ratios right/left, lower/upper and of the two diagonals' corners. A window that touches nodata
    (valid (H, W) bool, or size 0) is left out; returns how many were not.
    """
    number, height, width = bands.shape
    sums = np.empty((number, height + 1, width + 1), np.float64)
    squares = np.empty((number, height + 1, width + 1), np.float64)
    missing = np.zeros((height + 1, width + 1), np.float64)
    small = np.empty(number, np.float64)
    cell = np.empty((3, 3), np.float64)
    for b in range(number):
        integral(bands[b], 1, sums[b])
        integral(bands[b], 2, squares[b])
        small[b] = 0.0
    if valid.size:
        integral((~valid).astype(np.float32), 1, missing)
    pixels = height * width - missing[height, width]
    for b in range(number):
        small[b] = eps * sums[b, height, width] / pixels if pixels > 0 else 0.0
        small[b] = small[b] if small[b] > 0 else 1.0
    largest = sizes[-1]
    count = 0
    for top in range(0, height - largest + 1, step):
        for left in range(0, width - largest + 1, step):
            if box(missing, top, left, largest, largest) > 0:
                continue
            row = out[count]
            k = 0
            for b in range(number):
                for s in range(sizes.size):
                    size = sizes[s]
                    third = size // 3
                    inset = (largest - size) // 2
                    for i in range(3):
                        for j in range(3):
                            cell[i, j] = box(sums[b], top + inset + i * third, left + inset + j * third, third, third)
                    area = size * size
                    total = box(sums[b], top + inset, left + inset, size, size)
                    mean = total / area
                    variance = max(box(squares[b], top + inset, left + inset, size, size) / area - mean * mean, 0.0)
                    e = small[b] * third * third * 3
                    row[k] = math.log(max(mean, floor))
                    row[k + 1] = math.log(math.sqrt(variance) / (mean + small[b]) + 1e-2)
                    row[k + 2] = math.log(
                        (cell[0, 2] + cell[1, 2] + cell[2, 2] + e) / (cell[0, 0] + cell[1, 0] + cell[2, 0] + e)
                    )
                    row[k + 3] = math.log(
                        (cell[2, 0] + cell[2, 1] + cell[2, 2] + e) / (cell[0, 0] + cell[0, 1] + cell[0, 2] + e)
                    )
                    row[k + 4] = math.log(
                        (cell[1, 2] + cell[2, 1] + cell[2, 2] + e) / (cell[0, 0] + cell[0, 1] + cell[1, 0] + e)
                    )
                    row[k + 5] = math.log(
                        (cell[1, 0] + cell[2, 0] + cell[2, 1] + e) / (cell[0, 1] + cell[0, 2] + cell[1, 2] + e)
                    )
                    k += 6
            count += 1
    return count


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def add_four(scores: np.ndarray, words: np.ndarray, a: np.float32, b: np.float32, c: np.float32, d: np.float32) -> None:
    """scores (W,) += a, b, c, d times the four rows of words (4, W)."""
    first, second, third, fourth = words[0], words[1], words[2], words[3]
    for w in range(scores.size):
        scores[w] += (a * first[w] + b * second[w]) + (c * third[w] + d * fourth[w])


@njit(cache=True, nogil=True, error_model="numpy")
def count_words(
    windows: np.ndarray, mean: np.ndarray, scale: np.ndarray, words: np.ndarray, offsets: np.ndarray, out: np.ndarray
) -> None:
    """Shares of windows (m, d) whose nearest word is each of words (d, W): into out (W,), which starts as zeros.

    Windows are standardised by mean and scale (d,) first; d is a multiple of 4. offsets (W,): minus half the squared
    length of each word, so that the nearest word is the one of the greatest offset + product; the first of equals.
    """
    number = words.shape[1]
    scores = np.empty(number, np.float32)
    x = np.empty(words.shape[0], np.float32)
    counts = np.zeros(number, np.int64)
    for m in range(len(windows)):
        for k in range(x.size):
            x[k] = (windows[m, k] - mean[k]) * scale[k]
        scores[:] = offsets
        for k in range(0, x.size, 4):
            add_four(scores, words[k : k + 4], x[k], x[k + 1], x[k + 2], x[k + 3])
        best = scores[0]
        for w in range(number):
            best = max(best, scores[w])
        for w in range(number):
            if scores[w] == best:
                counts[w] += 1
                break
    for w in range(number):
        out[w] = counts[w] / max(len(windows), 1)
