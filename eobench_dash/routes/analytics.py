"""What charts ask: the patches behind an element, and the numbers behind a chart as CSV."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from flask import Blueprint, Response, jsonify, request, send_file

from eobench_dash.auth import current_principal, rule
from eobench_dash.domain.analytics import ANYBODY, Members, cross_counts
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import Principal
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.reports import table_csv
from eobench_dash.routes.answers import workspace
from eobench_dash.routes.bodies import whole_number
from eobench_dash.services import analytics, clusters, datasets, labels
from eobench_dash.services.changes import label_codes
from eobench_dash.services.publishing import file_stem
from eobench_dash.services.workspace import Workspace

blueprint = Blueprint("analytics", __name__)

HIGH = 2**31 - 1
Table: TypeAlias = tuple[Sequence[str], Iterable[Sequence[object]]]


@blueprint.get("/api/datasets/<int(max=2147483647):dataset_id>/members")
@rule("reader")
def members(dataset_id: int) -> Response:
    """The patches behind an element of a chart: ``{"ordinals": [...], "words": "...", "more": false}``.

    ``?before=3&after=5`` (label codes): moved so since the import; ``?person=2``: changed by somebody;
    ``?time=2026-11-23`` or ``?time=2026-11-23T04``: changed then, with ``&person=2`` by somebody.
    """
    ws, who = workspace(), current_principal()
    return jsonify(_members(ws, who, dataset_id))


def _members(ws: Workspace, who: Principal, dataset_id: int) -> Members:
    asked = set(request.args)
    if asked == {"before", "after"}:
        before, after = (whole_number(name, 0, high=NO_LABEL) for name in ("before", "after"))
        return analytics.members_of_move(ws, who, dataset_id=dataset_id, before=before, after=after)
    person = whole_number("person", 0, high=HIGH) if request.args.get("person", "-1") != "-1" else ANYBODY
    if asked == {"person"}:
        return analytics.members_of_person(ws, who, dataset_id=dataset_id, person=person)
    if asked in ({"time"}, {"time", "person"}):
        start = request.args["time"]
        return analytics.members_of_time(ws, who, dataset_id=dataset_id, start=start, person=person)
    raise BadInput("Ask for the members of a move (before and after), of a person, or of a time.")


@blueprint.get("/download/datasets/<int(max=2147483647):dataset_id>/charts/<what>.csv")
@rule("reader")
def chart_csv(dataset_id: int, what: str) -> Response:
    """The numbers behind a chart: all of them, also where the chart shows the largest only."""
    ws, who = workspace(), current_principal()
    if what not in TABLES:
        raise NotFound(f"There is no chart of that name; the charts are {', '.join(TABLES)}.")
    name = datasets.get_dataset(ws, who, dataset_id=dataset_id).name
    columns, rows = TABLES[what](ws, who, dataset_id)
    content = io.BytesIO(table_csv(columns, rows))
    filename = f"{file_stem(name)}-{what}.csv"
    response = send_file(content, mimetype="text/csv", as_attachment=True, download_name=filename)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _labels(ws: Workspace, who: Principal, dataset_id: int) -> Table:
    dataset = datasets.get_dataset(ws, who, dataset_id=dataset_id)
    rows = [(label.name, label.count) for label in labels.list_labels(ws, who, dataset_id=dataset_id)]
    return ("label", "patches"), [*rows, ("", dataset.patch_count - dataset.labelled_count)]


def _moves(ws: Workspace, who: Principal, dataset_id: int) -> Table:
    moves = analytics.before_after(ws, who, dataset_id=dataset_id)
    named = [["" if ref.code == NO_LABEL else ref.name for ref in (m.before, m.after)] for m in moves]
    return ("label at import", "label now", "patches"), [
        (before, after, m.patches) for (before, after), m in zip(named, moves, strict=True)
    ]


def _time(ws: Workspace, who: Principal, dataset_id: int) -> Table:
    shares = analytics.over_time(ws, who, dataset_id=dataset_id, step="hour").shares
    return ("hour (UTC)", "person", "steps", "patches changed"), [
        (share.start.isoformat(timespec="minutes"), share.name, share.batches, share.patches) for share in shares
    ]


def _people(ws: Workspace, who: Principal, dataset_id: int) -> Table:
    shares = analytics.by_person(ws, who, dataset_id=dataset_id)
    return ("person", "steps", "patches changed", "taken back"), [
        (share.name, share.batches, share.patches, share.undone) for share in shares
    ]


def _clusters(ws: Workspace, who: Principal, dataset_id: int) -> Table:
    """``?set=7``: every pair of cluster and label (now) that occurs."""
    chosen = whole_number("set", 0, high=HIGH)
    found = clusters.get_cluster_set(ws, who, dataset_id=dataset_id, cluster_set_id=chosen)
    codes = clusters.cluster_codes(ws, who, dataset_id=dataset_id, cluster_set_id=chosen)
    now, _ = label_codes(ws, who, dataset_id=dataset_id)
    n = min(len(codes), len(now))  # patches may be appended between the two
    counts, columns = cross_counts(codes[:n], now[:n], row_codes=[c.index for c in found.clusters])
    names = {label.code: label.name for label in labels.list_labels(ws, who, dataset_id=dataset_id)}
    return ("cluster", "label", "patches"), [
        (cluster.name, names.get(code, ""), n)
        for cluster, row in zip(found.clusters, counts.tolist(), strict=True)
        for code, n in zip(columns, row, strict=True)
        if n
    ]


TABLES: Mapping[str, Callable[[Workspace, Principal, int], Table]] = {
    "labels": _labels,
    "changes": _moves,
    "time": _time,
    "people": _people,
    "clusters": _clusters,
}
