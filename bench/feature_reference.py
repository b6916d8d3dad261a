"""Each descriptor written the straightforward way (numpy, scipy, scikit-image), patch by patch: the yardstick of bench
and tests.

Independent of the package's kernels: formulas are written out again, in float64, from the docstrings.
"""

import numpy as np
from scipy import ndimage, signal, stats
from scipy.spatial.distance import cdist

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


def _histogram(excitation, low, high, angle, valid, *, bins=18, segments=1):
    """Shares of [segment][orientation][bin]: 8 orientations centred on multiples of 45 degrees, equal bins."""
    t = np.floor(angle / (2 * np.pi / 8) + 0.5).astype(int) % 8
    level = np.clip(np.floor((excitation - low) / (high - low) * bins).astype(int), 0, bins - 1)
    each = bins // segments
    component = (level // each * 8 + t) * each + level % each
    counts = np.bincount(component[valid], minlength=8 * bins).astype(np.float64)
    return counts / max(counts.sum(), 1)


def _inner(valid, radius, shape):
    if valid is None:
        valid = np.ones(shape, bool)
    return ndimage.binary_erosion(valid, np.ones((2 * radius + 1,) * 2), border_value=0)


def _three(plane, valid, *, means, bins=18, segments=1):
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
    return _histogram(xi, -np.pi / 2, np.pi / 2, np.arctan2(second, first), ok, bins=bins, segments=segments)


def wld144(patch, modality="optical", valid=None):
    return _three(luminance(patch), valid, means=False)


def wld960(patch, modality="optical", valid=None):
    return _three(luminance(patch), valid, means=False, bins=120, segments=6)


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


def _levels(values, dtype, modality, count):
    """Whole levels of float64 values in use."""
    if modality == "sar":
        return np.clip(np.floor((10 * values + 35) / 40 * count + 1e-3), 0, count - 1).astype(int)
    values = np.maximum(values, 0) if dtype == np.uint8 else np.sqrt(np.maximum(values, 0))
    return np.clip(np.floor(values * count + 1e-3), 0, count - 1).astype(int)


def glcm(patch, modality="optical", valid=None):
    from skimage.feature import graycomatrix, graycoprops

    if len(patch) == 3 and modality == "optical":
        planes = [luminance(patch) / 1000 / FULL_SCALE[patch.dtype.name]]
    else:
        planes = in_use(patch, modality)
    out = []
    for plane in planes:
        levels = _levels(plane, patch.dtype, modality, 32).astype(np.uint8)
        if valid is not None:
            levels[~valid] = 32
        for d in (1, 2, 4):
            slant = d * np.sqrt(2)  # scikit-image rounds d cos(a): this makes it d rows and d columns
            straight = graycomatrix(levels, [d], [0, np.pi / 2], levels=33, symmetric=True)
            diagonal = graycomatrix(levels, [slant], [np.pi / 4, 3 * np.pi / 4], levels=33, symmetric=True)
            counts = np.concatenate([straight, diagonal], axis=3)[:32, :32]
            counts = counts[..., counts.sum((0, 1, 2)) > 0]
            for name in ("contrast", "dissimilarity", "homogeneity", "ASM", "energy", "correlation", "entropy"):
                found = graycoprops(counts, name)[0] if counts.shape[3] else np.zeros(1)
                out += [found.mean(), np.ptp(found)]
    return np.array(out)


def multispectral_hist(patch, modality="optical", valid=None):
    keep = np.ones(patch.shape[1:], bool) if valid is None else valid
    levels = [_levels(band, patch.dtype, modality, 16)[keep] for band in in_use(patch, modality)]
    return np.concatenate([np.bincount(band, minlength=16) / max(keep.sum(), 1) for band in levels])


def _moments(v):
    """Mean, standard deviation, skewness, excess kurtosis; all but the mean 0 for flat values."""
    if not len(v) or np.ptp(v) <= 2e-6 * abs(v.mean()):
        return [v.mean() if len(v) else 0.0, 0.0, 0.0, 0.0]
    return [v.mean(), v.std(), stats.skew(v), stats.kurtosis(v)]


def band_stats(patch, modality="optical", valid=None):
    keep = np.ones(patch.shape[1:], bool) if valid is None else valid
    out = []
    for band in in_use(patch, modality):
        percentiles = np.percentile(band[keep], (2, 10, 25, 50, 75, 90, 98)) if keep.any() else np.zeros(7)
        out += [*_moments(band[keep]), *percentiles]
    return np.array(out)


def spectral_indices(patch, modality="optical", valid=None, *, names):
    keep = np.ones(patch.shape[1:], bool) if valid is None else valid
    r = dict(zip(names, np.maximum(in_use(patch, modality), 0), strict=True))
    b, g, red, n, s1, s2 = (r.get(name) for name in ("B02", "B03", "B04", "B08", "B11", "B12"))
    formulas = (
        lambda: (n - red, n + red),
        lambda: (g - n, g + n),
        lambda: (g - s1, g + s1),
        lambda: (s1 - n, s1 + n),
        lambda: (g - s1, g + s1),
        lambda: (n - s2, n + s2),
        lambda: ((s1 + red) - (n + b), (s1 + red) + (n + b)),
        lambda: (2.5 * (n - red), n + 6 * red - 7.5 * b + 1),
    )
    out = []
    for formula in formulas:
        try:
            above, below = formula()
        except TypeError:  # a band is missing
            continue
        index = np.clip(np.where(below >= 1e-6, above / np.maximum(below, 1e-6), 0), -1, 1)[keep]
        out += [index.mean(), index.std(), *np.percentile(index, (10, 50, 90))] if len(index) else [0.0] * 5
    return np.array(out)


def sar_stats(patch, modality="sar", valid=None):
    keep = np.ones(patch.shape[1:], bool) if valid is None else valid
    logs, power = in_use(patch, modality), np.maximum(patch / FULL_SCALE[patch.dtype.name], 0).astype(np.float64)
    n = len(patch)
    out = []
    if not keep.any():
        return np.zeros(8 * n + 6 * (n if n > 2 else n - 1))
    for z, p in zip(logs, power, strict=True):
        v, natural = 10 * z[keep], np.log(10) * z[keep]
        variation = p[keep].std() / p[keep].mean() if p[keep].any() and np.ptp(p[keep]) else 0.0
        cumulants = [stats.kstat(natural, 1), natural.var(), stats.moment(natural, 3)]
        out += [*_moments(v), variation, *cumulants]
    for a, b in [(0, 1)] if n == 2 else [(k, (k + 1) % n) for k in range(n)] if n > 2 else []:
        means = [10 * np.log10(power[k][keep].mean()) for k in (a, b)]
        together = np.corrcoef(logs[a][keep], logs[b][keep])[0, 1]
        out += [*_moments(10 * (logs[a] - logs[b])[keep]), means[0] - means[1], together]
    return np.array(out)


def _gradient_windows(patch, valid):
    plane = luminance(patch) / (1000 if len(patch) == 3 else len(patch)) / FULL_SCALE[patch.dtype.name]
    keep = np.ones(plane.shape, bool) if valid is None else valid
    level = max(plane[keep].mean(), 0) if keep.any() else 0
    right, down = plane[1:-1, 2:] - plane[1:-1, :-2], plane[2:, 1:-1] - plane[:-2, 1:-1]
    ok = ndimage.binary_erosion(keep, ndimage.generate_binary_structure(2, 1), border_value=1)[1:-1, 1:-1]
    angles = np.arange(8) * np.pi / 4
    parts = [np.maximum(right * np.cos(a) + down * np.sin(a), 0) for a in angles]
    out = []
    for size in (4, 8):
        rows, columns = (length // size for length in right.shape)
        for i in range(rows - 1):
            for j in range(columns - 1):
                cells = [np.s_[size * (i + k) : size * (i + k + 1), size * (j + m) : size * (j + m + 1)]
                         for k in (0, 1) for m in (0, 1)]  # fmt: skip
                if all(ok[cell].all() for cell in cells):
                    v = np.array([part[cell].sum() for cell in cells for part in parts])
                    length = np.linalg.norm(v) + 2 * size * size * 0.1 * level
                    out.append(v / length if length > 0 else v)
    return np.array(out).reshape(-1, 32)


def _ratio_windows(patch, valid):
    power = np.maximum(patch / FULL_SCALE[patch.dtype.name], 0).astype(np.float64)
    keep = np.ones(power.shape[1:], bool) if valid is None else valid
    power = np.where(keep, power, 0)
    mean = [band[keep].mean() if keep.any() else 0 for band in power]
    eps = [1e-3 * m if m > 0 else 1.0 for m in mean]
    height, width = keep.shape
    out = []
    for top in range(0, height - 14, 4):
        for left in range(0, width - 14, 4):
            if not keep[top : top + 15, left : left + 15].all():
                continue
            row = []
            for band, e in zip(power, eps, strict=True):
                for size in (9, 15):
                    inset = (15 - size) // 2
                    w = band[top + inset :, left + inset :][:size, :size]
                    c = w.reshape(3, size // 3, 3, size // 3).sum((1, 3))
                    e3 = 3 * e * (size // 3) ** 2
                    row += [np.log(max(w.mean(), 1e-5)), np.log(w.std() / (w.mean() + e) + 1e-2)]
                    row += [np.log((c[:, 2].sum() + e3) / (c[:, 0].sum() + e3))]
                    row += [np.log((c[2].sum() + e3) / (c[0].sum() + e3))]
                    row += [np.log((c[1, 2] + c[2, 1] + c[2, 2] + e3) / (c[0, 0] + c[0, 1] + c[1, 0] + e3))]
                    row += [np.log((c[1, 0] + c[2, 0] + c[2, 1] + e3) / (c[0, 1] + c[0, 2] + c[1, 2] + e3))]
            out.append(row)
    return np.array(out).reshape(-1, 12 * len(patch))


def bovw(patch, modality="optical", valid=None, *, state):
    windows = (_ratio_windows if modality == "sar" else _gradient_windows)(patch, valid)
    if not len(windows):
        return np.zeros(256)
    nearest = cdist((windows - state["mean"]) * state["scale"], state["words"]).argmin(axis=1)
    return np.bincount(nearest, minlength=256) / len(windows)


_ALL = (wld144, wld960, sar_wld144, sar_wld144_rmd3x3, color_stats, gabor, glcm, multispectral_hist, band_stats)
REFERENCE = {f.__name__: f for f in (*_ALL, spectral_indices, sar_stats, rcf, bovw)}


def reference(kind, patch, modality, valid=None, *, names=None, state=None):
    """The descriptor of one patch, straightforwardly: what ``describe`` gives, in float64."""
    more = {"spectral_indices": {"names": names}, "bovw": {"state": state}}.get(kind, {})
    return REFERENCE[kind](patch, modality, valid, **more)
