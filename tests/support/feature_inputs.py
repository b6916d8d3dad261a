"""Pixels to describe, and ``described``: any kind with the band names and visual words it needs."""

import sys
from functools import lru_cache
from pathlib import Path

import numpy as np

from eobench_dash.ml.features import KINDS, describe
from eobench_dash.ml.features.bovw import local_size

sys.path.insert(0, str(Path(__file__).parents[2]))

NAMES = ("B03", "B08", "B04", "B11", "B02", "B12")
PLAIN = [(kind.name, modality) for kind in KINDS.values() if not kind.blocks for modality in sorted(kind.modalities)]


def pixels_of(modality, *, n=4, bands=3, size=40, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    smooth = rng.gamma(4, 0.25, (n, bands, size // 4, size // 4)).repeat(4, axis=2).repeat(4, axis=3)
    values = smooth * rng.gamma(6, 1 / 6, (n, bands, size, size)) * 0.2
    return values.astype(np.float32) if dtype == np.float32 else (values * 300).clip(0, 255).astype(dtype)


@lru_cache
def words(bands, modality):
    """Random visual words, as ``fit`` would learn them."""
    size = local_size(bands=bands, modality=modality)
    rng = np.random.default_rng(0)
    made = {"mean": np.zeros(size), "scale": np.ones(size), "words": rng.normal(0, 0.5, (256, size))}
    return {name: values.astype(np.float32) for name, values in made.items()}


def needs(kind, bands, modality):
    """Keyword arguments of ``describe`` that the kind does not work without."""
    if kind == "spectral_indices":
        return {"band_names": NAMES[:bands]}
    return {"state": words(bands, modality)} if KINDS[kind].learns else {}


def described(kind, pixels, *, modality, nodata=None):
    return describe(kind, pixels, modality=modality, nodata=nodata, **needs(kind, pixels.shape[1], modality))
