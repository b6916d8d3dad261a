"""The import dialog's changing parts: a folder's content, and the preview of what would come in."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.ui import button, chip, count, icon, note
from eobench_dash.domain.importing import ISSUE_TITLES, ImportIssue, ImportOptions, IssueKind
from eobench_dash.pages.home import ids
from eobench_dash.services.importing import CUT_FORMATS, FORMAT_TITLES, Entry
from eobench_dash.services.uploads import Preview

MAX_LABELS_SHOWN = 24
MAX_ISSUES_SHOWN = 8
FOLLOW_UP, NO_PICTURES = "follow-up", "no-pictures"


def folder_view(entries: Sequence[Entry], folder: str | None) -> Component:
    """What lies in a folder: up, "use this folder", the sub-folders and the files that can be imported."""
    up = button("Up", id=ids.entry("up"), look="quiet small", icon_name="left", disabled=folder is None)
    use = button("Import this folder", id=ids.entry("use"), look="small", icon_name="check", disabled=folder is None)
    where = html.Span(folder or "Folders on the server", className="eob-mono eob-small eob-clip eob-grow", title=folder)
    rows = [_entry(i, entry) for i, entry in enumerate(entries)]
    none = html.P(
        "No folder and no file that can be imported lies here." if folder else _NO_ROOTS,
        className="eob-muted eob-small",
    )
    head = html.Div([up, where, use], className="eob-row eob-row--tight eob-browser__head")
    return html.Div([head, html.Div(rows or none, className="eob-browser__list")], className="eob-browser")


_NO_ROOTS = "No folder is open for imports. An operator names them in EOBENCH_DATA_ROOTS; or upload your data."


def _entry(index: int, entry: Entry) -> Component:
    return html.Button(
        [icon("folder" if entry.is_dir else "file"), html.Span(entry.name, className="eob-clip")],
        id=ids.entry(index),
        type="button",
        className="eob-menu__item",
    )


def suggested_name(path: str) -> str:
    """A dataset name from a path: the last part, without its ending, blanks for underscores."""
    return PurePath(path).stem.replace("_", " ").strip()[:80] or "dataset"


def preview_view(path: str, look: Preview, pictures: Mapping[str, str], *, patch_size: int | None = None) -> Component:
    """What an import would find: format, counts, labels, samples, problems. ``pictures``: data URLs by sample path."""
    total = "unknown" if look.total_hint is None else f"{look.total_hint:,}"
    facts = [
        ("Format", FORMAT_TITLES[look.format]),
        ("Patches", total if look.complete else f"about {total}"),
        ("Labels", f"{len(look.labels):,}" if look.complete else f"{len(look.labels):,} so far"),
        ("Vectors", f"{look.vector_dim} numbers each" if look.has_vectors else "none; they can be computed"),
    ]
    if look.format in CUT_FORMATS:
        size = patch_size or 64
        facts[1] = ("Patches", f"{facts[1][1]} of {size} × {size} pixels")
    if bands := look.params.get("bands"):
        facts.append(("Bands", ", ".join(bands) if len(bands) < 4 else f"{len(bands)}: {bands[0]} … {bands[-1]}"))
    table = html.Dl([part for name, value in facts for part in (html.Dt(name), html.Dd(value))], className="eob-facts")
    where = html.P(PurePath(path).name, className="eob-mono eob-small eob-muted eob-clip", title=path)
    return html.Div(
        [where, table, *_samples(look, pictures), _labels(look.labels), *_problems(look)], className="eob-stack"
    )


def _samples(look: Preview, pictures: Mapping[str, str]) -> list[Component]:
    shown = [
        html.Figure(
            [
                html.Img(src=pictures[s.path], alt="", width="64", height="64"),
                html.Figcaption(", ".join(s.labels) or "no label"),
            ]
        )
        for s in look.samples
        if s.path is not None and s.path in pictures
    ]
    return [html.Div(shown, className="eob-samples")] if shown else []


def _labels(labels: Mapping[str, int]) -> Component:
    most = sorted(labels.items(), key=lambda item: (-item[1], item[0]))
    shown: list[Component] = [chip(f"{name} · {n:,}") for name, n in most[:MAX_LABELS_SHOWN]]
    if len(most) > MAX_LABELS_SHOWN:
        shown.append(chip(f"and {len(most) - MAX_LABELS_SHOWN:,} more"))
    return html.Div(shown or [chip("no labels: patches to be annotated", "warn")], className="eob-row eob-row--tight")


def _problems(look: Preview) -> list[Component]:
    parts: list[Component] = [note(text) for text in look.notes]
    issues = look.issues
    if without_pictures(look):
        issues = tuple(issue for issue in issues if issue.kind is not IssueKind.MISSING_FILE)
        more = ", or take its vectors and labels only" if look.has_vectors else ""
        words = f"No picture was found where the file says. Upload a .zip of the file and its pictures{more}."
        parts.append(note(words, "warn"))
    if issues:
        lines = [html.Li(_issue(issue)) for issue in issues[:MAX_ISSUES_SHOWN]]
        head = html.Strong(f"{count(len(issues), 'row')} looked at would be left out; the good ones come in.")
        parts.append(note([head, html.Ul(lines, className="eob-small")], "warn"))
    return parts


def without_pictures(look: Preview) -> bool:
    """Whether rows name pictures, and not one of those looked for is there."""
    named = sum(sample.path is not None for sample in look.samples)
    return 0 < named <= sum(issue.kind is IssueKind.MISSING_FILE for issue in look.issues)


def hidden_fields(look: Preview) -> list[bool]:
    """For each of ids.FIELDS: whether the data chosen leaves it nothing to say."""
    tiffs = any((sample.path or "").lower().endswith((".tif", ".tiff")) for sample in look.samples)
    asked = {"unit": look.pictures and tiffs, "patch_size": look.format in CUT_FORMATS, "source": look.has_vectors}
    return [not asked[name] for name in ids.FIELDS]


def told_options(values: Sequence[Any]) -> ImportOptions:
    """What was said in the fields of ids.FIELDS. BadInput for what cannot be."""
    told = dict(zip(ids.FIELDS, values, strict=True))
    return ImportOptions.from_dict({name: value for name, value in told.items() if value not in (None, "")})


def choices(look: Preview) -> tuple[list[dict[str, str]], list[str]]:
    """What may be ticked before the start, and what is ticked at first."""
    then = "a map" if look.has_vectors else "features and a map"
    options = [{"label": f"Then compute {then} by itself", "value": FOLLOW_UP}]
    if look.has_vectors and look.pictures:
        options.append({"label": "Take vectors and labels only; look for no pictures", "value": NO_PICTURES})
    bare = look.has_vectors and without_pictures(look)
    return options, [FOLLOW_UP, NO_PICTURES] if bare else [FOLLOW_UP]


def _issue(issue: ImportIssue) -> str:
    return f"{ISSUE_TITLES[issue.kind]}: {issue.where}"
