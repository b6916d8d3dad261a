"""The changing parts of the ingest page: folders and products, facts, descriptors, the estimate."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.ui import button, icon, note
from eobench_dash.domain.ingesting import IngestEstimate
from eobench_dash.domain.products import ProductInfo, Unit
from eobench_dash.pages.ingest import ids
from eobench_dash.services.features import descriptor_kinds
from eobench_dash.services.importing import Entry
from eobench_dash.services.products import Found

UNITS: list[dict[str, str]] = [
    {"label": "told from the file", "value": "auto"},
    {"label": "decibels", "value": "dB"},
    *({"label": unit.value, "value": unit.value} for unit in (Unit.REFLECTANCE, Unit.SIGMA0, Unit.POWER, Unit.NUMBER)),
]
_KIND_WORDS = {
    "s2-l1c": "Sentinel-2 L1C",
    "s2-l2a": "Sentinel-2 L2A",
    "s1-grd": "Sentinel-1 GRD",
    "raster": "raster",
    "image": "picture",
}
_NO_ROOTS = (
    "No folder of data is open to this server. An operator names them in EOBENCH_DATA_ROOTS, for example "
    "EOBENCH_DATA_ROOTS=/data/sentinel, and starts it again."
)
NO_FOLDER = "Open a folder: the products in it stand here."
"""What the list of products says before that."""
S2_BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")


def step(number: int, title: str, children: Sequence[Component]) -> Component:
    """One of the page's four parts."""
    head = html.H2([html.Span(str(number), className="eob-ingest__number"), title])
    return html.Section([head, *children], className="eob-card eob-stack")


def folder_view(entries: Sequence[Entry], folder: str | None) -> Component:
    """The folders in a folder, and the way up."""
    up = button("Up", id=ids.entry("up"), look="quiet small", icon_name="left", disabled=folder is None)
    where = html.Span(folder or "Folders on the server", className="eob-mono eob-small eob-clip eob-grow", title=folder)
    rows = [
        html.Button(
            [icon("folder"), html.Span(entry.name, className="eob-clip")],
            id=ids.entry(index),
            type="button",
            className="eob-menu__item",
        )
        for index, entry in enumerate(entries)
    ]
    none = html.P("No further folder lies here." if folder else _NO_ROOTS, className="eob-muted eob-small")
    head = html.Div([up, where], className="eob-row eob-row--tight eob-browser__head")
    return html.Div([head, html.Div(rows or none, className="eob-browser__list")], className="eob-browser")


def product_options(found: Sequence[Found]) -> list[dict[str, Any]]:
    """The products of a folder, to tick."""
    return [{"label": _candidate(one), "value": one.path} for one in found]


def and_more(listed: int) -> str:
    """Below a list that is cut."""
    return f"The first {listed:,} products are listed. “All” takes the whole folder, with those that are not."


def _candidate(one: Found) -> Component:
    shows = {"sar": ["radar"], "optical": ["optical"]}.get(one.modality or "", [])
    facts = [_KIND_WORDS.get(one.kind, one.kind), *shows, *([_bytes(one.bytes)] if one.bytes else [])]
    return html.Span(
        [
            html.Img(
                alt="",
                width="48",
                height="48",
                # ingest.js: asked for when it comes into sight
                **{"data-src": f"/data/ingest/quicklook.jpg?longest=256&path={quote(one.path, safe='')}"},
            ),
            html.Span(
                [
                    html.Span(one.name, className="eob-clip"),
                    html.Span(" · ".join(facts), className="eob-muted eob-small"),
                ],
                className="eob-ingest__words",
            ),
        ],
        className="eob-ingest__candidate",
        title=one.name,
        **{"data-path": one.path, "data-modality": one.modality or ""},
    )


def no_facts() -> Component:
    """Where no product is shown."""
    return html.P("Tick a product to see its grid.", className="eob-muted")


def facts(info: ProductInfo) -> Component:
    """What is known of the product shown, in a few words, and what a user has to know about it."""
    size = f"{info.width:,} × {info.height:,} pixels"
    if info.pixel_size:
        size += f" of {info.pixel_size[0]:.4g} m"
    words = [
        _KIND_WORDS.get(info.kind, info.kind),
        *([f"{info.sensed_at:%-d %b %Y}"] if info.sensed_at else []),
        size,
        ", ".join(info.band_names[:13]) + (" …" if len(info.bands) > 13 else ""),
        info.unit.value,
        *([f"{info.cloud_cover:.0%} cloud"] if info.cloud_cover is not None else []),
    ]
    notes = [html.P(text, className="eob-small eob-muted") for text in info.notes]
    return html.Div(
        [
            html.Strong(info.name, className="eob-clip eob-ingest__name", title=info.name),
            html.P(" · ".join(words), className="eob-small"),
            *notes,
        ]
    )


def usual_bands(path: str) -> list[str]:
    """The bands that a product of this name should have, for one that cannot be opened with all of them."""
    return list(S2_BANDS) if PurePath(path).name.startswith("S2") else []


def unreadable(path: str, sentence: str) -> Component:
    """A product that cannot be opened; the preview says the sentence, which a screen reader hears here."""
    name = PurePath(path).name
    return html.Div(
        [
            html.Strong(name, className="eob-clip eob-ingest__name", title=name),
            html.P("It cannot be read as it is.", className="eob-small eob-ingest__error"),
            html.P(sentence, className="eob-hide", role="alert"),
        ]
    )


def kind_options(info: ProductInfo | None = None) -> list[dict[str, Any]]:
    """The descriptors with what each is for; those that do not fit the product shown cannot be ticked."""
    options = []
    for kind in descriptor_kinds():
        why = _misfit(kind.modalities, kind.needs_band_names, info)
        words = [
            html.Span([html.Strong(kind.name), *([html.Span(f" {why}", className="eob-muted")] if why else [])]),
            html.Span(kind.purpose or kind.description, className="eob-muted eob-small"),
        ]
        label = html.Span(words, className="eob-ingest__words", title=kind.description)
        options.append({"label": label, "value": kind.name, "disabled": bool(why)})
    return options


def _misfit(modalities: frozenset[str], needs_names: bool, info: ProductInfo | None) -> str:
    if info is None:
        return ""
    if info.modality not in modalities:
        return "for radar only" if modalities == {"sar"} else "for optical data only"
    named = any(name.startswith("B") and name[1:2].isdigit() for name in info.band_names)
    return "needs bands with Sentinel-2 names" if needs_names and not named else ""


def nothing_chosen() -> Component:
    """The estimate before anything is ticked."""
    return html.P("Tick at least one product.", className="eob-muted")


def estimate(told: IngestEstimate) -> Component:
    """How much it will be."""
    about = "about " if told.about else ""
    split = f" ({', '.join(told.scales)})" if len(told.patches) > 1 else ""
    seconds = told.seconds + sum(told.feature_seconds.values())
    facts = [
        ("Patches", f"{about}{told.total:,}{split}"),
        ("Products", f"{about}{told.products:,}"),
        ("Time", f"about {duration(seconds)}"),
        ("Disk", f"about {_bytes(told.bytes)}"),
    ]
    table = html.Dl([part for name, value in facts for part in (html.Dt(name), html.Dd(value))], className="eob-facts")
    notes = [html.P(text, className="eob-small eob-muted") for text in told.notes]
    small = "The products are smaller than a patch: choose a smaller patch size."
    none = [note(small, "warn")] if not told.total and not told.about else []
    return html.Div([table, *none, *notes], className="eob-stack")


def complaint(sentence: str) -> Component:
    """Why it cannot start as it is."""
    return note(sentence, "warn", role="alert")


def duration(seconds: float) -> str:
    """Seconds in words: ``40 s``, ``12 min``, ``3.4 h``."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def suggested_name(folder: str | None, now: datetime) -> str:
    """A dataset name from a folder."""
    return f"{PurePath(folder).name if folder else 'Patches'} {now:%Y-%m-%d}"[:80]


def _bytes(n: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if n >= 10 or unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"
