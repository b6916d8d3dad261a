"""The ingest page: what is chosen on the left, the scene with its grid on the right; or the report of an ingest."""

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from eobench_dash.components.ui import button, field, icon_button, page_head, text_input
from eobench_dash.domain.ingesting import FLAGS, USUAL_LIMITS
from eobench_dash.domain.people import Role, require
from eobench_dash.errors import NotFound
from eobench_dash.pages import asking
from eobench_dash.pages.ingest import ids, views
from eobench_dash.pages.ingest.report import report
from eobench_dash.services import datasets, features, importing, ingesting, products

LEAD = "Cut Sentinel products, or any other rasters, into patches with a place, and describe them."
PREVIEWED_FLAGS = ("nodata", "cloud", "blur", "saturation", "black_edge", "border_noise")


def layout(*, report: str = "", **_: str) -> Component:
    """The page; ``?report=7`` shows, to everybody who may see it, what the ingest of that dataset did."""
    ws, who = asking()
    if report:
        return _report(report)
    require(who, Role.BUILDER, what="ingest products")
    left = html.Div(
        [
            views.step(1, "Products", _products()),
            views.step(2, "Grid", _grid()),
            views.step(3, "Descriptors", _descriptors()),
            views.step(4, "Start", _start()),
        ],
        className="eob-stack eob-ingest__left",
    )
    roots = importing.browse(ws, who, folder=None)
    return html.Div(
        [
            page_head("Ingest", LEAD),
            *[
                dcc.Store(id=name)
                for name in (ids.FOLDER, ids.ENTRIES, ids.SHOWN, ids.FORM, ids.ASKED, ids.JOB, ids.DREW)
            ],
            html.Div([left, _preview()], className="eob-ingest__columns"),
        ],
        id=ids.ROOT,
        className="eob-page eob-page--wide eob-ingest",
        **{"data-roots": str(len(roots))},
    )


def _report(number: str) -> Component:
    ws, who = asking()
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise NotFound("There is no such report.")
    dataset = datasets.get_dataset(ws, who, dataset_id=int(number))
    found = ingesting.ingest_report(ws, who, dataset_id=dataset.id)
    if found is None:
        raise NotFound(f"{dataset.name} was not cut from products: there is no ingest report.")
    kinds = features.feature_statistics(ws, who, dataset_id=dataset.id)
    scenes = {one.path: one.id for one in products.dataset_products(ws, who, dataset_id=dataset.id)}
    return report(dataset, found, kinds, scenes, builds=who.role.rank >= Role.BUILDER.rank)


def _products() -> list[Component]:
    only = dcc.RadioItems(
        id=ids.ONLY,
        options=[
            {"label": "As found", "value": "auto"},
            {"label": "Optical only", "value": "optical"},
            {"label": "Radar only", "value": "sar"},
        ],
        value="auto",
        inline=True,
        className="eob-tabs",
    )
    ticks = html.Div(
        [
            html.Span("Products", className="eob-field__label eob-grow"),
            button("All", id=ids.TICK_ALL, look="quiet small"),
            button("None", id=ids.TICK_NONE, look="quiet small"),
        ],
        className="eob-row eob-row--tight",
    )
    found = dcc.Checklist(id=ids.FOUND, options=[], value=[], className="eob-ingest__found")
    none = html.P(views.NO_FOLDER, id=ids.NONE, role="status", className="eob-ingest__none eob-muted eob-small")
    listed = html.Div([found, none], className="eob-ingest__box")
    return [
        dcc.Loading(html.Div(id=ids.BROWSER), delay_show=250, className="eob-wait"),
        html.Div([ticks, dcc.Loading(listed, delay_show=250, className="eob-wait")], className="eob-ingest__list"),
        field("Take", only, hint="One dataset holds radar or optical products, not both."),
    ]


def _grid() -> list[Component]:
    def number(id: str, **more: Any) -> dcc.Input:
        return dcc.Input(id=id, type="number", debounce=0.6, className="eob-input", **more)

    def text(id: str, value: str = "", **more: Any) -> Component:
        return text_input(id, value=value, debounce=0.6, **more)

    sizes = [
        field("Patch size", text(ids.PATCH, "64"), hint="Pixels, or metres as 640m."),
        field("Stride", text(ids.STRIDE, placeholder="as the patch size"), hint="Smaller: patches overlap."),
        field("Further sizes", text(ids.SCALES, placeholder="none"), hint="Such as 128, 256: coarse to fine."),
    ]
    reading = [
        field("Pixel size (m)", number(ids.RESOLUTION, placeholder="the product's", min=0.1, step="any")),
        field("Bands", dcc.Dropdown(id=ids.BANDS, options=[], value=[], multi=True, placeholder="all")),
        field("Numbers are", dcc.Dropdown(id=ids.UNIT, options=views.UNITS, value="auto", clearable=False)),
    ]
    grid = dcc.Checklist(
        id=ids.GRID,
        options=[{"label": "Radar north-up on a map grid (else in its own geometry)", "value": "grid"}],
        value=[],
        className="eob-checks",
    )
    usual = round(100 * USUAL_LIMITS["nodata"])
    limits = [
        field("At most without data (%)", number(ids.NODATA, value=usual, min=0, max=100)),
        field("At most cloudy (%)", number(ids.CLOUD, placeholder="no limit", min=0, max=100)),
    ]
    area = dcc.Textarea(
        id=ids.AREA,
        value="",
        placeholder="west, south, east, north in degrees, or GeoJSON; or draw it on the picture",
        className="eob-input eob-ingest__area",
        rows=2,
        spellCheck=False,
    )
    return [
        html.Div(sizes, className="eob-fields"),
        html.Div(reading, className="eob-fields"),
        grid,
        html.Div(limits, className="eob-fields"),
        field("Area of interest", area, hint="A patch is kept if its middle lies inside. Empty: everywhere."),
    ]


def _descriptors() -> list[Component]:
    kinds = dcc.Checklist(id=ids.KINDS, options=views.kind_options(), value=["all"], className="eob-ingest__kinds")
    return [
        html.P(
            "Computed in one pass over the patches; the first one's map follows. More can be added later.",
            className="eob-muted eob-small",
        ),
        kinds,
    ]


def _start() -> list[Component]:
    fields = [
        field("Name of the dataset", text_input(ids.NAME, maxLength=80, debounce=0.6)),
        field(
            "Attribution",
            text_input(ids.ATTRIBUTION, value="Contains modified Copernicus Sentinel data", debounce=0.6),
            hint="Whom the data is owed to; shown on pages and in reports.",
        ),
    ]
    start = button("Cut the patches", id=ids.START, look="primary", icon_name="ingest", disabled=True)
    return [
        html.Div(fields, className="eob-fields"),
        dcc.Loading(html.Div(views.nothing_chosen(), id=ids.ESTIMATE), delay_show=400, className="eob-wait"),
        html.Div(start),
        html.Div(id=ids.PROGRESS, **{"aria-live": "polite"}),
    ]


def _preview() -> Component:
    head = html.Div(
        [
            icon_button("The product before this one", "left", look="quiet small", **{"data-ingest": "before"}),
            icon_button("The next product", "right", look="quiet small", **{"data-ingest": "next"}),
            html.Div(views.no_facts(), id=ids.FACTS, className="eob-grow eob-ingest__facts"),
        ],
        className="eob-row eob-row--tight eob-nowrap",
    )
    flags = [{"label": FLAGS[name].title, "value": name} for name in PREVIEWED_FLAGS]
    tools = html.Div(
        [
            html.Label("Colour by", htmlFor=ids.FLAG, className="eob-hide"),
            dcc.Dropdown(
                id=ids.FLAG,
                options=flags,
                value="nodata",
                clearable=False,
                searchable=False,
                className="eob-ingest__flag",
            ),
            html.Div(className="eob-ingest__scales", **{"data-ingest-scales": ""}),
            html.Span(className="eob-grow"),
            button(
                "Draw area", look="quiet small", icon_name="select", **{"data-ingest": "draw", "aria-pressed": "false"}
            ),
            icon_button("Show all of it (0)", "zoom", look="quiet small", **{"data-ingest": "fit"}),
        ],
        className="eob-row eob-row--tight eob-ingest__tools",
    )
    scene = html.Div(id=ids.SCENE, className="eob-ingest__scene")
    legend = html.Div(className="eob-ingest__legend", **{"data-ingest-legend": ""})
    note = html.P(className="eob-small eob-muted eob-ingest__note", role="status", **{"data-ingest-note": ""})
    return html.Section(
        [head, tools, scene, legend, note],
        className="eob-card eob-stack eob-ingest__preview",
        **{"aria-label": "Preview of the grid"},
    )
