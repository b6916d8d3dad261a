"""Bytes on disk: feature arrays, artefacts, patch images, the disk cache."""

from eobench_dash.store.arrays import load_array, load_arrays, save_array, save_arrays
from eobench_dash.store.features import FeatureArray, FeatureWriter
from eobench_dash.store.layout import Store

__all__ = ["FeatureArray", "FeatureWriter", "Store", "load_array", "load_arrays", "save_array", "save_arrays"]
