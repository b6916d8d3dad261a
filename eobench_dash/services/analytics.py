"""Numbers behind the charts of a dataset, and the patches behind each element of a chart."""

import re
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from eobench_dash.db.models import Label
from eobench_dash.db.queries import analytics as queries
from eobench_dash.domain.analytics import (
    ANYBODY,
    COMMAND_LINE,
    LabelMove,
    LabelRef,
    Members,
    PersonShare,
    Timeline,
    TimeShare,
)
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import Principal
from eobench_dash.errors import BadInput, NotAllowed, NotFound
from eobench_dash.services.access import MAX_ID, visible_dataset
from eobench_dash.services.workspace import Workspace

MAX_MEMBERS = 200_000
"""A chart's element lists at most so many patches for the map to show."""
HOURLY = timedelta(days=2)
"""Work that spans no more than this is told by the hour, longer work by the day."""
UNNAMED = {COMMAND_LINE: "the command line", ANYBODY: "somebody"}
_NOBODY = LabelRef(NO_LABEL, "no label", "")
_TIME = re.compile(r"([0-8]\d{3}-\d{2}-\d{2})(?:T(\d{2}))?", re.ASCII)
"""A day or an hour, up to the year 8999: it has an end that can be written."""


def by_person(ws: Workspace, who: Principal, *, dataset_id: int) -> list[PersonShare]:
    """What each person changed since the import, most first. Anonymous readers see all people as one, unnamed."""
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        rows = session.execute(queries.people(dataset_id)).all()
    shares = [PersonShare(*_person(who, user_id, name), *map(int, numbers)) for user_id, name, *numbers in rows]
    if not who.anonymous or not shares:
        return shares
    totals = [sum(column) for column in zip(*((s.batches, s.patches, s.undone) for s in shares), strict=True)]
    return [PersonShare(ANYBODY, UNNAMED[ANYBODY], *totals)]


def over_time(ws: Workspace, who: Principal, *, dataset_id: int, step: str = "auto") -> Timeline:
    """Patches changed per hour or day (UTC) and person, oldest first; ``auto`` takes hours for up to two days."""
    if step not in ("auto", "hour", "day"):
        raise BadInput("A timeline goes by the hour or by the day.")
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        rows = session.execute(queries.hours(dataset_id)).all()
    moments = [_moment(hour) for hour, *_ in rows]
    if step == "auto":
        step = "hour" if not moments or moments[-1] - moments[0] <= HOURLY else "day"
    bins: dict[tuple[datetime, int, str], list[int]] = {}
    for start, (_, user_id, name, batches, patches) in zip(moments, rows, strict=True):
        at = start.replace(hour=0) if step == "day" else start
        counts = bins.setdefault((at, *_person(who, user_id, name)), [0, 0])
        counts[0] += int(batches)
        counts[1] += int(patches)
    return Timeline(step, tuple(TimeShare(at, key, name, *counts) for (at, key, name), counts in bins.items()))


def before_after(ws: Workspace, who: Principal, *, dataset_id: int) -> list[LabelMove]:
    """Every pair of label at import and label now with its number of patches, unchanged ones too, most first."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        labels: dict[int | None, LabelRef] = {None: _NOBODY}
        for label in session.scalars(select(Label).where(Label.dataset_id == dataset_id)):
            labels[label.id] = LabelRef(label.code, label.name, label.color)
        rows = session.execute(queries.pairs(dataset))
        moves = [LabelMove(labels[before], labels[after], patches) for before, after, patches in rows]
    return sorted(moves, key=lambda m: (-m.patches, m.before.name.casefold(), m.after.name.casefold()))


def members_of_move(ws: Workspace, who: Principal, *, dataset_id: int, before: int, after: int) -> Members:
    """The patches that came in under the label ``before`` (codes; 65535: none) and carry ``after`` now."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        old, new = _coded(session, dataset_id, before), _coded(session, dataset_id, after)
        query = queries.moved(dataset, old.id if old else None, new.id if new else None)
        names = [label.name if label else _NOBODY.name for label in (old, new)]
        return _members(session, query, f"{names[0]} → {names[1]}")


def members_of_person(ws: Workspace, who: Principal, *, dataset_id: int, person: int) -> Members:
    """The patches that one person changed since the import (a user id, ``COMMAND_LINE`` or ``ANYBODY``)."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        name = _name_of(session, who, dataset_id, person)
        return _members(session, queries.changed(dataset, person=person), f"changed by {name}")


def members_of_time(ws: Workspace, who: Principal, *, dataset_id: int, start: str, person: int = ANYBODY) -> Members:
    """The patches changed on a day (``2026-11-23``) or in an hour (``2026-11-23T04``), UTC; by one person, if given."""
    begin = _moment(start)
    hourly = "T" in start
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        by = "" if person == ANYBODY else f" by {_name_of(session, who, dataset_id, person)}"
        end = begin + (timedelta(hours=1) if hourly else timedelta(days=1))
        words = f"{begin:%-d %b %Y}" + (f", {begin:%H}:00 to {end:%H}:00 UTC" if hourly else "")
        return _members(session, queries.changed(dataset, person=person, start=begin, end=end), f"changed {words}{by}")


def _members(session: Session, query: Select[int], words: str) -> Members:
    ordinals = session.scalars(query.limit(MAX_MEMBERS + 1)).all()
    return Members(tuple(ordinals[:MAX_MEMBERS]), words, more=len(ordinals) > MAX_MEMBERS)


def _person(who: Principal, user_id: int | None, name: str) -> tuple[int, str]:
    if who.anonymous:
        return ANYBODY, UNNAMED[ANYBODY]
    return (COMMAND_LINE, UNNAMED[COMMAND_LINE]) if user_id is None else (user_id, name)


def _name_of(session: Session, who: Principal, dataset_id: int, person: int) -> str:
    if person in UNNAMED and (person == ANYBODY or not who.anonymous):
        return UNNAMED[person]
    if who.anonymous:
        raise NotAllowed("Who changed what is told to people who have logged in.")
    name = session.scalar(queries.worker_name(dataset_id, person)) if 0 < person <= MAX_ID else None
    if name is None:  # log-in names of people who never worked on it are nobody's business
        raise NotFound("There is nobody of that number who changed this dataset; load the chart anew.")
    return name


def _coded(session: Session, dataset_id: int, code: int) -> Label | None:
    if code == NO_LABEL:
        return None
    label = session.scalar(select(Label).where(Label.dataset_id == dataset_id, Label.code == code))
    if label is None:
        raise NotFound(f"No label has the code {code}; load the chart anew.")
    return label


def _moment(text: str) -> datetime:
    found = _TIME.fullmatch(text)
    try:
        if found is not None:
            return datetime.fromisoformat(f"{found[1]}T{found[2] or '00'}:00:00").replace(tzinfo=UTC)
    except ValueError:
        pass
    raise BadInput(f"A time is written 2026-11-23, or 2026-11-23T04 for an hour; {text[:20]!r} is not.")
