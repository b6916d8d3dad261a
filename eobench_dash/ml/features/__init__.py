"""Descriptors of patches: the table of kinds, ``describe`` from pixels to vectors, ``combine`` of several kinds.

Importing this package costs next to nothing: the compiled kernels load on first use (``warm_up`` loads them all).
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from eobench_dash.errors import UnsupportedPatch
from eobench_dash.ml.features.dimensions import dimension
from eobench_dash.ml.features.kinds import KINDS, WORDS, FeatureKind
from eobench_dash.ml.features.names import ALIASES, find, needs_fit
from eobench_dash.ml.features.patches import Patches, checked, run_chunks

if TYPE_CHECKING:
    from eobench_dash.ml.features.combiner import Combiner

__all__ = [
    "ALIASES",
    "KINDS",
    "Combiner",
    "FeatureKind",
    "combine",
    "describe",
    "dimension",
    "find",
    "fit",
    "needs_fit",
    "warm_up",
]

State = Mapping[str, np.ndarray]

_FUNCTIONS = {
    "wld144": "wld:wld144",
    "wld960": "wld:wld960",
    "sar_wld144": "wld:roewa",
    "sar_wld144_rmd3x3": "wld:rmd3x3",
    "color_stats": "color:color_stats",
    "gabor": "gabor:gabor",
    "glcm": "glcm:glcm",
    "multispectral_hist": "histogram:multispectral_hist",
    "band_stats": "statistics:band_stats",
    "spectral_indices": "statistics:spectral_indices",
    "sar_stats": "statistics:sar_stats",
    "rcf": "rcf:rcf",
    "bovw": "bovw:bovw",
}


def describe(
    kind: str,
    pixels: np.ndarray,
    *,
    modality: str,
    nodata: np.ndarray | None = None,
    band_names: Sequence[str] | None = None,
    state: State | None = None,
) -> np.ndarray:
    """Vectors (n, dim) float32 of ``pixels`` (n, bands, H, W) uint8, uint16 or float32, for one plain kind.

    ``modality`` is "optical" (three bands: red, green, blue) or "sar" (linear intensity or amplitude per polarisation).
    Floats are reflectance or linear power; 8-bit values count as 0..255, 16-bit ones as 0..10000.
    ``nodata`` (n, H, W) bool is True where a pixel means nothing; a patch of nothing else gives zeros. ``band_names``:
    for kinds that have to know which band is which; ``state``: what ``fit`` gave, for kinds that learn. Each vector
    depends on its own patch (and the state) only. Runs on all threads (OMP_NUM_THREADS limits them).
    Raises UnsupportedPatch saying why pixels or kind do not serve.
    """
    chosen = _plain(kind, modality)
    patches = checked(chosen, pixels, modality=modality, nodata=nodata, band_names=band_names, state=state)
    width = dimension(chosen.name, bands=patches.bands, modality=modality, band_names=band_names)
    if chosen.learns:
        _check_state(chosen, state, bands=patches.bands, modality=modality)
    compute = _function(chosen.name)
    out = np.empty((len(pixels), width), np.float32)

    def work(rows: slice) -> None:
        out[rows] = compute(patches.part(rows))

    run_chunks(work, len(pixels))
    return out


def fit(
    kind: str,
    pixels: np.ndarray,
    *,
    modality: str,
    nodata: np.ndarray | None = None,
    band_names: Sequence[str] | None = None,
    seed: int = 0,
) -> dict[str, np.ndarray] | None:
    """What one plain kind learns from some patches of the dataset (a thousand serve), as arrays to store: the ``state``
    for ``describe``. None for kinds that learn nothing.

    The same patches, seed and kind give the same state, on any number of threads.
    Raises UnsupportedPatch as ``describe`` does, and where the patches hold nothing to learn from.
    """
    chosen = _plain(kind, modality)
    patches = checked(chosen, pixels, modality=modality, nodata=nodata, band_names=band_names)
    if not chosen.learns:
        return None
    from eobench_dash.ml.features.bovw import learn_words

    return learn_words(patches, seed=seed)


def combine(blocks: Mapping[str, np.ndarray], *, dim: int = 128, seed: int = 0) -> np.ndarray:
    """Raw blocks name -> (n, d_i) as one (n, at most dim) float32 table: see ``Combiner``."""
    from eobench_dash.ml.features.combiner import Combiner

    return Combiner.fit(blocks, dim=dim, seed=seed).transform(blocks)


def warm_up() -> None:
    """Load (the first time on a machine: compile and cache) the kernels of every kind and pixel type."""
    for kind in KINDS.values():
        for modality in () if kind.blocks else sorted(kind.modalities):
            state = None
            if kind.learns:
                from eobench_dash.ml.features.bovw import local_size

                size = local_size(bands=3, modality=modality)
                state = {"mean": np.zeros(size), "scale": np.ones(size), "words": np.zeros((WORDS, size))}
                state = {name: values.astype(np.float32) for name, values in state.items()}
            for dtype in (np.uint8, np.uint16, np.float32):
                ones = np.ones((1, 3, 16, 16), dtype)
                describe(kind.name, ones, modality=modality, band_names=("green", "red", "nir"), state=state)


def _plain(kind: str, modality: str) -> FeatureKind:
    chosen = find(kind)
    if chosen.blocks:
        raise UnsupportedPatch(
            f"{kind} is made of {', '.join(chosen.blocks_for(modality))}: describe those, then combine."
        )
    return chosen


def _check_state(kind: FeatureKind, state: State | None, *, bands: int, modality: str) -> None:
    """UnsupportedPatch unless ``state`` is what ``fit`` gives for such bands."""
    from eobench_dash.ml.features.bovw import local_size

    if state is None:
        raise UnsupportedPatch(f"{kind.name} learns its words from the dataset: fit it on some patches first.")
    size = local_size(bands=bands, modality=modality)
    shapes = {name: getattr(state.get(name), "shape", None) for name in ("mean", "scale", "words")}
    if shapes != {"mean": (size,), "scale": (size,), "words": (WORDS, size)}:
        raise UnsupportedPatch(f"The words of {kind.name} were learned from other bands; fit it on this dataset.")


def _function(kind: str) -> Callable[[Patches], np.ndarray]:
    """The function behind a kind; imported here so that reading the table never loads the compiler."""
    module, name = _FUNCTIONS[kind].split(":")
    function: Callable[[Patches], np.ndarray] = getattr(import_module(f"{__name__}.{module}"), name)
    return function


def __getattr__(name: str) -> object:
    """``Combiner`` on first use: it brings scipy."""
    if name == "Combiner":
        from eobench_dash.ml.features.combiner import Combiner

        return Combiner
    raise AttributeError(name)
