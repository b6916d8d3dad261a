"""Several descriptors as one vector: transform, standardise, give each block the same weight, principal components.

Per block: square root of histograms and pooled responses (Hellinger), signed square root of statistics, logarithm of
Gabor strengths; z-score over the dataset, clipped at 3; divided so that every block has the same total variance; then
the leading principal components of all. No learned weights; the same seed and rows give the same projection (matrix
products stay on one thread, so that its last digits do not depend on the number of cores).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from eobench_dash.errors import BadInput
from eobench_dash.ml.threads import one_thread_per_product

CLIP = 3.0
SAMPLE = 20_000
ROWS = 256
"""Rows per matrix product, always: a product of another shape rounds otherwise, and a patch's vector would then depend
on the patches beside it."""
GABOR_FLOOR = 1e-4


def _root(x: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.sqrt(np.maximum(x, 0))
    return out


def _signed_root(x: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.sign(x) * np.sqrt(np.abs(x))
    return out


def _log(x: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.log(np.maximum(x, 0) + GABOR_FLOOR)
    return out


def _same(x: np.ndarray) -> np.ndarray:
    return x


TRANSFORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "wld144": _root,
    "wld960": _root,
    "sar_wld144": _root,
    "sar_wld144_rmd3x3": _root,
    "color_stats": _signed_root,
    "gabor": _log,
    "glcm": _signed_root,
    "multispectral_hist": _root,
    "band_stats": _signed_root,
    "spectral_indices": _signed_root,
    "sar_stats": _signed_root,
    "rcf": _root,
    "bovw": _root,
}
"""How a block is transformed before it is standardised; blocks of other names are taken as they are."""


@dataclass(frozen=True)
class Combiner:
    """A fitted projection: appended patches described later land in the same space.

    ``names``/``sizes`` of the blocks in order; ``mean``, ``scale`` (sum of sizes,): z-score and block weight;
    ``limit`` (sum of sizes,): the clip after weighting; ``centre`` (sum of sizes,); ``components`` (dim, sum of sizes).
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    mean: np.ndarray
    scale: np.ndarray
    limit: np.ndarray
    centre: np.ndarray
    components: np.ndarray

    @property
    def dim(self) -> int:
        return int(self.components.shape[0])

    @classmethod
    def fit(
        cls, blocks: Mapping[str, np.ndarray], *, dim: int = 128, seed: int = 0, sample: int = SAMPLE
    ) -> "Combiner":
        """Learn from ``blocks`` name -> (n, d_i), at most ``sample`` seeded rows of them (memory maps welcome).

        The dimension is at most ``dim``, the columns, and the rows less one. BadInput for unequal or empty blocks.
        """
        rows = _rows_of(blocks)
        if rows == 0 or dim < 1:
            raise BadInput("Nothing to combine: give at least one described patch and a dimension of 1 or more.")
        chosen = np.arange(rows)
        if rows > sample:
            chosen = np.sort(np.random.default_rng(seed).choice(rows, sample, replace=False))
        sizes = {name: block.shape[1] for name, block in blocks.items()}
        table = np.empty((len(chosen), sum(sizes.values())), np.float32)
        mean = np.empty(table.shape[1], np.float32)
        scale, limit = np.empty_like(mean), np.empty_like(mean)
        stop = 0
        for name, block in blocks.items():
            columns = slice(stop, stop := stop + sizes[name])
            part = table[:, columns]
            part[:] = _transformed(name, block[chosen])
            mean[columns] = part.mean(axis=0, dtype=np.float64)
            spread = part.std(axis=0, dtype=np.float64)
            varies = spread > 1e-6 * np.maximum(np.abs(mean[columns]), 1e-6)
            scale[columns] = np.where(varies, 1.0 / np.where(varies, spread, 1.0), 0.0)
            part -= mean[columns]
            part *= scale[columns]
            np.clip(part, -CLIP, CLIP, out=part)
            weight = np.float32(1.0 / np.sqrt(max(float(part.var(axis=0, dtype=np.float64).sum()), 1e-12)))
            part *= weight
            scale[columns] *= weight
            limit[columns] = CLIP * weight
        centre = table.mean(axis=0, dtype=np.float64).astype(np.float32)
        table -= centre
        with one_thread_per_product():
            components = _components(table, dim)
        return cls(tuple(sizes), tuple(sizes.values()), mean, scale, limit, centre, components)

    def transform(self, blocks: Mapping[str, np.ndarray], *, out: np.ndarray | None = None) -> np.ndarray:
        """(n, dim) float32; into ``out`` where given (a memory map, say). Each row depends on itself only.

        BadInput where a block is missing or has another width than it was fitted with.
        """
        rows = _rows_of(blocks)
        found = {name: block.shape[1] for name, block in blocks.items()}
        for name, size in zip(self.names, self.sizes, strict=True):
            if found.get(name) != size:
                raise BadInput(
                    f"The projection was made with {size} numbers of {name}; these patches have {found.get(name)}."
                )
        if out is None:
            out = np.empty((rows, self.dim), np.float32)
        with one_thread_per_product():
            padded = np.zeros((ROWS, len(self.mean)), np.float32)
            for start in range(0, rows, ROWS):
                stop = min(start + ROWS, rows)
                z = padded[: stop - start]
                np.concatenate([_transformed(name, blocks[name][start:stop]) for name in self.names], axis=1, out=z)
                z -= self.mean
                z *= self.scale
                np.clip(z, -self.limit, self.limit, out=z)
                z -= self.centre
                out[start:stop] = (padded @ self.components.T)[: stop - start]
        return out

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Plain arrays to store (no pickles): ``from_arrays`` gives an equal combiner."""
        return {
            "names": np.array(self.names),
            "sizes": np.array(self.sizes, np.int64),
            "mean": self.mean,
            "scale": self.scale,
            "limit": self.limit,
            "centre": self.centre,
            "components": self.components,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Combiner":
        """The combiner that ``to_arrays`` wrote; BadInput where arrays are missing or do not fit together."""
        try:
            names = tuple(str(name) for name in arrays["names"])
            sizes = tuple(int(size) for size in arrays["sizes"])
            mean, scale, limit, centre, components = (
                np.asarray(arrays[key], np.float32) for key in ("mean", "scale", "limit", "centre", "components")
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"The stored projection cannot be read ({error}); compute the features again.") from error
        width = (sum(sizes),)
        fits = mean.shape == scale.shape == limit.shape == centre.shape == width == components.shape[1:]
        if not fits or len(names) != len(sizes):
            raise BadInput("The stored projection's arrays do not fit together; compute the features again.")
        return cls(names, sizes, mean, scale, limit, centre, components)


def combine(blocks: Mapping[str, np.ndarray], *, dim: int = 128, seed: int = 0) -> np.ndarray:
    """Raw ``blocks`` name -> (n, d_i) as (n, at most dim) float32: fit and transform in one."""
    return Combiner.fit(blocks, dim=dim, seed=seed).transform(blocks)


def _rows_of(blocks: Mapping[str, np.ndarray]) -> int:
    if not blocks:
        raise BadInput("Nothing to combine: no descriptor blocks given.")
    counts = {name: block.shape[0] if block.ndim == 2 else -1 for name, block in blocks.items()}
    if len(set(counts.values())) != 1 or -1 in counts.values():
        raise BadInput(f"Descriptor blocks must be tables of equally many rows; got {counts}.")
    return next(iter(counts.values()))


def _transformed(name: str, block: np.ndarray) -> np.ndarray:
    values = TRANSFORMS.get(name, _same)(np.asarray(block, np.float32))
    if not np.isfinite(values).all():
        raise BadInput(f"The {name} vectors hold NaN or infinity; describe the patches again or leave those out.")
    return values


def _components(table: np.ndarray, dim: int) -> np.ndarray:
    """Leading eigenvectors of the covariance as rows, each with its largest entry positive (so signs are settled)."""
    rows, columns = table.shape
    keep = max(1, min(dim, columns, rows - 1))
    covariance = (table.T @ table).astype(np.float64) / rows
    _, vectors = linalg.eigh(covariance, subset_by_index=(columns - keep, columns - 1))
    vectors = vectors[:, ::-1]
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.where(vectors[largest, np.arange(keep)] < 0, -1.0, 1.0)
    return np.ascontiguousarray((vectors * signs).T, np.float32)
