"""What is filled in on the ingest page, as values; BadInput says which field is wrong."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eobench_dash.domain.areas import MAX_CORNERS
from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.ingesting import IngestPlan
from eobench_dash.domain.products import ReadOptions
from eobench_dash.errors import BadInput

MAX_AREA = 60 * MAX_CORNERS
MAX_PATHS = 2_000


@dataclass(frozen=True)
class Form:
    """An ingest as asked for: ``paths`` of products or folders, ``only`` one modality, ``features`` afterwards."""

    paths: tuple[str, ...]
    only: str | None
    plan: IngestPlan
    options: ReadOptions
    features: tuple[str, ...] = ()
    name: str = ""
    attribution: str = ""

    @property
    def asked(self) -> dict[str, Any]:
        """What ``estimating.estimate`` and ``start_ingest`` both take."""
        return {
            "paths": list(self.paths),
            "plan": self.plan,
            "options": self.options,
            "only": self.only,
            "features": list(self.features),
        }


def read(data: Mapping[str, Any]) -> Form:
    """The form from the browser's values, none of which is trusted."""
    paths = data.get("paths") or []
    if not isinstance(paths, list) or len(paths) > MAX_PATHS or not all(isinstance(path, str) for path in paths):
        raise BadInput(f"Choose up to {MAX_PATHS:,} products; for more, tick all of their folder.")
    only = data.get("only")
    return Form(
        paths=tuple(paths),
        only=Modality(only).value if only in list(Modality) else None,
        plan=read_plan(data),
        options=read_options(data),
        features=_texts(data.get("features")),
        name=_text(data, "name"),
        attribution=_text(data, "attribution"),
    )


def read_plan(data: Mapping[str, Any]) -> IngestPlan:
    """How products are to be cut."""
    return IngestPlan.from_dict(
        {
            "patch": _text(data, "patch") or "64",
            "stride": _text(data, "stride") or None,
            "scales": [scale.strip() for scale in _text(data, "scales").split(",") if scale.strip()],
            "area": _area(_text(data, "area")),
            "limits": {name: _share(data.get(name), name) for name in ("nodata", "cloud")},
        }
    )


def read_options(data: Mapping[str, Any]) -> ReadOptions:
    """How products are to be read."""
    resolution = data.get("resolution")
    if resolution is not None and not (isinstance(resolution, int | float) and 0 < resolution <= 10_000):
        raise BadInput("The pixel size is a number of metres, such as 10; leave it empty for the product's own.")
    return ReadOptions(
        bands=_texts(data.get("bands")),
        resolution=None if resolution is None else float(resolution),
        grid=bool(data.get("grid")),
        unit=_text(data, "unit") or "auto",
    )


def _texts(values: Any) -> tuple[str, ...]:
    """The texts of a list, whatever else it holds; none where it is no list."""
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if value is None:
        return ""
    if not isinstance(value, str | int | float) or len(str(value)) > MAX_AREA:
        raise BadInput(f"The field “{key}” holds more than it may.")
    return str(value).strip()


def _share(value: Any, name: str) -> float | None:
    """Per cent as a share."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise BadInput(f"The limit on {name} is a number of per cent from 0 to 100; leave it empty for no limit.")
    return float(value) / 100


def _area(raw: str) -> Any:
    if not raw.startswith(("{", "[")):
        return raw or None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadInput(
            "The area is neither a box (west, south, east, north) nor GeoJSON; check its brackets."
        ) from error
