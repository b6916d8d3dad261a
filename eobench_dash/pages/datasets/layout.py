"""A dataset's page: labels, settings, features and maps, import report, deletion."""

from dash import dcc, html
from dash.development.base_component import Component

from eobench_dash.components.ui import button, dialog, field, note, text_input
from eobench_dash.components.ui import icon as icon_of
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.importing import report_from_dict
from eobench_dash.domain.labels import PALETTE
from eobench_dash.domain.people import Role
from eobench_dash.pages import asking
from eobench_dash.pages.datasets import ids, views
from eobench_dash.services import assignments, datasets, importing
from eobench_dash.services.features import kinds_for

METHODS = [{"label": "UMAP", "value": "umap"}, {"label": "t-SNE", "value": "tsne"}]


def layout(dataset_id: int, **_: str) -> Component:
    """The page of one dataset; what only builders may do is hidden from others (and refused by the services)."""
    ws, who = asking()
    row = datasets.get_dataset(ws, who, dataset_id=dataset_id)
    found = importing.import_report(ws, who, dataset_id=dataset_id)
    report = report_from_dict(found) if found else None
    told = report.notes if report else ()
    came_in = views.ingest_view(row, told) if row.from_products else views.report_view(report, row.id)
    builds = who.role.rank >= Role.BUILDER.rank
    edits = views.may_edit(who, assignments.my_tasks(ws, who), dataset_id)
    left = html.Div(
        [_labels(edits), _card("How it came in", came_in)],
        className="eob-stack eob-stack--wide",
    )
    right = html.Div(
        [_settings(row, builds), _vectors(row, builds), _deletion(row, builds)], className="eob-stack eob-stack--wide"
    )
    stores = [dcc.Store(id=ids.DATASET, data=dataset_id), dcc.Store(id=ids.CHANGED), dcc.Store(id=ids.EDITOR_STATE)]
    body = html.Div([left, right], className="eob-columns eob-columns--even")
    return html.Div([*stores, html.Div(views.head(row), id=ids.HEAD), body, _editor()], className="eob-page")


def _card(title: str, *children: Component, hidden: bool = False, danger: bool = False) -> Component:
    classes = "eob-card eob-stack eob-card--danger" if danger else "eob-card eob-stack"
    return html.Section([html.H2(title), *children], className=classes, hidden=hidden)


def _labels(edits: bool) -> Component:
    search = dcc.Input(
        id=ids.FILTER, type="search", value="", placeholder="Find a label", className="eob-input", debounce=0.2
    )
    new = html.Div(button("New label", id=ids.NEW, icon_name="plus"), hidden=not edits)
    named = html.Label([html.Span("Find a label", className="eob-hide"), search], className="eob-grow")
    bar = html.Div([named, new], className="eob-row")
    return _card("Labels", bar, html.Div(id=ids.LABELS))


def _editor() -> Component:
    swatches = dcc.RadioItems(
        id=ids.PALETTE,
        options=[{"label": _swatch(color), "value": color} for color in PALETTE],
        inline=True,
        className="eob-palette",
    )
    fields = [
        dcc.Store(id=ids.CODE),
        field("Name", text_input(ids.NAME, maxLength=120)),
        field("Colour", text_input(ids.COLOR, maxLength=7, placeholder="#rrggbb")),
        swatches,
        field("Meaning", dcc.Textarea(id=ids.DESCRIPTION, className="eob-input", maxLength=2000), hint=_MEANING),
        html.Div(views.save_button(ids.SAVE)),
    ]
    merge = html.Div(
        [
            field("Merge into", dcc.Dropdown(id=ids.MERGE_INTO, options=[], placeholder="Another label")),
            html.P("All its patches move there in one step that can be undone.", className="eob-muted eob-small"),
            html.Div(button("Merge", id=ids.MERGE, icon_name="merge")),
        ],
        id=ids.MERGE_PART,
        className="eob-stack eob-apart",
    )
    return dialog(ids.EDITOR, "Label", [*fields, merge], small=True)


def _swatch(color: str) -> Component:
    words = html.Span(color, className="eob-hide")  # the name of the choice for who does not see it
    return html.Span(words, className="eob-swatch", style={"background": color}, title=color)


_MEANING = "What an annotator needs to know to decide: it goes into reports and exports."


def _settings(row: DatasetSummary, builds: bool) -> Component:
    public = [{"label": "Anybody may read it (where the server is open to the public)", "value": "yes"}]
    return _card(
        "Settings",
        field("Name", text_input(ids.TITLE, value=row.name, maxLength=80)),
        field("Description", dcc.Textarea(id=ids.ABOUT, value=row.description, className="eob-input")),
        field(
            "Attribution", dcc.Textarea(id=ids.ATTRIBUTION, value=row.attribution, className="eob-input"), hint=_CREDIT
        ),
        dcc.Checklist(id=ids.PUBLIC, options=public, value=["yes"] if row.public else [], className="eob-checks"),
        html.Div(views.save_button(ids.KEEP)),
        hidden=not builds,
    )


_CREDIT = "Whose data it is; it stands on reports and exports."


def _vectors(row: DatasetSummary, builds: bool) -> Component:
    kinds = kinds_for(row.modality)
    usual = "all" if "all" in kinds else next(iter(kinds), None)
    kind = dcc.Dropdown(id=ids.KIND, options=kinds, value=usual, clearable=False, searchable=False)
    method = dcc.Dropdown(id=ids.METHOD, options=METHODS, value="umap", clearable=False, searchable=False)
    feature = dcc.Dropdown(id=ids.FEATURE, options=[], placeholder="Usual", searchable=False)
    compute = button("Compute", id=ids.COMPUTE, icon_name="jobs")
    embed = button("Make a map", id=ids.EMBED, icon_name="explore")
    rows = [
        html.Div([field("Features", kind), compute], className="eob-start", hidden=not row.pictures),
        html.Div([field("Map", method), field("From features", feature), embed], className="eob-start"),
    ]
    forms = html.Div(rows, className="eob-stack", hidden=not builds)
    return _card("Features and maps", html.Div(id=ids.VECTORS), forms)


def _deletion(row: DatasetSummary, builds: bool) -> Component:
    words = (
        "Labels, history, features and maps go for good, and so does what was uploaded. Image files that were "
        "imported from a folder on the server stay where they are."
    )
    ask = html.Label(views.deletion_words(row.name), id=ids.DELETE_ASK, htmlFor=ids.DELETE_NAME)
    return _card(
        "Delete this dataset",
        note(words, "danger"),
        html.Div([ask, text_input(ids.DELETE_NAME)], className="eob-field"),
        html.Div(
            html.Button(
                [icon_of("trash"), "Delete"], id=ids.DELETE, type="button", className="eob-button eob-button--danger"
            )
        ),
        hidden=not builds,
        danger=True,
    )
