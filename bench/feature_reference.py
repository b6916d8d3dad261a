"""Each descriptor written the straightforward way (numpy, scipy), patch by patch: the yardstick of bench and tests.

Independent of the package's kernels: formulas are written out again, in float64, from the docstrings.
"""

import numpy as np
from scipy import ndimage, signal

FULL_SCALE = {"uint8": 255.0, "uint16": 10000.0, "float32": 1.0}
MIRROR = {"mode": "reflect"}  # scipy's name for repeating the border pixel


def luminance(patch):
    """(B, H, W) -> (H, W) float64."""
    patch = patch.astype(np.float64)
    if len(patch) == 3:
        return 299 * patch[0] + 587 * patch[1] + 114 * patch[2]
    return patch.sum(axis=0)


def in_use(patch, modality):
    """(B, H, W) float64 in units of full scale, or log10."""
    full = FULL_SCALE[patch.dtype.name]
    if modality == "optical":
        return patch.astype(np.float64) / full
    floor = 0.5 if patch.dtype.kind == "u" else 1e-5
    return np.log10(np.maximum(patch.astype(np.float64), floor) / full)


def _histogram(excitation, low, high, angle, valid):
    """(8 x 18,) shares: 8 orientations centred on multiples of 45 degrees, 18 equal bins of ``excitation``."""
    t = np.floor(angle / (2 * np.pi / 8) + 0.5).astype(int) % 8
    level = np.clip(np.floor((excitation - low) / (high - low) * 18).astype(int), 0, 17)
    counts = np.bincount((t * 18 + level)[valid], minlength=144).astype(np.float64)
    return counts / max(counts.sum(), 1)


def _inner(valid, radius, shape):
    if valid is None:
        valid = np.ones(shape, bool)
    return ndimage.binary_erosion(valid, np.ones((2 * radius + 1,) * 2), border_value=0)


def _three(plane, valid, *, means):
    ok = _inner(valid, 1, plane.shape)
    mean = plane[valid].mean() if valid is not None else plane.mean()
    if valid is not None:
        mean = plane[ok].mean() if ok.any() else 0.0
    excess = ndimage.convolve(plane, np.array([[1, 1, 1], [1, -8, 1], [1, 1, 1]]), **MIRROR)
    xi = np.arctan2(excess, np.maximum(plane, 0) + max(1e-3 * mean, 0))
    if means:
        first = signal.convolve2d(plane, [[1, 0, -1]] * 3, mode="same", boundary="symm")
        second = signal.convolve2d(plane, [[1] * 3, [0] * 3, [-1] * 3], mode="same", boundary="symm")
    else:
        first = ndimage.correlate1d(plane, [-1, 0, 1], axis=0, **MIRROR)
        second = ndimage.correlate1d(plane, [1, 0, -1], axis=1, **MIRROR)
    return _histogram(xi, -np.pi / 2, np.pi / 2, np.arctan2(second, first), ok)


def wld144(patch, modality="optical", valid=None):
    return _three(luminance(patch), valid, means=False)


def sar_wld144_rmd3x3(patch, modality="sar", valid=None):
    return np.concatenate([_three(band.astype(np.float64), valid, means=True) for band in patch])


def sar_wld144(patch, modality="sar", valid=None):
    i, j = np.mgrid[-4:5, -4:5]
    weights = np.exp(-(abs(i) + abs(j)) / 2)
    out = []
    for band in patch:
        plane = np.maximum(band.astype(np.float64), 0)
        ok = _inner(valid, 4, plane.shape)
        mean = plane.mean() if valid is None else (plane[ok].mean() if ok.any() else 0.0)
        half = weights * (j > 0)
        eps = 1e-4 * mean * half.sum() if mean > 0 else 1.0
        right, left = (ndimage.correlate(plane, w, **MIRROR) + eps for w in (half, half[:, ::-1]))
        down, up = (ndimage.correlate(plane, w, **MIRROR) + eps for w in (half.T, half.T[::-1]))
        gx, gy = np.log(right / left), np.log(down / up)
        out.append(_histogram(np.arctan(3 * np.hypot(gx, gy)), 0, np.pi / 2, np.arctan2(gy, gx), ok))
    return np.concatenate(out)


def _channel(z, valid):
    v = z[valid]
    d = v - v.mean()
    flat = d.std() <= 1e-6 * max(abs(v.mean()), 1e-6)
    least, most = v.min(), v.max()
    room, width = (np.sqrt(3) - 1) / 2, (most - least) / 255.2
    counts, edges = np.histogram(
        v, bins=256, range=(least - room * width, least + (256 - room) * width) if width else None
    )
    quantiles = [least] * 9
    if most > least:
        target = np.array([0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]) * len(v)
        reached = np.searchsorted(counts.cumsum(), target)  # the first bin that takes the count to the target
        inside = (target - (counts.cumsum() - counts)[reached]) / counts[reached]
        quantiles = np.clip(edges[reached] + inside * width, least, most)
    structure = []
    for lag in (1, 2, 4, 8):
        pairs = ((np.s_[:, lag:], np.s_[:, :-lag]), (np.s_[lag:], np.s_[:-lag]))
        jumps = [abs(z[a] - z[b])[valid[a] & valid[b]] for a, b in pairs]
        structure.append(np.concatenate(jumps).mean() if sum(map(len, jumps)) else 0.0)
    h, w = (size // 8 for size in z.shape)
    cut = np.s_[: h * 8, : w * 8]
    blocks = (np.where(valid, z, 0)[cut].reshape(h, 8, w, 8).sum((1, 3)), valid[cut].reshape(h, 8, w, 8).sum((1, 3)))
    enough = blocks[1] >= 32
    spread = (blocks[0][enough] / blocks[1][enough]).std() if enough.any() else 0.0
    skew = 0.0 if flat else (d**3).mean() / d.std() ** 3
    above = 0.0 if flat else (d > 0).mean()
    return [v.mean(), 0.0 if flat else d.std(), skew, *quantiles, *structure, spread, above]


def color_stats(patch, modality="optical", valid=None):
    bands = in_use(patch, modality)
    valid = np.ones(bands.shape[1:], bool) if valid is None else valid
    n = len(bands)
    pairs = [(0, 1)] if n == 2 else [(b, (b + 1) % n) for b in range(n)] if n > 2 else []
    if modality == "optical":
        c = np.maximum(bands, 0)
        ratios = [(c[a] - c[b]) / (c[a] + c[b] + 1e-3) for a, b in pairs]
    else:
        ratios = [bands[a] - bands[b] for a, b in pairs]
    stats = [s for z in [*bands, *ratios] for s in _channel(z, valid)]
    return np.array(stats + [np.corrcoef(bands[a][valid], bands[b][valid])[0, 1] for a, b in pairs])


def gabor(patch, modality="optical", valid=None):
    if len(patch) == 3 and modality == "optical":
        planes = [luminance(patch) / 1000 / FULL_SCALE[patch.dtype.name]]
    else:
        planes = in_use(patch, modality)
    i, j = np.mgrid[-5:6, -5:6]
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.87**2))
    envelope = np.outer(line, line) / line.sum() ** 2
    out = []
    for plane in planes:
        keep = np.ones(plane.shape, bool) if valid is None else valid
        plane = np.where(keep, plane - plane[keep].mean(), 0)
        for _ in range(4):
            for k in range(6):
                a = np.pi * k / 6
                wave = envelope * np.exp(2j * np.pi * 0.3 * (j * np.cos(a) + i * np.sin(a)))
                padded = np.pad(plane, 5, mode="symmetric")
                response = abs(signal.fftconvolve(padded, wave, mode="valid"))[keep]
                out += [response.mean(), response.std()]
            for axis in (0, 1):
                plane = ndimage.correlate1d(plane, np.array([1, 4, 6, 4, 1]) / 16, axis=axis, **MIRROR)
            plane, keep = plane[::2, ::2], keep[::2, ::2]
    return np.array(out)


def rcf(patch, modality="optical", valid=None):
    from eobench_dash.ml.features.rcf import filters  # the random numbers themselves, not the computation

    values = in_use(patch, modality).astype(np.float32)
    keep = np.ones(values.shape[1:], bool) if valid is None else valid
    bands = len(values)
    up, down = [], []
    for (weights, bias), step in zip(filters(bands, modality), (2, 1, 1), strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(values, (3, 3), axis=(1, 2))[:, ::step, ::step]
        whole = np.lib.stride_tricks.sliding_window_view(keep, (3, 3))[::step, ::step].all((2, 3))
        responses = windows.transpose(1, 2, 0, 3, 4)[whole].reshape(-1, 9 * bands) @ weights + bias
        count = max(len(responses), 1)
        up.append(np.maximum(responses, 0).sum(axis=0) / count)
        down.append(np.maximum(-responses, 0).sum(axis=0) / count)
        h, w = (size // 2 * 2 for size in keep.shape)
        values = values[:, :h, :w].reshape(bands, h // 2, 2, w // 2, 2).mean((2, 4))
        keep = keep[:h, :w].reshape(h // 2, 2, w // 2, 2).all((1, 3))
    return np.concatenate([*up, *down])


REFERENCE = {f.__name__: f for f in (wld144, sar_wld144, sar_wld144_rmd3x3, color_stats, gabor, rcf)}
