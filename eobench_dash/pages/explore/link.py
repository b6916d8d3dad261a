"""What a link to a view says. Whatever it says wrongly is left out: a link opens the page all the same."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.patches import EmbeddingInfo

MAX_HIDDEN = 5_000
TABS = ("labels", "clusters", "charts", "history")


@dataclass(frozen=True)
class Link:
    """A view: which maps, coloured by what, seen from where; which patch; which groups are hidden; by which features
    neighbours are told.

    ``chide``, ``crange`` (column filter; ``chide2``, ``crange2`` of the second map) and ``sel`` (saved selection) are
    read by assets/explore-view.js itself.
    """

    map: EmbeddingInfo | None
    map2: EmbeddingInfo | None
    colour: str
    colour2: str
    v: dict[str, float] | None
    v2: dict[str, float] | None
    mode: Literal["visualise", "clean"]
    patch: int | None
    hide: tuple[int, ...]
    tab: str
    near: str | None


def read_link(
    query: Mapping[str, str],
    *,
    maps: Sequence[EmbeddingInfo],
    patch_count: int,
    may_clean: bool,
    kinds: Collection[str] = (),
) -> Link:
    """The view that an address asks for; without a map named, the newest of all patches."""
    by_id = {str(m.id): m for m in maps}
    patch = query.get("patch", "")
    return Link(
        map=by_id.get(query.get("map", "")) or next((m for m in maps if m.label is None), None),
        map2=by_id.get(query.get("map2", "")),
        colour=_column(query.get("colour")),
        colour2=_column(query.get("colour2")),
        v=parse_view(query.get("v")),
        v2=parse_view(query.get("v2")),
        mode="clean" if query.get("mode") == "clean" and may_clean else "visualise",
        patch=int(patch) if re.fullmatch(r"[0-9]{1,10}", patch) and int(patch) < patch_count else None,
        hide=_codes(query.get("hide")),
        tab=query.get("tab", "") if query.get("tab") in TABS else TABS[0],
        near=query.get("near") if query.get("near") in kinds else None,
    )


def parse_view(text: str | None) -> dict[str, float] | None:
    """``x,y,k`` of a link as the map's view; None where it is none."""
    try:
        x, y, k = (float(part) for part in (text or "").split(","))
    except ValueError:
        return None
    return {"x": x, "y": y, "k": k} if all(map(math.isfinite, (x, y, k))) and k > 0 else None


def _column(text: str | None) -> str:
    return text if text and re.fullmatch(r"[a-z][a-z0-9-]{0,40}", text) else "label"


def _codes(text: str | None) -> tuple[int, ...]:
    parts = (text or "").split(",", MAX_HIDDEN)[:MAX_HIDDEN]
    return tuple(sorted({int(p) for p in parts if re.fullmatch(r"[0-9]{1,5}", p) and int(p) <= NO_LABEL}))
