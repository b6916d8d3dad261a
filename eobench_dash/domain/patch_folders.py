"""Datasets whose patch is a folder with one file a band, and the order of bands in files that do not name them."""

from pathlib import PurePosixPath

LAYOUT = "band files"
"""``Dataset.source_params["layout"]`` where a patch is a folder: one TIFF a band, named after it."""
S2_BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")
"""BigEarthNet's Sentinel-2 bands in the sensor's order, which is the order in which they are read (no B10: L2A)."""
S1_BANDS = ("VV", "VH")
EUROSAT_BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A")
"""EuroSAT's multispectral GeoTIFFs: 8A comes last. The files do not say so; the data does (facts of the project)."""
EUROSAT_CLASSES = frozenset(
    {
        "AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture", "PermanentCrop",
        "Residential", "River", "SeaLake",
    }
)  # fmt: skip


def band_file(folder: str, band: str) -> str:
    """The path of one band of the patch ``folder`` (relative, forward slashes): ``a/P`` → ``a/P/P_B04.tif``."""
    return f"{folder}/{PurePosixPath(folder).name}_{band}.tif"
