"""Small Sentinel-1 GRD products of our own making: the files of a real one, with known places, tables and pixels."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning

R = 6_378_137.0
NAME = "S1A_IW_GRDH_1SDV_20200101T050000_20200101T050025_030600_038000_ABCD.SAFE"
Pixels = Callable[[np.random.Generator, int, int], Any]


def speckle(rng: np.random.Generator, height: int, width: int, *, power: float = 20_000.0, looks: float = 4.4) -> Any:
    """DN of a homogeneous scene of mean DN² ``power``."""
    return np.sqrt(rng.gamma(looks, power / looks, (height, width))).round().clip(1, 65535)


@dataclass
class Grd:
    """A product to be written by ``write``; change a field for what a test is about."""

    height: int = 480
    width: int = 640
    pols: tuple[str, ...] = ("VV", "VH")
    pixels: Pixels = speckle
    spacing: float = 10.0
    lon: float = 11.3
    lat: float = 45.2
    heading: float = -166.0
    ipf: str | None = "003.40"
    old_noise: bool = False
    gain: float = 600.0
    noise: float = 2000.0
    azimuth: float = 1.0
    terrain: Callable[[float, float], float] = lambda line, pixel: 0.0
    nodes: int = 5
    gcps: bool = False
    tiff: Any = None
    dtype: str = "uint16"
    name: str = NAME

    def place(self, line: float, pixel: float, height: float = 0.0) -> tuple[float, float]:
        """True longitude and latitude of a pixel's centre: on a sphere, rows along the heading."""
        lon, lat, head = np.radians([self.lon, self.lat, self.heading])
        up = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
        east = np.array([-np.sin(lon), np.cos(lon), 0])
        north = np.cross(up, east)
        along = north * np.cos(head) + east * np.sin(head)
        across = -north * np.sin(head) + east * np.cos(head)  # to the right of the track
        x = (pixel - self.width / 2) * self.spacing + height / np.tan(np.radians(self.incidence(pixel)))
        y = (line - self.height / 2) * self.spacing
        p = up + along * np.tan(y / R) + across * np.tan(x / R)
        return float(np.degrees(np.arctan2(p[1], p[0]))), float(np.degrees(np.arctan2(p[2], np.hypot(p[0], p[1]))))

    def incidence(self, pixel: float) -> float:
        return 30 + 15 * pixel / self.width

    def ties(self) -> list[tuple[int, int]]:
        lines = np.unique(np.linspace(0, self.height - 1, self.nodes).round().astype(int))
        pixels = np.unique(np.linspace(0, self.width - 1, self.nodes).round().astype(int))
        return [(int(line), int(pixel)) for line in lines for pixel in pixels]

    def write(self, parent: Path) -> Path:
        folder = parent / self.name
        for place in ("annotation/calibration", "measurement"):
            (folder / place).mkdir(parents=True)
        rng = np.random.default_rng(7)
        if self.ipf is not None:
            (folder / "manifest.safe").write_text(self.manifest())
        for number, pol in enumerate(self.pols, start=1):
            core = f"s1a-iw-grd-{pol.lower()}-20200101t050000-20200101t050025-030600-038000-{number:03}"
            (folder / "annotation" / f"{core}.xml").write_text(self.annotation(pol))
            (folder / "annotation/calibration" / f"calibration-{core}.xml").write_text(self.calibration(pol))
            (folder / "annotation/calibration" / f"noise-{core}.xml").write_text(self.noises(pol))
            dn = np.asarray(self.pixels(rng, self.height, self.width)).astype(self.dtype)
            profile = {"driver": "GTiff", "height": self.height, "width": self.width, "count": 1, "dtype": self.dtype}
            points = [GroundControlPoint(line, pixel, *self.at_tie(line, pixel), 0.0)
                      for line, pixel in self.ties()]  # fmt: skip
            extra = {"gcps": points, "crs": "EPSG:4326"} if self.gcps else {}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                path = folder / "measurement" / f"{core}.tiff"
                with rasterio.open(path, "w", **profile, **extra, **(self.tiff or {})) as file:
                    file.write(dn, 1)
        return folder

    def at_tie(self, line: float, pixel: float) -> tuple[float, float]:
        return self.place(line, pixel, self.terrain(line, pixel))

    def manifest(self) -> str:
        return (
            '<x:XFDU xmlns:x="urn:ccsds:schema:xfdu:1" xmlns:safe="http://www.esa.int/safe/sentinel-1.0">'
            f'<safe:software name="Sentinel-1 IPF" version="{self.ipf}"/>'
            '<safe:relativeOrbitNumber type="start">78</safe:relativeOrbitNumber></x:XFDU>'
        )

    def header(self, pol: str) -> str:
        return (
            "<adsHeader><missionId>S1A</missionId><productType>GRD</productType>"
            f"<polarisation>{pol}</polarisation><mode>IW</mode><absoluteOrbitNumber>30600</absoluteOrbitNumber></adsHeader>"
        )

    def annotation(self, pol: str) -> str:
        points = []
        for line, pixel in self.ties():
            lon, lat = self.at_tie(line, pixel)
            points.append(
                f"<geolocationGridPoint><line>{line}</line><pixel>{pixel}</pixel><latitude>{lat!r}</latitude>"
                f"<longitude>{lon!r}</longitude><height>{self.terrain(line, pixel)}</height>"
                f"<incidenceAngle>{self.incidence(pixel)}</incidenceAngle>"
                f"<slantRangeTime>{5.3e-3 + pixel * 4e-8}</slantRangeTime></geolocationGridPoint>"
            )
        return (
            f"<product>{self.header(pol)}<generalAnnotation><productInformation><pass>Descending</pass>"
            "</productInformation></generalAnnotation><imageAnnotation><imageInformation>"
            "<productFirstLineUtcTime>2020-01-01T05:00:00.500000</productFirstLineUtcTime><sliceNumber>3</sliceNumber>"
            f"<rangePixelSpacing>{self.spacing}</rangePixelSpacing><azimuthPixelSpacing>{self.spacing}</azimuthPixelSpacing>"
            f"<azimuthTimeInterval>1.5e-3</azimuthTimeInterval><numberOfSamples>{self.width}</numberOfSamples>"
            f"<numberOfLines>{self.height}</numberOfLines></imageInformation></imageAnnotation><geolocationGrid>"
            f"<geolocationGridPointList count='{len(points)}'>{''.join(points)}</geolocationGridPointList>"
            "</geolocationGrid></product>"
        )

    def vector(self, tag: str, line: int, values: dict[str, float]) -> str:
        pixels = [*range(0, self.width, 40), self.width]
        lists = {"pixel": pixels} | {name: [value] * len(pixels) for name, value in values.items()}
        inner = "".join(f'<{n} count="{len(v)}">{" ".join(map(str, v))}</{n}>' for n, v in lists.items())
        return f"<{tag}><line>{line}</line>{inner}</{tag}>"

    def calibration(self, pol: str) -> str:
        inner = "".join(self.vector("calibrationVector", line, {"sigmaNought": self.gain}) for line in (0, self.height))
        return f"<calibration>{self.header(pol)}<calibrationVectorList>{inner}</calibrationVectorList></calibration>"

    def noises(self, pol: str) -> str:
        tag, lut = ("noiseVector", "noiseLut") if self.old_noise else ("noiseRangeVector", "noiseRangeLut")
        inner = "".join(self.vector(tag, line, {lut: self.noise}) for line in (0, self.height))
        text = f"<{tag}List>{inner}</{tag}List>"
        if not self.old_noise:
            text += (
                "<noiseAzimuthVectorList><noiseAzimuthVector><swath>IW1</swath><firstAzimuthLine>0</firstAzimuthLine>"
                f"<firstRangeSample>0</firstRangeSample><lastAzimuthLine>{self.height - 1}</lastAzimuthLine>"
                f'<lastRangeSample>{self.width - 1}</lastRangeSample><line count="2">0 {self.height}</line>'
                f'<noiseAzimuthLut count="2">{self.azimuth} {self.azimuth}</noiseAzimuthLut></noiseAzimuthVector>'
                "</noiseAzimuthVectorList>"
            )
        return f"<noise>{self.header(pol)}{text}</noise>"
