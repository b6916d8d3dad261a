"""Small Sentinel-2 products made by us: a tile of 360 × 360 pixels at 10 m, with all that a reader looks at."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
NATIVE = dict(zip(BANDS, (60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 60, 20, 20), strict=True))
SIZE = 360
LEFT, TOP = 399960.0, 4800000.0
TILE = "T31TDH"
STAMP = "20230601T105621"
Array = npt.NDArray[Any]


def numbers(band: str, metres: int, *, size: int = SIZE) -> Array:
    """What the made bands hold: 1,000 to 9,999, different in every pixel's neighbourhood, a corner of nodata."""
    side = size * 10 // metres
    rows, cols = np.mgrid[0:side, 0:side]
    values = 1000 + (rows * 37 + cols * 11 + BANDS.index(band) * 101) % 9000
    values[: 60 // metres, : 60 // metres] = 0
    return values.astype(np.uint16)


def write_raster(path: Path, values: Array, *, metres: float = 10, crs: str | None = "EPSG:32631", **more: Any) -> Path:
    """(h, w) or (bands, h, w) as JPEG 2000 (lossless), TIFF … by the path's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = values[None] if values.ndim == 2 else values
    driver = {".jp2": "JP2OpenJPEG", ".png": "PNG", ".jpg": "JPEG"}.get(path.suffix, "GTiff")
    if driver == "JP2OpenJPEG":
        more = {"QUALITY": "100", "REVERSIBLE": "YES", "BLOCKXSIZE": 64, "BLOCKYSIZE": 64, **more}
    descriptions = more.pop("descriptions", None)
    tags = more.pop("tags", None)
    if crs is not None:
        more.setdefault("transform", Affine(metres, 0, LEFT, 0, -metres, TOP))
    profile = {"count": len(values), "height": values.shape[1], "width": values.shape[2], "dtype": values.dtype.name}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver=driver, crs=crs, **profile, **more) as file:
            file.write(values)
            if descriptions:
                file.descriptions = tuple(descriptions)
            if tags:
                file.update_tags(**tags)
    return path


def make_l1c(
    folder: Path,
    *,
    baseline: str = "05.09",
    bands: Sequence[str] = BANDS,
    offsets: Mapping[int, float] | None = None,
    listed: Mapping[str, str] | None = None,
    mask: str = "classi",
) -> Path:
    """A Level-1C SAFE. ``offsets``: band id → number (None: −1000 each from 04.00 on); ``listed``: other IMAGE_FILE."""
    safe = folder / f"S2A_MSIL1C_{STAMP}_N{baseline.replace('.', '')}_R094_{TILE}_20230601T125609.SAFE"
    granule = f"GRANULE/L1C_{TILE}_A041468_20230601T105617"
    if offsets is None:
        offsets = dict.fromkeys(range(13), -1000.0) if baseline >= "04.00" else {}
    images = {band: f"{granule}/IMG_DATA/{TILE}_{STAMP}_{band}" for band in BANDS}
    for band in bands:
        write_raster(safe / f"{images[band]}.jp2", numbers(band, NATIVE[band]), metres=NATIVE[band])
    offset_xml = "".join(f'<RADIO_ADD_OFFSET band_id="{i}">{v:g}</RADIO_ADD_OFFSET>' for i, v in offsets.items())
    values = "<QUANTIFICATION_VALUE unit='none'>10000</QUANTIFICATION_VALUE>" + (
        f"<Radiometric_Offset_List>{offset_xml}</Radiometric_Offset_List>" if offset_xml else ""
    )
    (safe / "MTD_MSIL1C.xml").write_text(
        _product_xml("1C", safe.name, baseline, {**images, **(listed or {})}.values(), values)
    )
    names = {"classi": "MSK_CLASSI_B00.jp2", "clouds": "MSK_CLOUDS_B00.gml"}
    mask_path = f"{granule}/QI_DATA/{names[mask]}" if mask in names else ""
    _write_tile(safe / granule / "MTD_TL.xml", mask_path, "MSK_" + mask.upper())
    if mask == "classi":
        side = SIZE // 6
        classes = np.zeros((3, side, side), np.uint8)
        classes[0, 10:20, 10:20] = 1  # opaque
        classes[1, 20:30, 10:20] = 1  # cirrus
        classes[2, 30:40, 10:20] = 1  # snow
        write_raster(safe / mask_path, classes, metres=60)
    elif mask == "clouds":
        x, y = LEFT + 600, TOP - 600
        ring = f"{x} {y} {x + 600} {y} {x + 600} {y - 600} {x} {y - 600} {x} {y}"
        path = safe / mask_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            '<?xml version="1.0" encoding="UTF-8"?><eop:Mask xmlns:eop="http://www.opengis.net/eop/2.0"'
            ' xmlns:gml="http://www.opengis.net/gml/3.2"><eop:maskMembers><eop:MaskFeature gml:id="OPAQUE.0">'
            "<eop:maskType>OPAQUE</eop:maskType><eop:extentOf><gml:Polygon><gml:exterior><gml:LinearRing>"
            f'<gml:posList srsDimension="2">{ring}</gml:posList>'
            "</gml:LinearRing></gml:exterior></gml:Polygon></eop:extentOf></eop:MaskFeature></eop:maskMembers></eop:Mask>"
        )
    return safe


def make_l2a(folder: Path, *, baseline: str = "05.09", scl: bool = True) -> Path:
    """A Level-2A SAFE with R10m, R20m and R60m (the coarser copies hold other numbers: + 5 at 20 m, + 7 at 60 m)."""
    safe = folder / f"S2B_MSIL2A_{STAMP}_N{baseline.replace('.', '')}_R094_{TILE}_20230601T141526.SAFE"
    granule = f"GRANULE/L2A_{TILE}_A032559_20230601T105617"
    images = []
    for band in BANDS:
        for metres in (10, 20, 60):
            if band == "B10" or metres < NATIVE[band] or (band == "B08" and metres > 10):
                continue
            listed = f"{granule}/IMG_DATA/R{metres}m/{TILE}_{STAMP}_{band}_{metres}m"
            values = numbers(band, metres)
            values[values > 0] += {10: 0, 20: 5, 60: 7}[metres]
            write_raster(safe / f"{listed}.jp2", values, metres=metres)
            images.append(listed)
    if scl:
        classes = np.full((SIZE // 2, SIZE // 2), 4, np.uint8)
        for number, row in ((3, 20), (8, 40), (9, 60), (10, 80), (11, 100)):
            classes[row : row + 10, 20:30] = number
        images.append(f"{granule}/IMG_DATA/R20m/{TILE}_{STAMP}_SCL_20m")
        write_raster(safe / f"{images[-1]}.jp2", classes, metres=20)
    offsets = "".join(f'<BOA_ADD_OFFSET band_id="{i}">-1000</BOA_ADD_OFFSET>' for i in range(13))
    values_xml = (
        "<QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit='none'>10000</BOA_QUANTIFICATION_VALUE>"
        "<AOT_QUANTIFICATION_VALUE unit='none'>1000.0</AOT_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>"
        f"<BOA_ADD_OFFSET_VALUES_LIST>{offsets}</BOA_ADD_OFFSET_VALUES_LIST>"
    )
    (safe / "MTD_MSIL2A.xml").write_text(_product_xml("2A", safe.name, baseline, images, values_xml))
    _write_tile(safe / granule / "MTD_TL.xml", f"{granule}/QI_DATA/MSK_CLASSI_B00.jp2", "MSK_CLASSI")
    return safe


def _product_xml(level: str, name: str, baseline: str, images: Any, values: str) -> str:
    files = "".join(f"<IMAGE_FILE>{image}</IMAGE_FILE>" for image in images)
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-{level}_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{level}.xsd">
<n1:General_Info><Product_Info>
<PRODUCT_START_TIME>2023-06-01T10:56:21.024Z</PRODUCT_START_TIME><PRODUCT_URI>{name}</PRODUCT_URI>
<PROCESSING_LEVEL>Level-{level}</PROCESSING_LEVEL><PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
<Datatake><SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME><SENSING_ORBIT_NUMBER>94</SENSING_ORBIT_NUMBER>
<SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION></Datatake>
<Product_Organisation><Granule_List><Granule imageFormat="JPEG2000">{files}</Granule></Granule_List>
</Product_Organisation></Product_Info>
<Product_Image_Characteristics>
<Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
<Special_Values><SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX>
</Special_Values>{values}</Product_Image_Characteristics></n1:General_Info>
<n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>12.5</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info>
</n1:Level-{level}_User_Product>"""


def _write_tile(path: Path, mask: str, kind: str) -> None:
    sizes = "".join(
        f'<Size resolution="{r}"><NROWS>{SIZE * 10 // r}</NROWS><NCOLS>{SIZE * 10 // r}</NCOLS></Size>'
        f'<Geoposition resolution="{r}"><ULX>{LEFT:g}</ULX><ULY>{TOP:.0f}</ULY><XDIM>{r}</XDIM><YDIM>-{r}</YDIM>'
        "</Geoposition>"
        for r in (10, 20, 60)
    ).replace(f"{LEFT:g}", f"{LEFT:.0f}")
    named = f'<MASK_FILENAME type="{kind}">{mask}</MASK_FILENAME>' if mask else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"""<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-1C_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-1C_Tile_Metadata.xsd">
<n1:General_Info><TILE_ID>S2A_OPER_MSI_L1C_TL_2BPS_20230601T125609_A041468_{TILE}_N05.09</TILE_ID>
<SENSING_TIME>2023-06-01T11:00:33.457Z</SENSING_TIME></n1:General_Info>
<n1:Geometric_Info><Tile_Geocoding><HORIZONTAL_CS_CODE>EPSG:32631</HORIZONTAL_CS_CODE>{sizes}</Tile_Geocoding>
<Tile_Angles><Mean_Sun_Angle><ZENITH_ANGLE>22.5</ZENITH_ANGLE><AZIMUTH_ANGLE>143.25</AZIMUTH_ANGLE></Mean_Sun_Angle>
<Mean_Viewing_Incidence_Angle_List>
<Mean_Viewing_Incidence_Angle bandId="0"><ZENITH_ANGLE>5</ZENITH_ANGLE><AZIMUTH_ANGLE>359</AZIMUTH_ANGLE>
</Mean_Viewing_Incidence_Angle>
<Mean_Viewing_Incidence_Angle bandId="1"><ZENITH_ANGLE>5</ZENITH_ANGLE><AZIMUTH_ANGLE>1</AZIMUTH_ANGLE>
</Mean_Viewing_Incidence_Angle></Mean_Viewing_Incidence_Angle_List></Tile_Angles></n1:Geometric_Info>
<n1:Quality_Indicators_Info><Pixel_Level_QI>{named}</Pixel_Level_QI></n1:Quality_Indicators_Info>
</n1:Level-1C_Tile_ID>"""
    )
