"""Seeded simulated data: patches of Sentinel-like scenes made on demand, and feature vectors for tests of scale."""

from eobench_dash.simulate.scenes import SimulatedScenes
from eobench_dash.simulate.vectors import simulated_features

__all__ = ["SimulatedScenes", "simulated_features"]
