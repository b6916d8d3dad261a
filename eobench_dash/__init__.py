"""EO Bench: from Sentinel products to Earth Observation benchmark datasets that people can trust."""

__version__ = "0.1.0"
