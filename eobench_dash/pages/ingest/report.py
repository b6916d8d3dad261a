"""The report of an ingest: what was kept, what was refused and why, flags, descriptors, products."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.ui import count, empty, link_button, meter, note, page_head
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.feature_statistics import FeatureStatistics
from eobench_dash.domain.ingesting import FLAGS, IngestReport, refusal_words
from eobench_dash.domain.patches import FeatureSetInfo
from eobench_dash.pages.ingest import ids
from eobench_dash.pages.ingest.views import duration

MAX_PRODUCTS_SHOWN = 200


def report(
    dataset: DatasetSummary,
    told: IngestReport,
    kinds: Sequence[tuple[FeatureSetInfo, FeatureStatistics]],
    scenes: Mapping[str, int],
    *,
    builds: bool,
) -> Component:
    """What an ingest did: counts, refusals, flags, products. ``scenes``: a product's path → its id."""
    used = sum(tally.patches > 0 for tally in told.products)
    lead = f"{count(told.patches, 'patch', 'patches')} from {count(used, 'product')}, in {duration(told.seconds)}."
    first = next(iter(scenes.values()), None)
    to_scene = [link_button("Scene", _scene(dataset.id, first), icon_name="satellite")] if first else []
    actions = [
        *([link_button("Another ingest", "/ingest", icon_name="plus")] if builds else []),
        *to_scene,
        link_button("Explore", f"/explore/{dataset.id}", icon_name="explore", look="primary"),
    ]
    left = [_card("Patches", _kept(told)), _card("Quality flags", _flags(told)), _card("Descriptors", _features(kinds))]
    right = [_card("How it was cut", _plan(told))]
    return html.Div(
        [
            page_head(f"Ingest of {dataset.name}", lead, actions),
            *[note(text) for text in told.notes],
            html.Div(
                [html.Div(left, className="eob-stack eob-stack--wide"), html.Div(right, className="eob-stack")],
                className="eob-columns",
            ),
            _card("Products", _tallies(told, dataset.id, scenes)),
        ],
        className="eob-page eob-stack eob-stack--wide eob-ingest-report",
        id=ids.ROOT,
    )


def _scene(dataset_id: int, product_id: int) -> str:
    return f"/explore/{dataset_id}?scene={product_id}"


def _card(title: str, child: Component) -> Component:
    return html.Section([html.H2(title), child], className="eob-card eob-stack")


def _kept(told: IngestReport) -> Component:
    """Bars of what was kept, by size where there are several, and of what was refused, by reason."""
    scales = {f"Kept, {size} × {size} pixels": n for size, n in told.scales.items()}
    rows = list(scales.items()) if len(scales) > 1 else [("Kept", told.patches)]
    refused = [(refusal_words(reason).capitalize(), n) for reason, n in told.refused.items()]
    most = max((n for _, n in [*rows, *refused]), default=0) or 1
    bars = [_bar(words, n, most) for words, n in rows]
    bars += [_bar(f"Refused: {words.lower()}", n, most, refused=True) for words, n in refused]
    whole = [] if refused else [html.P("Every patch of the grid was kept.", className="eob-muted eob-small")]
    skipped = [html.P(_skipped(what, n), className="eob-muted eob-small") for what, n in told.skipped.items()]
    return html.Div([*bars, *whole, *skipped], className="eob-stack")


def _bar(words: str, n: int, most: int, *, refused: bool = False) -> Component:
    return html.Div(
        [
            html.Span(words, className="eob-ingest__bar-name"),
            meter(n / most, label=words),
            html.Span(f"{n:,}", className="eob-number eob-right"),
        ],
        className="eob-ingest__bar eob-ingest__bar--refused" if refused else "eob-ingest__bar",
    )


def _skipped(what: str, n: int) -> str:
    """Which products were left out because the other kind was asked for."""
    kind = {"sar products": "radar", "optical products": "optical"}.get(what)
    return f"{count(n, f'{kind} product')} left out, as asked." if kind else f"{count(n, 'product')} left out: {what}."


def _plan(told: IngestReport) -> Component:
    """The plan in words."""
    plan = told.plan
    limits = [
        f"{FLAGS[name].title.lower()} {most:.0%}" for name, most in (plan.get("limits") or {}).items() if name in FLAGS
    ]
    facts = [
        ("Patch size", _length(plan.get("patch"))),
        ("Stride", _length(plan.get("stride"))),
        *([("Further sizes", ", ".join(map(_length, plan["scales"])))] if plan.get("scales") else []),
        ("Limits", ", ".join(limits) or "none"),
        ("Area", "an area of interest" if plan.get("area") else "everywhere"),
    ]
    parts = [part for name, value in facts for part in (html.Dt(name), html.Dd(value))]
    return html.Dl(parts, className="eob-ingest__plan")


def _length(value: Any) -> str:
    text = str(value or "").strip()
    return f"{text} px" if text.isdecimal() else text.replace("m", " m") or "?"


def _flags(told: IngestReport) -> Component:
    if not told.flags:
        return empty("Nothing measured", "There are no patches.", icon_name="info")
    head = html.Tr([html.Th("Flag"), *[html.Th(words, className="eob-right") for words in _FLAG_COLUMNS]])
    rows = [
        html.Tr(
            [
                html.Td(FLAGS[name].title, title=FLAGS[name].help),
                *[
                    html.Td(_share(values[key]), className="eob-number eob-right")
                    for key in ("mean", "p50", "p95", "max")
                ],
                html.Td(
                    f"{values['over']:,.0f}", className="eob-number eob-right", title=f"above {FLAGS[name].notable:g}"
                ),
            ]
        )
        for name, values in told.flags.items()
        if name in FLAGS
    ]
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="eob-table")
    return html.Div(table, className="eob-scroll", tabIndex=0, role="region", **{"aria-label": "Quality flags"})


def _features(kinds: Sequence[tuple[FeatureSetInfo, FeatureStatistics]]) -> Component:
    if not kinds:
        return html.P("No descriptor is computed yet.", className="eob-muted")
    columns = [html.Th(words, className="eob-right", title=help) for words, help in _FEATURE_COLUMNS]
    rows = [
        html.Tr([html.Td(info.kind), *[html.Td(text, className="eob-number eob-right") for text in _numbers(told)]])
        for info, told in kinds
    ]
    table = html.Table(
        [html.Thead(html.Tr([html.Th("Descriptor"), *columns])), html.Tbody(rows)], className="eob-table"
    )
    broken = ", ".join(info.kind for info, told in kinds if told.not_finite)
    most = max(told.sample for _, told in kinds)
    notes = [f"Some numbers of {broken} are not finite."] if broken else []
    notes += [f"Measured on {most:,} patches, spread evenly."] if any(t.sample < t.rows for _, t in kinds) else []
    return html.Div(
        [
            html.Div(table, className="eob-scroll", tabIndex=0, role="region", **{"aria-label": "Descriptors"}),
            *[html.P(text, className="eob-muted eob-small") for text in notes],
        ],
        className="eob-stack",
    )


_FEATURE_COLUMNS = (
    ("Patches", "patches that are described"),
    ("Numbers", "numbers a patch"),
    ("Lowest", "the lowest number of all"),
    ("Highest", "the highest number of all"),
    ("Constant", "numbers that are the same for every patch: they tell nothing apart"),
    (
        "Independent",
        "to how many independent numbers the set amounts: far fewer than it has where they repeat each other",
    ),
)


def _numbers(told: FeatureStatistics) -> list[str]:
    ends = [f"{value:.3g}" for value in (told.lowest, told.highest)]
    return [f"{told.rows:,}", f"{told.dim:,}", *ends, f"{told.constant:,}", f"{told.effective:.1f}"]


_FLAG_COLUMNS = ("Mean", "Median", "95 %", "Highest", "Worth a look")


def _share(value: float) -> str:
    """A flag's number; a plain 0 where there is nothing of it."""
    return f"{value:.3f}" if value else "0"


def _tallies(told: IngestReport, dataset_id: int, scenes: Mapping[str, int]) -> Component:
    """Every product with its counts; what all of them say stands above already."""
    common = set(told.notes)
    head = [
        html.Th("Product"),
        html.Th("Patches", className="eob-right"),
        html.Th("Refused", className="eob-right"),
        html.Th(""),
    ]
    rows = []
    for tally in sorted(told.products, key=lambda tally: not tally.error)[:MAX_PRODUCTS_SHOWN]:
        name = tally.name or PurePath(tally.path).name
        known = scenes.get(tally.path)
        own = " ".join(text for text in tally.notes if text not in common)
        rows.append(
            html.Tr(
                [
                    html.Td(
                        html.A(name, href=_scene(dataset_id, known)) if known else name,
                        title=tally.path,
                        className="eob-break",
                    ),
                    html.Td(f"{tally.patches:,}", className="eob-number eob-right", **{"data-name": "Patches"}),
                    html.Td(
                        f"{sum(tally.refused.values()):,}",
                        className="eob-number eob-right",
                        **{"data-name": "Refused"},
                    ),
                    html.Td(
                        html.Span(tally.error, className="eob-ingest__error") if tally.error else own,
                        className="eob-small",
                    ),
                ]
            )
        )
    more = len(told.products) - MAX_PRODUCTS_SHOWN
    rest = [html.P(f"and {more:,} more products", className="eob-muted")] if more > 0 else []
    table = html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="eob-table")
    return html.Div(
        [table, *rest],
        className="eob-scroll eob-ingest__tallies",
        tabIndex=0,
        role="region",
        **{"aria-label": "Products"},
    )
