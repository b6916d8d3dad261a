"""Descriptors of patches: the table of kinds, ``describe`` from pixels to vectors, ``combine`` of several kinds.

Importing this package costs next to nothing: the compiled kernels load on first use (``warm_up`` loads them all).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from eobench_dash.errors import UnsupportedPatch
from eobench_dash.ml.features.kinds import KINDS, FeatureKind, dimension, find
from eobench_dash.ml.features.patches import Patches, checked, run_chunks

if TYPE_CHECKING:
    from eobench_dash.ml.features.combiner import Combiner

__all__ = ["KINDS", "Combiner", "FeatureKind", "combine", "describe", "dimension", "warm_up"]


def describe(kind: str, pixels: np.ndarray, *, modality: str, nodata: np.ndarray | None = None) -> np.ndarray:
    """Vectors (n, dim) float32 of ``pixels`` (n, bands, H, W) uint8, uint16 or float32, for one plain kind.

    ``modality`` is "optical" (three bands: red, green, blue) or "sar" (linear intensity or amplitude per polarisation).
    ``nodata`` (n, H, W) bool is True where a pixel means nothing; a patch of nothing else gives zeros. Each vector
    depends on its own patch only. Runs on all threads (OMP_NUM_THREADS limits them).
    Raises UnsupportedPatch saying why pixels or kind do not serve.
    """
    chosen = find(kind)
    if chosen.blocks:
        raise UnsupportedPatch(
            f"{kind} is made of {', '.join(chosen.blocks_for(modality))}: describe those, then combine."
        )
    patches = checked(chosen, pixels, modality=modality, nodata=nodata)
    compute = _function(kind)
    out = np.empty((len(pixels), dimension(kind, bands=patches.bands, modality=modality)), np.float32)

    def work(rows: slice) -> None:
        out[rows] = compute(patches.part(rows))

    run_chunks(work, len(pixels))
    return out


def combine(blocks: Mapping[str, np.ndarray], *, dim: int = 128, seed: int = 0) -> np.ndarray:
    """Raw blocks name -> (n, d_i) as one (n, at most dim) float32 table: see ``Combiner``."""
    from eobench_dash.ml.features.combiner import Combiner

    return Combiner.fit(blocks, dim=dim, seed=seed).transform(blocks)


def warm_up() -> None:
    """Load (the first time on a machine: compile and cache) the kernels of every kind and pixel type."""
    for kind in KINDS.values():
        for modality in () if kind.blocks else sorted(kind.modalities):
            for dtype in (np.uint8, np.uint16, np.float32):
                describe(kind.name, np.ones((1, 3, 16, 16), dtype), modality=modality)


def _function(kind: str) -> Callable[[Patches], np.ndarray]:
    """The function behind a kind; imported here so that reading the table never loads the compiler."""
    if "wld" in kind:
        from eobench_dash.ml.features import wld

        return {"wld144": wld.wld144, "sar_wld144": wld.roewa, "sar_wld144_rmd3x3": wld.rmd3x3}[kind]
    if kind == "color_stats":
        from eobench_dash.ml.features.color import color_stats

        return color_stats
    if kind == "gabor":
        from eobench_dash.ml.features.gabor import gabor

        return gabor
    from eobench_dash.ml.features.rcf import rcf

    return rcf


def __getattr__(name: str) -> object:
    """``Combiner`` on first use: it brings scipy."""
    if name == "Combiner":
        from eobench_dash.ml.features.combiner import Combiner

        return Combiner
    raise AttributeError(name)
