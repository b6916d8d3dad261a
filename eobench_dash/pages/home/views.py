"""Pieces of the home page as functions of what services answer."""

from collections.abc import Mapping, Sequence

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.jobs import job_row
from eobench_dash.components.ui import (
    ago,
    button,
    chip,
    count,
    dot,
    empty,
    icon,
    link_button,
    opener,
    simulated_mark,
)
from eobench_dash.components.way import next_step, way_track
from eobench_dash.domain.datasets import DatasetSummary, Modality, Step
from eobench_dash.domain.jobs import JobInfo
from eobench_dash.domain.people import Principal, Role
from eobench_dash.pages.home import ids
from eobench_dash.services.activity import ActivityInfo
from eobench_dash.services.assignments import TaskInfo

STRIP = 10
"""Thumbnails on a card."""


def may_build(who: Principal) -> bool:
    """Whether ``who`` may import datasets and start their steps."""
    return who.role.rank >= Role.BUILDER.rank


def dataset_list(rows: Sequence[DatasetSummary], who: Principal, *, busy: Mapping[int, JobInfo]) -> Component:
    """Every dataset as a card; or what to do where there is none. ``busy``: the job at work on a dataset, by its id."""
    if not rows and busy:
        on_its_way = empty("On its way", "The first dataset stands here as soon as it is in.", icon_name="ingest")
        return html.Div(on_its_way, className="eob-card")
    if not rows:
        return _no_datasets(who)
    cards = [dataset_card(row, who, job=busy.get(row.id)) for row in rows]
    return html.Div(cards, className="eob-datasets")


def dataset_card(row: DatasetSummary, who: Principal, *, job: JobInfo | None) -> Component:
    """One dataset: some of its patches, its numbers, its way, and the next step as a button."""
    name = html.A(row.name, href=f"/explore/{row.id}", className="eob-dataset__name")
    title = html.Div([html.H2(name, className="eob-clip"), *_marks(row)], className="eob-row eob-row--tight")
    settings = html.A(
        [icon("gear"), html.Span(f"Labels and settings of {row.name}", className="eob-hide")],
        href=f"/datasets/{row.id}",
        className="eob-button eob-button--quiet eob-button--icon eob-button--small",
        title="Labels and settings",
    )
    head = html.Div([title, settings], className="eob-row eob-row--apart eob-dataset__head")
    actions = html.Div(_action(row, who, job), className="eob-dataset__action")
    foot = html.Div([way_track(row.steps), actions], className="eob-row eob-row--apart")
    words = html.P(numbers(row), className="eob-muted eob-small")
    return html.Article(
        [strip(row), html.Div([head, words, foot], className="eob-stack")], className="eob-card eob-dataset"
    )


def strip(row: DatasetSummary) -> Component:
    """A few patches, spread evenly over the dataset."""
    n = min(STRIP, row.patch_count)
    ordinals = [(2 * i + 1) * row.patch_count // (2 * n) for i in range(n)]
    pictures = [
        html.Img(src=f"/data/datasets/{row.id}/patches/{o}/image?size=64", alt="", width="64", height="64")
        for o in ordinals
    ]
    return html.A(pictures, href=f"/explore/{row.id}", className="eob-strip", tabIndex="-1", **{"aria-hidden": "true"})


def numbers(row: DatasetSummary) -> str:
    """The dataset's counts in a line."""
    share = row.labelled_count / row.patch_count if row.patch_count else 0.0
    parts = [count(row.patch_count, "patch", "patches"), count(row.label_count, "label"), f"{_percent(share)} labelled"]
    if row.changed_count:
        parts.append(f"{count(row.changed_count, 'label')} changed since import")
    return " · ".join(parts)


def _percent(share: float) -> str:
    """Whole percents that say 0 and 100 only where they are true."""
    percent = round(100 * share)
    if 0 < share < 1:
        percent = min(max(percent, 1), 99)
    return f"{percent} %"


def _marks(row: DatasetSummary) -> list[Component]:
    return [
        *([simulated_mark()] if row.simulated else []),
        *([chip("SAR", title="Synthetic aperture radar")] if row.modality == Modality.SAR else []),
        *([chip("public", "accent", icon_name="globe")] if row.public else []),
    ]


def _action(row: DatasetSummary, who: Principal, job: JobInfo | None) -> list[Component]:
    if job is not None:
        share = f"{job.progress:.0%}" if job.progress else "waiting"
        return [chip(f"{job.title.split(' ' + row.name)[0]} · {share}", "accent", title=job.message)]
    step = next_step(row.steps)
    clean = "Explore and clean" if who.role.rank >= Role.EXPERT.rank else "Explore"
    explore = link_button("Explore", f"/explore/{row.id}", icon_name="explore", look="small")
    if step in {Step.DESCRIBED, Step.MAPPED}:
        words = "Compute features" if step == Step.DESCRIBED else "Make the map"
        start = button(words, id=ids.next_step(row.id, step.value), look="primary small", icon_name="jobs")
        return [start] if may_build(who) else []
    if step == Step.CLEANED:
        return [
            link_button("Verify", f"/verify/{row.id}", icon_name="verify", look="small"),
            link_button(clean, f"/explore/{row.id}", icon_name="explore", look="primary small"),
        ]
    if step == Step.VERIFIED:
        return [explore, link_button("Verify", f"/verify/{row.id}", icon_name="verify", look="primary small")]
    return [explore, link_button("Publish", f"/publish/{row.id}", icon_name="publish", look="primary small")]


def _no_datasets(who: Principal) -> Component:
    if not may_build(who):
        text = "As soon as a builder has imported one that is open to you, it stands here."
        return html.Div(empty("No dataset yet", text, icon_name="satellite"), className="eob-card")
    text = (
        "Bring in a folder of labelled patches or a JSON file, download EuroSAT, or let the program simulate one "
        "to look around. Features and a map are computed by themselves afterwards."
    )
    first = opener("Import the first dataset", ids.IMPORT, look="primary", icon_name="plus")
    return html.Div(empty("An empty workspace", text, icon_name="satellite", actions=[first]), className="eob-card")


def jobs_now(jobs: Sequence[JobInfo]) -> list[Component]:
    """The jobs on their way, large; nothing where there are none."""
    if not jobs:
        return []
    rows = [job_row(job, at="home") for job in jobs]
    return [html.Section([html.H2("At work"), *rows], className="eob-card")]


def tasks(mine: Sequence[TaskInfo]) -> list[Component]:
    """What is assigned to who asks, unfinished first."""
    if not mine:
        none = "Nothing is assigned to you. What a builder gives you to clean stands here."
        return [_side("My tasks", html.P(none, className="eob-muted eob-small"))]
    return [_side("My tasks", html.Ul([_task(task) for task in mine], className="eob-tasks"))]


def _task(task: TaskInfo) -> Component:
    group = [dot(task.color), html.Strong(task.label)] if task.label else [html.Strong("The whole dataset")]
    words = f"{task.dataset} · {count(task.patches, 'patch', 'patches')} · {task.changed:,} changed by you"
    href = f"/explore/{task.dataset_id}" + (f"?label={task.label_code}" if task.label_code is not None else "")
    lines = [
        html.Span([*group, *([chip("done", "ok")] if task.done else [])], className="eob-row eob-row--tight"),
        html.Span(words, className="eob-muted eob-small"),
        *([html.Span(task.note, className="eob-small")] if task.note else []),
    ]
    return html.Li(html.A(lines, href=href, className="eob-task"))


def activity(lines: Sequence[ActivityInfo]) -> list[Component]:
    """What happened lately, newest first."""
    if not lines:
        none = html.P("Nothing has happened yet.", className="eob-muted eob-small")
        return [_side("Recent activity", none)]
    return [_side("Recent activity", html.Ol([_line(line) for line in lines], className="eob-activity"))]


def _line(line: ActivityInfo) -> Component:
    name = _ICONS.get(line.kind, "annotate")
    where = html.A(line.dataset, href=f"/explore/{line.dataset_id}") if line.dataset_id and line.kind != "job" else None
    what = f"{count(line.patches, 'patch', 'patches')} imported" if line.kind == "import" else line.what
    words = html.Span([what, *([" in ", where] if where else [])], className="eob-break")
    by = html.Span([line.who or "the system", ", ", ago(line.at)], className="eob-muted eob-small")
    return html.Li([icon(name), html.Div([words, by], className="eob-grow")], title=line.why or None)


_ICONS = {"job": "jobs", "import": "ingest", "undo": "retry", "merge": "merge"}


def _side(title: str, body: Component) -> Component:
    return html.Div([html.H2(title), body], className="eob-card")
