"""Which column of a table, or which array of an archive, holds what: by the names that published sets use."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

VECTOR_NAMES = (
    "embedding", "embeddings", "vector", "vectors", "features", "feature", "feature_vector", "feature_vectors", "emb",
    "descriptor", "descriptors", "image_features",
)  # fmt: skip
"""Names of a column that holds a whole vector, the first known one wins."""
NAMES: Mapping[str, tuple[str, ...]] = {
    "label": ("label", "labels", "class", "classes", "class_label", "category", "categories", "target", "targets",
              "annotation", "annotations", "class_name"),
    "path": ("path", "paths", "file_path", "file_paths", "filepath", "filepaths", "file", "files", "filename",
             "filenames", "file_name", "file_names", "image", "images", "image_path", "image_paths", "img_path"),
    "id": ("unique_id", "patch_id", "chip_id", "chips_id", "tile_id", "id", "ids", "name", "names", "index", "key"),
    "lon": ("lon", "lons", "longitude", "longitudes", "lng", "centre_lon", "center_lon"),
    "lat": ("lat", "lats", "latitude", "latitudes", "centre_lat", "center_lat"),
    "geometry": ("geometry", "geom", "wkb_geometry"),
}  # fmt: skip
"""The names each role is known by (case, hyphens and blanks do not matter); the first that is there wins."""
WIDE_PREFIXES = frozenset(
    {"", "a", "f", "d", "e", "v", "x", "dim", "emb", "embedding", "feat", "feature", "features", "vec", "vector"}
)
"""``f0, f1 …``, ``A00 … A63``, ``dim_0 …`` or the bare numbers that data frames write."""
MANY = 8
"""Numbered columns of any other prefix are taken for a vector from so many on."""
_NUMBERED = re.compile(r"(.*?)[_\- ]?(\d{1,5})")


@dataclass(frozen=True)
class Roles:
    """The columns in use. Either ``vector`` names one column of vectors, or ``wide`` lists one column a number."""

    vector: str | None = None
    wide: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    """Role (a key of NAMES) → column."""
    unused: tuple[str, ...] = ()

    @property
    def wanted(self) -> list[str]:
        """Every column in use, each once."""
        return list(dict.fromkeys([*([self.vector] if self.vector else self.wide), *self.columns.values()]))

    def sentence(self) -> str:
        """What was taken for what, as the report says it."""
        if self.vector:
            vectors = f"the vectors are column {self.vector!r}"
        else:
            vectors = f"the vectors are columns {self.wide[0]!r} to {self.wide[-1]!r}"
        others = "".join(f", {role} {column!r}" for role, column in self.columns.items())
        return f"Columns: {vectors}{others}."


def plain(name: str) -> str:
    """A name without case, surrounding blanks, and with underscores for hyphens and blanks."""
    return name.strip().casefold().replace("-", "_").replace(" ", "_")


def find_roles(names: Sequence[str], *, vectors: Iterable[str] = (), numbers: Iterable[str] | None = None) -> Roles:
    """Sort out the columns ``names``. ``vectors``: those that hold lists of numbers (where the file says so);
    ``numbers``: those that hold single numbers (None: any may). Roles without vectors where there are none.
    """
    listed = list(vectors)
    known = {plain(name): name for name in reversed(names)}
    vector = next((known[n] for n in VECTOR_NAMES if n in known and (not listed or known[n] in listed)), None)
    if vector is None and len(listed) == 1:
        vector = listed[0]
    wide = () if vector else _wide(names, None if numbers is None else set(numbers))
    taken = {vector, *wide}
    columns = {}
    for role, aliases in NAMES.items():
        found = next((known[alias] for alias in aliases if alias in known and known[alias] not in taken), None)
        if found is not None:
            columns[role] = found
            taken.add(found)
    if "path" in columns:
        columns.pop("id", None)
    if not ("lon" in columns and "lat" in columns):
        columns.pop("lon", None), columns.pop("lat", None)
    else:
        columns.pop("geometry", None)
    used = {vector, *wide, *columns.values()}
    return Roles(vector, wide, columns, tuple(name for name in names if name not in used))


def _wide(names: Sequence[str], numbers: set[str] | None) -> tuple[str, ...]:
    """The longest run of numbered columns of one prefix: 0, 1, 2 … or 1, 2, 3 … without a gap."""
    runs: dict[str, dict[int, str]] = {}
    for name in names:
        found = _NUMBERED.fullmatch(name.strip())
        if found and (numbers is None or name in numbers):
            runs.setdefault(found[1].casefold().rstrip("_- "), {}).setdefault(int(found[2]), name)
    best: tuple[str, ...] = ()
    for prefix, columns in runs.items():
        order = sorted(columns)
        whole = order[0] in (0, 1) and order == list(range(order[0], order[0] + len(order)))
        if whole and len(order) >= (2 if prefix in WIDE_PREFIXES else MANY) and len(order) > len(best):
            best = tuple(columns[n] for n in order)
    return best
