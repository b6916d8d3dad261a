"""The changing parts of the ingest page: folders and products, facts, descriptors, the estimate, the report."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.ui import button, chip, count, empty, icon, link_button, meter, note, page_head
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.ingesting import FLAGS, IngestEstimate, IngestReport, refusal_words
from eobench_dash.domain.patches import FeatureSetInfo
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
MAX_PRODUCTS_SHOWN = 200


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


def no_products(folder: str | None) -> str:
    """What the empty list says."""
    return "Open a folder: the products in it stand here." if folder is None else "No product lies in this folder."


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
    scales = [f"{n:,} of {size} px" for size, n in told.patches.items()]
    split = f" ({', '.join(scales)})" if len(scales) > 1 else ""
    seconds = told.seconds + sum(told.feature_seconds.values())
    facts = [
        ("Patches", f"{about}{told.total:,}{split}"),
        ("Products", f"{about}{told.products:,}"),
        ("Time", f"about {duration(seconds)}"),
        ("Disk", f"about {_bytes(told.bytes)}"),
    ]
    table = html.Dl([part for name, value in facts for part in (html.Dt(name), html.Dd(value))], className="eob-facts")
    notes = [html.P(text, className="eob-small eob-muted") for text in told.notes]
    none = (
        [note("The products are smaller than a patch: choose a smaller patch size.", "warn")] if not told.total else []
    )
    return html.Div([table, *none, *notes], className="eob-stack")


def complaint(sentence: str) -> Component:
    """Why it cannot start as it is."""
    return note(sentence, "warn", role="alert")


def duration(seconds: float) -> str:
    """Seconds in words: ``40 s``, ``12 min``, ``3.4 h``."""
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def report(dataset: DatasetSummary, told: IngestReport, kinds: Sequence[FeatureSetInfo]) -> Component:
    """What an ingest did: counts, refusals, flags, products."""
    used = len(told.products) - len(told.failed)
    lead = f"{count(told.patches, 'patch', 'patches')} from {count(used, 'product')}, in {duration(told.seconds)}."
    actions = [
        link_button("Another ingest", "/ingest", icon_name="plus"),
        link_button("Explore", f"/explore/{dataset.id}", icon_name="explore", look="primary"),
    ]
    described = [chip(f"{kind.kind}: {kind.dim} numbers", "ok") for kind in kinds]
    waits = html.P("No descriptor is computed yet.", className="eob-muted")
    return html.Div(
        [
            page_head(f"Ingest of {dataset.name}", lead, actions),
            *[note(text) for text in told.notes],
            _card("Scales", _counts({f"{size} × {size} pixels": n for size, n in told.scales.items()})),
            _card("Refused", _refused(told)),
            _card("Quality flags", _flags(told)),
            _card("Descriptors", html.Div(described, className="eob-row") if described else waits),
            _card("Products", _tallies(told)),
        ],
        className="eob-page",
        id=ids.ROOT,
    )


def _card(title: str, child: Component) -> Component:
    return html.Section([html.H2(title), child], className="eob-card eob-stack")


def _counts(values: dict[str, int]) -> Component:
    most = max(values.values(), default=0) or 1
    rows = [
        html.Div(
            [
                html.Span(words, className="eob-ingest__bar-name"),
                meter(n / most, label=words),
                html.Span(f"{n:,}", className="eob-number eob-right"),
            ],
            className="eob-ingest__bar",
        )
        for words, n in values.items()
    ]
    return html.Div(rows, className="eob-stack")


def _refused(told: IngestReport) -> Component:
    refused = {refusal_words(reason).capitalize(): n for reason, n in told.refused.items()}
    skipped = [
        html.P(f"{count(n, 'product')} left out: {what}.", className="eob-muted") for what, n in told.skipped.items()
    ]
    if not refused:
        return html.Div([html.P("Every patch of the grid was kept.", className="eob-muted"), *skipped])
    return html.Div([_counts(refused), *skipped], className="eob-stack")


def _flags(told: IngestReport) -> Component:
    if not told.flags:
        return empty("Nothing measured", "There are no patches.", icon_name="info")
    head = html.Tr([html.Th(words) for words in ("Flag", "Mean", "Median", "95 %", "Highest", "Worth a look")])
    rows = [
        html.Tr(
            [
                html.Td(FLAGS[name].title, title=FLAGS[name].help),
                *[html.Td(f"{values[key]:.3f}", className="eob-number") for key in ("mean", "p50", "p95", "max")],
                html.Td(f"{values['over']:,.0f}", className="eob-number", title=f"above {FLAGS[name].notable:g}"),
            ]
        )
        for name, values in told.flags.items()
    ]
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="eob-table")
    return html.Div(table, className="eob-scroll", tabIndex=0, role="region", **{"aria-label": "Quality flags"})


def _tallies(told: IngestReport) -> Component:
    head = html.Tr([html.Th(words) for words in ("Product", "Patches", "Refused", "")])
    rows = [
        html.Tr(
            [
                html.Td(tally.name or PurePath(tally.path).name, title=tally.path),
                html.Td(f"{tally.patches:,}", className="eob-number"),
                html.Td(f"{sum(tally.refused.values()):,}", className="eob-number"),
                html.Td(chip(tally.error, "danger") if tally.error else ", ".join(tally.notes), className="eob-small"),
            ]
        )
        for tally in sorted(told.products, key=lambda tally: not tally.error)[:MAX_PRODUCTS_SHOWN]
    ]
    more = len(told.products) - MAX_PRODUCTS_SHOWN
    rest = [html.P(f"and {more:,} more products", className="eob-muted")] if more > 0 else []
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="eob-table")
    return html.Div([table, *rest], className="eob-scroll", tabIndex=0, role="region", **{"aria-label": "Products"})


def suggested_name(folder: str | None, now: datetime) -> str:
    """A dataset name from a folder."""
    return f"{PurePath(folder).name if folder else 'Patches'} {now:%Y-%m-%d}"[:80]


def _bytes(n: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if n >= 10 or unit == "B" else f"{n:.1f} {unit}"
        n /= 1000
    return f"{n:.1f} TB"
