"""Pieces of the home page as functions of what services answer."""

from collections.abc import Collection, Mapping, Sequence

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
    icon_button,
    link_button,
    opener,
    simulated_mark,
)
from eobench_dash.components.way import next_step, way_track
from eobench_dash.domain.datasets import DatasetSummary, Modality, Step
from eobench_dash.domain.jobs import JobInfo, JobKind, JobState
from eobench_dash.domain.people import Principal, Role
from eobench_dash.pages.home import ids
from eobench_dash.services.activity import ActivityInfo
from eobench_dash.services.assignments import TaskInfo

STRIP = 10
"""Thumbnails on a card."""


def may_build(who: Principal) -> bool:
    """Whether ``who`` may import datasets and start their steps."""
    return who.role.rank >= Role.BUILDER.rank


def dataset_list(
    rows: Sequence[DatasetSummary],
    who: Principal,
    *,
    busy: Mapping[int, JobInfo],
    mine: Collection[int] = (),
) -> Component:
    """Every dataset as a card; or what to do where there is none.

    ``busy``: the job at work on a dataset, by its id; ``mine``: datasets in which something is assigned to ``who``.
    """
    if not rows and busy:
        on_its_way = empty("On its way", "The first dataset stands here as soon as it is in.", icon_name="ingest")
        return html.Div(on_its_way, className="eob-card")
    if not rows:
        return _no_datasets(who)
    cards = [
        dataset_card(row, job=busy.get(row.id), builds=may_build(who), cleans=may_build(who) or row.id in mine)
        for row in rows
    ]
    return html.Div(cards, className="eob-datasets")


def dataset_card(row: DatasetSummary, *, job: JobInfo | None, builds: bool, cleans: bool) -> Component:
    """One dataset: some of its patches, its numbers, its way, and the next step as a button.

    ``builds``, ``cleans``: whether who looks may start its steps, and change its labels.
    """
    name = html.A(row.name, href=f"/explore/{row.id}", className="eob-dataset__name")
    title = html.Div([html.H2(name, className="eob-clip"), *_marks(row)], className="eob-row eob-row--tight")
    settings = html.A(
        [icon("gear"), html.Span(f"Labels and settings of {row.name}", className="eob-hide")],
        href=f"/datasets/{row.id}",
        className="eob-button eob-button--quiet eob-button--icon eob-button--small",
        title="Labels and settings",
    )
    head = html.Div([title, settings], className="eob-row eob-row--apart eob-dataset__head")
    actions = html.Div(_action(row, job, builds=builds, cleans=cleans), className="eob-dataset__action")
    foot = html.Div([way_track(row.steps), actions], className="eob-row eob-row--apart")
    words = html.P(numbers(row), className="eob-muted eob-small")
    return html.Article(
        [strip(row), html.Div([head, words, foot], className="eob-stack")], className="eob-card eob-dataset"
    )


def strip(row: DatasetSummary) -> Component:
    """A few patches, spread evenly over the dataset; a thin line for one without pictures."""
    if not row.pictures:
        return html.Div(className="eob-strip eob-strip--none")
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
        parts.append(f"{count(row.changed_count, 'patch', 'patches')} relabelled since import")
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
        *([_cut(row)] if row.from_products else []),
        *([] if row.pictures else [chip("vectors only", title="It came without pictures.")]),
        *([chip("public", "accent", icon_name="globe")] if row.public else []),
    ]


def _cut(row: DatasetSummary) -> Component:
    words = chip("from products", icon_name="satellite", title="Its patches are windows into products: the report")
    return html.A(words, href=f"/ingest?report={row.id}", className="eob-dataset__report")


def _action(row: DatasetSummary, job: JobInfo | None, *, builds: bool, cleans: bool) -> list[Component]:
    """What to do next, the step itself as the main button. While a job is at work nothing else is started from here."""
    steps, step = row.steps, next_step(row.steps)
    working = [] if job is None else [_at_work(job)]
    if step in {Step.DESCRIBED, Step.MAPPED}:
        words = "Compute features" if step == Step.DESCRIBED else "Make the map"
        start = button(words, id=ids.next_step(row.id, step.value), look="primary small", icon_name="jobs")
        return working or ([start] if builds else [])
    explore, verify, publish = (
        (words, f"/{page}/{row.id}", page)
        for words, page in (("Explore and clean" if cleans else "Explore", "explore"), ("Verify", "verify"),
                            ("Publish", "publish"))
    )  # fmt: skip
    main = {Step.CLEANED: explore, Step.VERIFIED: verify}.get(step, publish) if step else publish
    other = (publish if Step.VERIFIED in steps else verify) if main is explore else explore
    return [
        *working,
        link_button(other[0], other[1], icon_name=other[2], look="small"),
        link_button(main[0], main[1], icon_name=main[2], look="small" if working else "primary small"),
    ]


_WORK = {
    JobKind.IMPORT: "Importing",
    JobKind.INGEST: "Cutting patches",
    JobKind.FEATURES: "Computing features",
    JobKind.ENCODE: "Running a model",
    JobKind.EMBED: "Making a map",
    JobKind.SHEETS: "Making thumbnails",
    JobKind.CLUSTER: "Finding clusters",
    JobKind.ADVISE: "Looking at the labels",
    JobKind.VERIFY: "Verifying",
    JobKind.DELETE: "Deleting",
}


def _at_work(job: JobInfo) -> Component:
    share = {JobState.QUEUED: "waiting", JobState.PAUSED: "paused"}.get(job.state, f"{job.progress:.0%}")
    return chip(f"{_WORK.get(job.kind, 'At work')} · {share}", "accent", title=f"{job.title}. {job.message}".strip())


def _no_datasets(who: Principal) -> Component:
    if not may_build(who):
        text = "As soon as a builder has imported one that is open to you, it stands here."
        return html.Div(empty("No dataset yet", text, icon_name="satellite"), className="eob-card")
    text = (
        "Cut Sentinel products, or other rasters, into patches; or bring in patches that you have, download EuroSAT, "
        "or let the program simulate some to look around. Features and a map are computed by themselves afterwards."
    )
    ways = [
        link_button("Ingest products", "/ingest", look="primary", icon_name="ingest"),
        opener("Import the first dataset", ids.IMPORT, icon_name="plus"),
    ]
    return html.Div(empty("An empty workspace", text, icon_name="satellite", actions=ways), className="eob-card")


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
    turn = ("Open again", "retry") if task.done else ("I have finished", "check")
    words = f"{turn[0]}: {task.label or 'the whole dataset'} of {task.dataset}"
    press = icon_button(words, turn[1], id=ids.task(task.id, "open" if task.done else "done"), look="quiet small")
    return html.Li([html.A(lines, href=href, className="eob-task eob-grow"), press], className="eob-row eob-nowrap")


def activity(lines: Sequence[ActivityInfo]) -> list[Component]:
    """What happened lately, newest first."""
    if not lines:
        none = html.P("Nothing has happened yet.", className="eob-muted eob-small")
        return [_side("Recent activity", none)]
    return [_side("Recent activity", html.Ol([_line(line) for line in lines], className="eob-activity"))]


def _line(line: ActivityInfo) -> Component:
    name = _ICONS.get(line.kind, "annotate")
    known = line.dataset_id is not None and line.kind != "job"
    where = html.A(line.dataset, href=f"/explore/{line.dataset_id}") if known else None
    into = " into " if line.kind == "import" else " in "
    what = f"{count(line.patches, 'patch', 'patches')} imported" if line.kind == "import" else line.what
    words = html.Span([what, *([into, where] if where else [])], className="eob-break")
    by = html.Span([line.who or "the system", ", ", ago(line.at)], className="eob-muted eob-small")
    return html.Li([icon(name), html.Div([words, by], className="eob-grow")], title=line.why or None)


_ICONS = {"job": "jobs", "import": "ingest", "undo": "retry", "merge": "merge"}


def _side(title: str, body: Component) -> Component:
    return html.Div([html.H2(title), body], className="eob-card")
