"""BigEarthNet's layout: a patch is a folder with one GeoTIFF a band, named ``FOLDER_BAND.tif``.

Version 1 puts ``FOLDER_labels_metadata.json`` into each folder (labels, coordinates, projection, time); version 2
(reBEN) groups the folders by product and keeps all labels in one ``metadata.parquet`` at the top or beside it.
Sentinel-2 patches are read in the order of domain.patch_folders.S2_BANDS; Sentinel-1 patches are VV and VH in decibels,
which become linear power when read. A patch keeps all its labels; the first of its list, which follows the order of the
land-cover nomenclature, is the primary one.
"""
# Plain strings for paths: this runs for each folder, and Path objects would cost more than the rest.
# ruff: noqa: PTH113, PTH118, PTH119

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from eobench_dash.domain.importing import ImportIssue, IssueKind, valid_lonlat
from eobench_dash.domain.patch_folders import LAYOUT, S1_BANDS, S2_BANDS, band_file
from eobench_dash.domain.products import Unit
from eobench_dash.errors import UnreadableDataset
from eobench_dash.formats.imagefolder import natural_key
from eobench_dash.formats.json_rows import to_labels
from eobench_dash.formats.pictures import DECODING_ERRORS, Seen, check_picture, look_at_tiff, to_degrees
from eobench_dash.formats.reader import DatasetReader, Row, shown
from eobench_dash.formats.tally import RowProblem

METADATA = "metadata.parquet"
MAX_JSON = 1 << 20
MAX_PATCHES = 2_000_000
MAX_DEPTH = 3
"""Folders below the chosen one: a set, a product, a patch."""
GLANCE = 24
"""Folders looked at on each level to tell whether this is the layout at all."""
_PROBES = (("S2", "B02"), ("S1", "VV"))


@dataclass(frozen=True)
class _Told:
    """What the metadata say of one patch."""

    labels: Any = None
    place: tuple[float, float] | None = None
    taken: str = ""


class BigEarthNet(DatasetReader):
    """Reads folders of patches of one sensor."""

    from_folder = True
    to_choose = "the folder that holds the patch folders"

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(path, **options)
        self._top = os.path.realpath(path)
        sensors = {sensor for _, sensor in islice(_patches(self._top, GLANCE), 200)}
        if len(sensors) != 1:
            raise UnreadableDataset(
                f"{path.name} holds Sentinel-1 and Sentinel-2 patches; choose the folder of one of them."
                if sensors
                else f"{path.name} holds no folders of patches such as NAME/NAME_B02.tif or NAME/NAME_VV.tif."
            )
        self._sensor = sensors.pop()
        self._band_names = S1_BANDS if self._sensor == "S1" else S2_BANDS
        self._table: Mapping[str, _Told] | None = None
        self._systems: dict[str, Any] = {}

    @property
    def modality(self) -> str:
        """By the sensor of the patches."""
        return "sar" if self._sensor == "S1" else "optical"

    def source_params(self) -> dict[str, Any]:
        """A patch is a folder; its bands in order; decibels become power when read."""
        params: dict[str, Any] = {"layout": LAYOUT, "bands": list(self._band_names)}
        if self._sensor == "S1":
            return params | {"unit": Unit.POWER.value, "options": {"unit": "dB"}}
        return params | {"unit": Unit.REFLECTANCE.value}

    def _rows(self) -> Iterator[Row | ImportIssue]:
        self._table = self._read_table()
        cut = len(os.path.join(self.root, ""))
        for n, (folder, sensor) in enumerate(islice(_patches(self._top, self._sample), self._sample)):
            if n >= MAX_PATCHES:
                raise UnreadableDataset(f"There are more than {MAX_PATCHES:,} patches; import them in parts.")
            if n % 256 == 0:
                self.advance(n, None)
            relative = folder[cut:]
            if sensor == self._sensor:
                yield self._row(folder, relative)
            else:
                words = f"This is a patch of {sensor}; the others are of {self._sensor}."
                yield ImportIssue(IssueKind.BAD_RECORD, shown(relative), words)
        several = "Each patch keeps all its labels; the first of its list is the primary one."
        self.note(f"{several} Bands: {', '.join(self._band_names)}.")
        if self._sensor == "S1":
            self.note("The values are decibels; they are turned into linear power when read.")

    def _row(self, folder: str, relative: str) -> Row | ImportIssue:
        where = shown(relative)
        try:
            told = self._told(folder)
            row = Row(where, relative, to_labels(told.labels))
        except RowProblem as problem:
            return ImportIssue(problem.kind, where, str(problem))
        if told.place is not None:
            row.lon, row.lat = told.place
        if told.taken:
            row.extra = {"acquired": told.taken}
        return row

    def _told(self, folder: str) -> _Told:
        name = os.path.basename(folder)
        path = Path(folder, f"{name}_labels_metadata.json")
        if path.is_symlink():
            raise RowProblem(IssueKind.PATH_OUTSIDE_ROOT, "The metadata of this patch are a link; put the file itself.")
        if path.is_file():
            return self._from_json(path)
        return _Told() if self._table is None else self._table.get(name, _Told())

    def _from_json(self, path: Path) -> _Told:
        with path.open("rb") as file:
            raw = file.read(MAX_JSON + 1)
        if len(raw) > MAX_JSON:
            raise RowProblem(IssueKind.TOO_LARGE, f"Its metadata are larger than {MAX_JSON >> 20} MB.")
        try:
            data = json.loads(raw)
        except UnicodeDecodeError:
            raise RowProblem(IssueKind.BAD_RECORD, "Its metadata are not UTF-8 text.") from None
        except (ValueError, RecursionError):
            raise RowProblem(IssueKind.BAD_RECORD, "Its metadata are not valid JSON.") from None
        if not isinstance(data, dict):
            raise RowProblem(IssueKind.BAD_RECORD, "Its metadata have to be an object with labels and coordinates.")
        labels = data.get("labels")
        if labels is not None and not isinstance(labels, list | str):
            raise RowProblem(IssueKind.BAD_LABEL, "The labels have to be a list of names.")
        taken = data.get("acquisition_date", data.get("acquisition_time"))
        return _Told(labels, self._place(data), taken[:40] if isinstance(taken, str) else "")

    def _place(self, data: Mapping[str, Any]) -> tuple[float, float] | None:
        """The middle of the corners. Sentinel-2 metadata call the lower edge "lry", Sentinel-1's "lly"."""
        corners, projection = data.get("coordinates"), data.get("projection")
        if not isinstance(corners, dict) or not isinstance(projection, str) or len(projection) > 8000:
            return None
        try:
            x = (float(corners["ulx"]) + float(corners["lrx"])) / 2
            y = (float(corners["uly"]) + float(corners["lry"] if "lry" in corners else corners["lly"])) / 2
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        return self._degrees(projection, x, y)

    def _degrees(self, projection: str, x: float, y: float) -> tuple[float, float] | None:
        from rasterio.crs import CRS

        if len(self._systems) > 1000:
            self._systems.clear()
        if projection not in self._systems:
            try:
                self._systems[projection] = CRS.from_wkt(projection)
            except DECODING_ERRORS:
                self._systems[projection] = None  # a text that cannot be read is tried once
        places = to_degrees(self._systems[projection], [x], [y])
        return places[0] if places and valid_lonlat(*places[0]) else None

    def look(self, path: str) -> ImportIssue | None:
        problem = self._inspect_folder(path).problem
        return None if problem is None else ImportIssue(problem.kind, shown(path), str(problem))

    def _look(self, row: Row) -> Any:
        """All bands of the patch, in a thread."""
        if row.path is None or not self._check_images:
            return Seen()
        return self._in_pool(self._inspect_folder, row.path)

    def _inspect_folder(self, path: str) -> Seen:
        first: str | None = None
        for band in self._band_names:
            try:
                real, size = self._root.locate(band_file(path, band))
                check_picture(real, size)
            except RowProblem as problem:
                missing = problem.kind is IssueKind.MISSING_FILE
                words = f"Its band {band} is missing." if missing else f"Band {band}: {problem}"
                return Seen(RowProblem(problem.kind, words))
            first = first or real
        return Seen(place=look_at_tiff(first).place if first is not None else None)

    def _read_table(self) -> Mapping[str, _Told] | None:
        """Version 2's labels by patch, from ``metadata.parquet`` in the chosen folder or in the one above it."""
        for folder in (Path(self._top), Path(self._top).parent):
            path = folder / METADATA
            if path.is_file() and not path.is_symlink():
                self.note(f"Labels come from {METADATA}.")
                return _table(path, "s1_name" if self._sensor == "S1" else "patch_id")
        return None


def looks_like(path: Path) -> bool:
    """Whether this is a folder of patch folders."""
    return path.is_dir() and next(_patches(os.path.realpath(path), GLANCE), None) is not None


def _patches(top: str, few: int | None = None) -> Iterator[tuple[str, str]]:
    """(folder, sensor) of each patch at most MAX_DEPTH below ``top``, in natural order; of ``few`` folders a level."""
    waiting = [(top, 0)]
    while waiting:
        here, depth = waiting.pop()
        sensor = _sensor(here) if depth else None
        if sensor is not None:
            yield here, sensor
        elif depth < MAX_DEPTH:
            waiting += [(os.path.join(here, name), depth + 1) for name in reversed(_folders(here, few))]


def _sensor(folder: str) -> str | None:
    name = os.path.basename(folder)
    for sensor, band in _PROBES:
        if os.path.isfile(os.path.join(folder, f"{name}_{band}.tif")):
            return sensor
    if os.path.isfile(os.path.join(folder, f"{name}_labels_metadata.json")):
        return "S1" if name.startswith("S1") else "S2"
    return None


def _folders(folder: str, few: int | None) -> list[str]:
    """Names of the real folders in a folder, in natural order (any ``few`` of them where that is given)."""
    try:
        with os.scandir(folder) as entries:
            names = (e.name for e in entries if not e.name.startswith(".") and e.is_dir(follow_symlinks=False))
            found = list(names if few is None else islice(names, few))
    except OSError as error:
        name = shown(os.path.basename(folder))
        raise UnreadableDataset(f"The folder {name} cannot be read ({error.strerror}).") from None
    return sorted(found, key=natural_key)


def _table(path: Path, key: str) -> dict[str, _Told]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    told: dict[str, _Told] = {}
    try:
        with pq.ParquetFile(path) as file:
            if file.metadata.num_rows > MAX_PATCHES or not {key, "labels"} <= set(file.schema_arrow.names):
                raise UnreadableDataset(f"{METADATA} has no columns {key!r} and 'labels', or too many rows.")
            for batch in file.iter_batches(columns=[key, "labels"], use_threads=False):
                names, labels = (batch.column(column).to_pylist() for column in (key, "labels"))
                told.update((n, _Told(several)) for n, several in zip(names, labels, strict=True) if isinstance(n, str))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UnreadableDataset(f"{METADATA} is damaged; copy it again.") from error
    return told
