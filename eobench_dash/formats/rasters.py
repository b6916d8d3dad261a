"""Rasters whose pixels are vectors (AlphaEarth, TESSERA), cut into patches: one vector a patch, with its place.

A patch's vector is the mean of its pixels' vectors, brought back to unit length. Pixels without data are left out, and
so is a patch more than half of whose pixels have none. Patches that would reach over the raster's edge are not made.

* AlphaEarth: GeoTIFF of 64 int8 bands, de-quantised as v = (x / 127.5)² · sign(x), −128 where there is no data; the
  bands of a pixel then have unit length (source: the data's own description at its place of publication). A GeoTIFF of
  64 floating-point bands is taken as de-quantised already.
* TESSERA: an array (rows, columns, 128) int8 with its scales in ``NAME_scales.npy`` (a pixel's vector is its numbers
  times its scale, zero where there is no data), placed by ``NAME.tif`` beside it where that is there; or a GeoTIFF of
  128 floating-point bands.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.importing import VectorOrigin, valid_lonlat
from eobench_dash.domain.products import MAX_SIDE, Window, window_path
from eobench_dash.errors import UnreadableDataset
from eobench_dash.formats.npy import open_array
from eobench_dash.formats.pictures import DECODING_ERRORS, TIFF_SUFFIXES, open_tiff, to_degrees
from eobench_dash.formats.vectors import Block, VectorReader, described

DEFAULT_SIZE = 64
CHUNK = 512
"""Pixels read at once along each side, or one patch where that is larger."""
LEAST_VALID = 0.5
ALPHA_EARTH, TESSERA = 64, 128
NO_DATA = -128

Values = npt.NDArray[np.float32]


class Cube(Protocol):
    """A raster of vectors."""

    height: int
    width: int
    quantisation: str

    def read(self, window: Window) -> tuple[Values, npt.NDArray[np.bool_]]:
        """De-quantised values (h, w, dim) and whether each pixel has data (h, w)."""

    def places(self, rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
        """(lon, lat) of positions in pixels; [] where the raster has no place."""

    def close(self) -> None:
        """Let go of the file."""


class EmbeddingRaster(VectorReader):
    """Reads one raster of vectors, patch by patch, in chunks from the upper left."""

    unit_of_rows = "patch"
    dim = 0
    layout = ""
    licence = ""

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(path, **options)
        self._patch = self._options.patch_size or DEFAULT_SIZE
        self._stride = self._options.stride or self._patch
        self._cube = self._opened()
        if max(self._cube.height, self._cube.width) > MAX_SIDE:
            self._refuse(f"{path.name} is larger than {MAX_SIDE:,} pixels; cut it into parts.")
        if min(self._cube.height, self._cube.width) < self._patch:
            self._refuse(
                f"{path.name} has {self._cube.width} × {self._cube.height} pixels, less than one patch of "
                f"{self._patch}; choose a smaller patch size."
            )

    @property
    def total_hint(self) -> int | None:
        """The places for patches; some may hold no data."""
        return len(self._starts(self._cube.height)) * len(self._starts(self._cube.width))

    @property
    def attribution(self) -> str:
        """Whom the data is owed to, as its licence wants it said."""
        return self.licence

    def origin(self) -> VectorOrigin | None:
        """The set, how it was stored, and how it was cut."""
        facts = {
            "layout": self.layout,
            "dimension": str(self.dim),
            "quantisation": self._cube.quantisation,
            "patches": f"{self._patch} × {self._patch} pixels, every {self._stride}; mean, then unit length",
        }
        return described(self._path.name, facts, self._options.source)

    def close(self) -> None:
        super().close()
        self._cube.close()

    def _opened(self) -> Cube:
        raise NotImplementedError

    def _refuse(self, sentence: str) -> None:
        self._cube.close()
        raise UnreadableDataset(sentence)

    def _starts(self, length: int) -> range:
        return range(0, length - self._patch + 1, self._stride)

    def _blocks(self) -> Iterator[Block]:
        self.note(
            f"Cut into patches of {self._patch} × {self._patch} pixels, every {self._stride} pixels; a patch's vector "
            f"is the mean of its pixels, brought to unit length. {self._cube.quantisation}."
        )
        rows, columns = self._starts(self._cube.height), self._starts(self._cube.width)
        each = max(1, (CHUNK - self._patch) // self._stride + 1)
        empty = done = 0
        for top in range(0, len(rows), each):
            for left in range(0, len(columns), each):
                block, without = self._chunk(rows[top : top + each], columns[left : left + each])
                empty += without
                done += len(block.vectors) + without
                yield block
                self.advance(done, self.total_hint)
        if empty:
            self.note(f"{empty:,} patches were left out: more than half of their pixels hold no data.")

    def _chunk(self, rows: range, columns: range) -> tuple[Block, int]:
        """The patches that begin at ``rows`` × ``columns``, and how many hold too little data."""
        window = Window(rows[0], columns[0], rows[-1] - rows[0] + self._patch, columns[-1] - columns[0] + self._patch)
        try:
            values, valid = self._cube.read(window)
        except DECODING_ERRORS as error:
            raise UnreadableDataset(f"{self._path.name} is damaged; copy it again.") from error
        starts = [(row, column) for row in rows for column in columns]
        vectors: list[Values] = []
        kept: list[tuple[int, int]] = []
        for row, column in starts:
            down, right = row - window.row, column - window.col
            part = np.s_[down : down + self._patch, right : right + self._patch]
            mean = mean_vector(values[part], valid[part])
            if mean is not None:
                vectors.append(mean)
                kept.append((row, column))
        names = [window_path(self._path.name, Window(r, c, self._patch, self._patch)) for r, c in kept]
        lons, lats = self._lonlat(kept)
        return Block(vectors, {"id": names, "lon": lons, "lat": lats}), len(starts) - len(kept)

    def _lonlat(self, starts: list[tuple[int, int]]) -> tuple[list[float | None], list[float | None]]:
        middles = np.array(starts, dtype=np.float64).reshape(-1, 2) + self._patch / 2
        places = self._cube.places(middles[:, 0], middles[:, 1]) if len(starts) else []
        if not places:
            return [None] * len(starts), [None] * len(starts)
        good = [place if valid_lonlat(*place) else (None, None) for place in places]
        return [lon for lon, _ in good], [lat for _, lat in good]


class AlphaEarth(EmbeddingRaster):
    """AlphaEarth Foundations' annual embeddings."""

    dim = ALPHA_EARTH
    layout = "AlphaEarth Foundations Satellite Embedding"
    licence = (
        "The AlphaEarth Foundations Satellite Embedding dataset is produced by Google and Google DeepMind. CC-BY 4.0."
    )

    def _opened(self) -> Cube:
        return TiffCube(self._path, ALPHA_EARTH)


class Tessera(EmbeddingRaster):
    """TESSERA's annual embeddings."""

    dim = TESSERA
    layout = "TESSERA"

    def _opened(self) -> Cube:
        return TiffCube(self._path, TESSERA) if self._path.suffix.lower() in TIFF_SUFFIXES else ArrayCube(self._path)


def mean_vector(values: Values, valid: npt.NDArray[np.bool_]) -> Values | None:
    """(h, w, dim) and (h, w) → (dim,): the mean over valid pixels at unit length; None where too few are valid.

    A mean of length zero stays zero: its pixels point in all directions, and none is the patch's own.
    """
    count = int(valid.sum())
    if count < max(1, LEAST_VALID * valid.size):
        return None
    mean = np.einsum("hwd,hw->d", values, valid.astype(np.float32)) / count
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length > 0 else mean, dtype=np.float32)


def dequantised(stored: npt.NDArray[np.int8]) -> Values:
    """AlphaEarth's int8 as numbers: (x / 127.5)² with the sign of x."""
    return _TABLE[stored.view(np.uint8)]


_STORED = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.float32)
_TABLE: Values = ((_STORED / np.float32(127.5)) ** 2 * np.sign(_STORED)).astype(np.float32)


class TiffCube:
    """A GeoTIFF with one band a number: int8 (AlphaEarth's quantisation) or floating point."""

    def __init__(self, path: Path, bands: int) -> None:
        try:
            self._opening = open_tiff(str(path))
            self._source = self._opening.__enter__()
        except DECODING_ERRORS as error:
            raise UnreadableDataset(f"{path.name} is no GeoTIFF, or it is damaged.") from error
        kind = str(self._source.dtypes[0])
        self.height, self.width = self._source.height, self._source.width
        self._int8 = kind == "int8"
        wrong_kind = not (kind.startswith("float") or (self._int8 and bands == ALPHA_EARTH))
        if self._source.count != bands or wrong_kind:
            count = self._source.count
            self.close()
            raise UnreadableDataset(
                f"{path.name} has {count} bands of {kind}; this format has {bands} bands of "
                f"{'int8 or floating point' if bands == ALPHA_EARTH else 'floating point'}."
            )
        self._nodata = NO_DATA if self._int8 else self._source.nodata
        undone = ", de-quantised as (x / 127.5)² · sign(x), -128 is no data" if self._int8 else ""
        self.quantisation = f"Stored as {kind}{undone}"

    def read(self, window: Window) -> tuple[Values, npt.NDArray[np.bool_]]:
        from rasterio.windows import Window as Part

        stored = self._source.read(window=Part(window.col, window.row, window.width, window.height))
        if self._int8:
            values, valid = dequantised(stored), (stored != NO_DATA).all(axis=0)
        else:
            values = stored.astype(np.float32, copy=False)
            valid = np.isfinite(values).all(axis=0) & (values != 0).any(axis=0)
            if self._nodata is not None:
                valid &= (values != np.float32(self._nodata)).all(axis=0)
            values = np.where(valid, values, np.float32(0))
        return np.ascontiguousarray(values.transpose(1, 2, 0)), valid

    def places(self, rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
        return raster_places(self._source, rows, columns)

    def close(self) -> None:
        self._opening.__exit__(None, None, None)


class ArrayCube:
    """TESSERA's arrays: int8 (h, w, 128) beside their scales (h, w) or (h, w, 128); or floating point alone."""

    def __init__(self, path: Path) -> None:
        self._array = open_array(path, path.name)
        if self._array.ndim != 3 or self._array.shape[2] != TESSERA or self._array.dtype.kind not in "fi":
            raise UnreadableDataset(
                f"{path.name} has the shape {tuple(self._array.shape)} of {self._array.dtype}; TESSERA's arrays are "
                "(rows, columns, 128) of int8 with a second file of scales, or of floating point."
            )
        self.height, self.width = self._array.shape[:2]
        self._scales: npt.NDArray[Any] | None = None
        if self._array.dtype == np.int8:
            self._scales = _scales(path, self._array.shape)
            self.quantisation = "Stored as int8, times the scale of each pixel"
        elif self._array.dtype.kind == "f":
            self.quantisation = f"Stored as {self._array.dtype}"
        else:
            raise UnreadableDataset(
                f"{path.name} holds {self._array.dtype}; TESSERA's arrays are int8 or floating point."
            )
        beside = (path.with_suffix(suffix) for suffix in (".tiff", ".tif"))
        self._place = next((p for p in beside if p.is_file() and not p.is_symlink()), None)

    def read(self, window: Window) -> tuple[Values, npt.NDArray[np.bool_]]:
        part = np.s_[window.row : window.row + window.height, window.col : window.col + window.width]
        values = self._array[part].astype(np.float32)
        if self._scales is not None:
            scales = self._scales[part].astype(np.float32)
            values *= scales if scales.ndim == 3 else scales[..., None]
        valid: npt.NDArray[np.bool_] = np.isfinite(values).all(axis=2) & (values != 0).any(axis=2)
        return np.where(valid[..., None], values, np.float32(0)), valid

    def places(self, rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
        if self._place is None:
            return []
        try:
            with open_tiff(str(self._place)) as source:
                same = (source.height, source.width) == (self.height, self.width)
                return raster_places(source, rows, columns) if same else []
        except DECODING_ERRORS:
            return []

    def close(self) -> None:
        """Memory maps close themselves."""


def raster_places(
    source: Any, rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]
) -> list[tuple[float, float]]:
    """(lon, lat) of positions in an open raster; [] where it has no reference system."""
    to_map = source.transform
    xs = to_map.a * columns + to_map.b * rows + to_map.c
    ys = to_map.d * columns + to_map.e * rows + to_map.f
    return to_degrees(source.crs, xs.tolist(), ys.tolist())


def looks_like_alphaearth(path: Path) -> bool:
    """Whether this is a GeoTIFF of 64 bands of int8."""
    return _tiff_shape(path) == (ALPHA_EARTH, "int8")


def looks_like_tessera(path: Path) -> bool:
    """Whether this is an array of TESSERA with its scales, or a GeoTIFF of 128 floating-point bands."""
    if path.suffix.lower() == ".npy" and path.is_file():
        return path.with_name(f"{path.stem}_scales.npy").is_file()
    bands, kind = _tiff_shape(path)
    return bands == TESSERA and kind.startswith("float")


def _tiff_shape(path: Path) -> tuple[int, str]:
    if path.suffix.lower() not in TIFF_SUFFIXES or not path.is_file():
        return 0, ""
    try:
        with open_tiff(str(path)) as source:
            return source.count, str(source.dtypes[0])
    except DECODING_ERRORS:
        return 0, ""


def _scales(path: Path, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    beside = path.with_name(f"{path.stem}_scales.npy")
    if beside.is_symlink() or not beside.is_file():
        raise UnreadableDataset(f"{path.name} is quantised, but its scales {beside.name} do not lie beside it.")
    scales = open_array(beside, beside.name)
    if scales.dtype.kind != "f" or scales.shape not in {shape, shape[:2]}:
        raise UnreadableDataset(
            f"{beside.name} has the shape {tuple(scales.shape)} of {scales.dtype}; scales are floating point, "
            f"{shape[:2]} or {shape}."
        )
    return scales
