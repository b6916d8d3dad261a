"""Bag of visual words: which of 256 learned words the small windows of a patch are most alike.

Sources: J. Sivic, A. Zisserman, "Video Google", ICCV 2003 (words); N. Dalal, B. Triggs, CVPR 2005 (normalised
gradients); S. Cui, C. O. Dumitru, M. Datcu, GRSL 10(5), 2013 (radar: local mean, local variance and ratios of means in
four directions); D. Sculley, WWW 2010 (mini-batch k-means). The exact windows are our choice.
"""

import numpy as np

from eobench_dash.errors import UnsupportedPatch
from eobench_dash.ml.features import bovw_kernels as kernels
from eobench_dash.ml.features.kinds import WORDS
from eobench_dash.ml.features.patches import Patches

STEP = 4
SCALES = 2
GRADIENT_FLOOR = 0.1
"""Gradients well below this share of the patch's mean luminance count for less: noise, or nothing there. (EuroSAT: .02
and 1 are worse.)"""
SAR_WINDOWS = np.array([9, 15], np.int64)
SAR_EPS, SAR_FLOOR = 1e-3, 1e-5
SAMPLE = 100_000
PATCHES = 4_000
_EVERYWHERE = np.empty((0, 0), np.bool_)


def local_size(*, bands: int, modality: str) -> int:
    """Numbers per window: 32 gradients of the luminance, or 12 per polarisation."""
    return 6 * len(SAR_WINDOWS) * bands if modality == "sar" else 4 * kernels.DIRECTIONS


def bovw(patches: Patches) -> np.ndarray:
    """(n, 256) float32: shares of the patch's windows by their nearest word in ``patches.state``; they sum to 1.

    A window counts if it holds no nodata; a patch without such windows is all zero.
    """
    state = patches.state or {}
    mean, scale, words = (np.ascontiguousarray(state[name], np.float32) for name in ("mean", "scale", "words"))
    offsets = -0.5 * np.einsum("wd,wd->w", words, words)
    words = np.ascontiguousarray(words.T)
    out = np.zeros((len(patches.pixels), WORDS), np.float32)
    for row in range(len(out)):
        kernels.count_words(local(patches, row), mean, scale, words, offsets, out[row])
    return out


def local(patches: Patches, row: int) -> np.ndarray:
    """The windows of one patch that hold no nodata, as vectors (windows, ``local_size``) float32."""
    one = patches.part(slice(row, row + 1))
    return _ratios(one) if patches.modality == "sar" else _gradients(one)


def learn_words(patches: Patches, *, seed: int) -> dict[str, np.ndarray]:
    """``mean``, ``scale`` (d,) and ``words`` (256, d) from at most 4,000 seeded patches and 100,000 of their windows.

    Seeded mini-batch k-means on one thread. Where there are fewer windows than words, the last words repeat the first
    and are never the nearest. UnsupportedPatch where no window is free of nodata.
    """
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(patches.pixels))[:PATCHES])
    each = -(-SAMPLE // max(len(rows), 1))
    parts = [np.empty((0, local_size(bands=patches.bands, modality=patches.modality)), np.float32)]
    for row in rows:
        windows = local(patches, int(row))
        parts.append(windows if len(windows) <= each else windows[rng.permutation(len(windows))[:each]])
    sample = np.concatenate(parts)
    if not len(sample):
        raise UnsupportedPatch(
            "No window of these patches is free of nodata, so no visual words can be learned; give patches with less."
        )
    if patches.modality == "sar":
        mean, spread = sample.mean(axis=0, dtype=np.float64), sample.std(axis=0, dtype=np.float64)
        scale = np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-6), 0.0)
    else:  # gradients share one unit already
        mean, scale = np.zeros(sample.shape[1]), np.ones(sample.shape[1])
    sample = (sample - mean.astype(np.float32)) * scale.astype(np.float32)
    words = sample
    if len(sample) > WORDS:
        clusters = MiniBatchKMeans(WORDS, random_state=seed, batch_size=4096, max_iter=20, n_init=1)
        with threadpool_limits(1):
            words = clusters.fit(sample).cluster_centers_
    return {
        "mean": mean.astype(np.float32),
        "scale": scale.astype(np.float32),
        "words": np.resize(words, (WORDS, sample.shape[1])).astype(np.float32),
    }


def _gradients(one: Patches) -> np.ndarray:
    weights = one.luminance_weights()
    weights /= weights.sum() * np.float32(one.unit)
    plane = np.ascontiguousarray(np.einsum("b,byx->yx", weights, one.pixels[0]), np.float32)
    valid = _EVERYWHERE
    level = float(plane.mean(dtype=np.float64))
    if one.valid is not None:
        level = float(plane[one.valid[0]].mean(dtype=np.float64)) if one.valid.any() else 0.0
        v = one.valid[0]
        valid = v[1:-1, 1:-1] & v[1:-1, 2:] & v[1:-1, :-2] & v[2:, 1:-1] & v[:-2, 1:-1]
    found = []
    for scale in range(SCALES):
        size = STEP << scale
        rows, columns = ((length - 2) // size for length in plane.shape)
        if min(rows, columns) < 2:
            break
        cells, whole = np.empty((rows, columns, kernels.DIRECTIONS), np.float32), np.empty((rows, columns), np.bool_)
        kernels.gradient_cells(plane, valid, size, cells, whole)
        windows = np.empty(((rows - 1) * (columns - 1), 4 * kernels.DIRECTIONS), np.float32)
        floor = np.float32(2 * size * size * GRADIENT_FLOOR * max(level, 0.0))
        found.append(windows[: kernels.gradient_windows(cells, whole, floor, windows)])
    return np.concatenate(found)


def _ratios(one: Patches) -> np.ndarray:
    power = np.maximum(one.pixels[0].astype(np.float32) / np.float32(one.unit), 0)
    valid = _EVERYWHERE if one.valid is None else np.ascontiguousarray(one.valid[0])
    if one.valid is not None:
        power = np.where(valid, power, np.float32(0))
    down, across = ((length - int(SAR_WINDOWS[-1])) // STEP + 1 for length in power.shape[1:])
    windows = np.empty((down * across, local_size(bands=one.bands, modality="sar")), np.float32)
    return windows[: kernels.ratio_windows(power, valid, SAR_WINDOWS, STEP, SAR_EPS, SAR_FLOOR, windows)]
