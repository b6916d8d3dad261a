"""The import dialog: four sources, then a preview with options, then the start."""

from dash import dcc, html
from dash.development.base_component import Component

from eobench_dash.components.ui import button, dialog, field, icon, note, text_input
from eobench_dash.pages.home import ids

SOURCES = (
    ("browse", "On the server"),
    ("upload", "Upload"),
    ("eurosat", "EuroSAT"),
    ("simulate", "Simulate"),
)
_MODALITIES = [{"label": "Optical", "value": "optical"}, {"label": "SAR", "value": "sar"}]


def import_dialog() -> Component:
    """The dialog, closed."""
    source = dcc.RadioItems(
        id=ids.SOURCE,
        options=[{"label": words, "value": name} for name, words in SOURCES],
        value="browse",
        className="eob-tabs",
        inline=True,
    )
    panels = [
        html.Div(html.Div(id=ids.BROWSER), id=ids.PANEL_BROWSE),
        html.Div(_upload(), id=ids.PANEL_UPLOAD, hidden=True),
        html.Div(_eurosat(), id=ids.PANEL_EUROSAT, hidden=True),
        html.Div(_simulate(), id=ids.PANEL_SIMULATE, hidden=True),
    ]
    stores = [dcc.Store(id=name) for name in (ids.FOLDER, ids.ENTRIES, ids.CHOSEN, ids.CLOSE)]
    preview = dcc.Loading(html.Div(id=ids.PREVIEW), delay_show=250, className="eob-wait")
    return dialog(ids.IMPORT, "Import a dataset", [*stores, source, *panels, preview, _options()])


def _upload() -> Component:
    """home.js puts a file field and the progress into the empty place."""
    words = [
        html.Strong("Drop a file here, or choose one"),
        html.P(
            "A .zip with one folder of images for each label, or vectors computed elsewhere: "
            ".json, .jsonl, .ndjson, .csv, .npy, .npz or .parquet.",
            className="eob-muted eob-small",
        ),
    ]
    return html.Div(
        [
            icon("upload"),
            *words,
            button("Choose a file", look="small", **{"data-eob-upload": ""}),
            html.Div(id=ids.UPLOAD),
        ],
        className="eob-drop",
        **{"data-eob-drop": ""},
    )


def _eurosat() -> Component:
    text = (
        "27,000 Sentinel-2 patches of 64 × 64 pixels in ten land-cover classes (Helber et al., MIT licence), about "
        "94 MB from its Zenodo record. Downloaded once, checked against the record's checksum, then imported."
    )
    start = button("Download and import EuroSAT", id=ids.EUROSAT, look="primary", icon_name="download")
    return html.Div([html.P(text), html.Div(start)], className="eob-stack")


def _simulate() -> Component:
    words = "Scenes made by a seeded program, to look around or to test at scale. They are marked wherever they appear."
    fields = [
        field("Name", text_input(ids.SIM_NAME, value="Simulated land cover", maxLength=80)),
        field("Kind", _modality(ids.SIM_MODALITY)),
        field(
            "Patches",
            dcc.Input(id=ids.SIM_COUNT, type="number", value=5000, min=1, max=10_000_000, className="eob-input"),
        ),
        field("Seed", dcc.Input(id=ids.SIM_SEED, type="number", value=1, min=0, max=2**31 - 1, className="eob-input")),
    ]
    start = button("Simulate", id=ids.SIMULATE, look="primary", icon_name="spark")
    return html.Div([note(words), html.Div(fields, className="eob-fields"), html.Div(start)], className="eob-stack")


def _modality(id: str) -> Component:
    return dcc.RadioItems(id=id, options=_MODALITIES, value="optical", inline=True, className="eob-tabs")


def _told_fields() -> dict[str, Component]:
    """What the data may not say itself, by the names of ids.FIELDS."""
    units = [
        {"label": "As the files have them", "value": "auto"},
        {"label": "Decibels", "value": "dB"},
        {"label": "Linear power", "value": "power"},
    ]
    unit = dcc.Dropdown(id=ids.told("unit"), options=units, value="auto", clearable=False)
    size = dcc.Input(
        id=ids.told("patch_size"), type="number", value=64, min=1, max=1024, className="eob-input", debounce=True
    )
    source = text_input(ids.told("source"), placeholder="Model, version, data", maxLength=300, debounce=True)
    return {
        "unit": field("Pixel values", unit, hint="SAR in decibels becomes linear power when read."),
        "patch_size": field("Patch size", size, hint="Pixels along each side; a patch has the mean of its vectors."),
        "source": field("Where the vectors come from", source, hint="Kept with them, for whoever reads the results."),
    }


def _options() -> Component:
    """Shown once a preview stands."""
    into = dcc.Dropdown(id=ids.APPEND, options=[], placeholder="A new dataset", clearable=True)
    fields = [
        field("Name", text_input(ids.NAME, maxLength=80), hint="Yours to choose; it can be changed later."),
        field("Append to", into, hint="Takes what is new in that dataset's own folder."),
        field("Kind", _modality(ids.MODALITY), hint="What the pixels measure decides which features fit."),
        *(html.Div(asked, id=ids.told_field(name), hidden=True) for name, asked in _told_fields().items()),
    ]
    follow = dcc.Checklist(id=ids.TICKED, options=[], value=[], className="eob-checks")
    start = button("Start the import", id=ids.START, look="primary", icon_name="ingest")
    foot = html.Div([follow, start], className="eob-row eob-row--apart")
    return html.Div(
        [html.Div(fields, className="eob-fields"), foot], id=ids.OPTIONS, className="eob-stack", hidden=True
    )
