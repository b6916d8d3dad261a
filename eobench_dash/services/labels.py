"""The labels of a dataset: list, create, rename, recolour, describe, merge, and suggest the likely ones.

Labels are named by their stable code. Every change raises ``dataset.labels_revision``: pages load the list anew then.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from eobench_dash.db.models import Dataset, Label
from eobench_dash.db.queries import annotations as event_queries
from eobench_dash.db.queries import labels as queries
from eobench_dash.domain.annotations import EventSource, RelabelResult
from eobench_dash.domain.labels import NO_LABEL, LabelInfo, clean_color, clean_name
from eobench_dash.domain.people import Principal
from eobench_dash.errors import BadInput, Conflict, NotAllowed
from eobench_dash.services.access import may_relabel, visible_dataset
from eobench_dash.services.batches import (
    check_ordinals,
    clean_text,
    count_patches,
    newest_event,
    open_batch,
    relabel_summary,
    write_labels,
)
from eobench_dash.services.vocabulary import add_label, coded_label, codes_by_id, find_label, heir, heirs
from eobench_dash.services.workspace import Workspace

HABIT = 20
"""Where somebody has moved so many patches, habit weighs half of what it may."""


@dataclass(frozen=True)
class Suggestion:
    """A label that the chosen patches may deserve, and why it is thought of."""

    code: int
    name: str
    color: str
    why: str


def list_labels(ws: Workspace, who: Principal, *, dataset_id: int) -> list[LabelInfo]:
    """The labels in use with their number of patches, in the order of their codes. Merged labels are left out."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        counts = _counts(session, dataset)
        return [_info(label, counts.get(label.id, 0)) for label in session.scalars(queries.live_labels(dataset_id))]


def create_label(
    ws: Workspace, who: Principal, *, dataset_id: int, name: str, color: str | None = None, description: str = ""
) -> LabelInfo:
    """Add a label; a merged one of that name comes back into use, with its old code. Conflict where it is in use."""
    wanted = clean_name(name)
    with ws.db.write() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        may_relabel(session, who, dataset_id)
        known = find_label(session, dataset_id, wanted)
        if known is not None and known.merged_into_id is None:
            raise Conflict(f"There is already a label {known.name}; use it, or choose another name.")
        label = add_label(
            session,
            dataset,
            wanted,
            color=color,
            description=clean_text(description, what="A description"),
            archived=known,
        )
        return _info(label)


def rename_label(ws: Workspace, who: Principal, *, dataset_id: int, code: int, name: str) -> LabelInfo:
    """Give a label another name. Conflict where another label has it, whatever its case."""
    wanted = clean_name(name)
    with ws.db.write() as session:
        label = _editable(ws, who, session, dataset_id, code)
        known = find_label(session, dataset_id, wanted)
        if known is not None and known is not label:
            if known.merged_into_id is None:
                raise Conflict(f"There is already a label {known.name}. Merge {label.name} into it, or choose another.")
            raise Conflict(f"{known.name} is the name of a merged label. Create it anew, or choose another name.")
        label.name = wanted
        return _info(label)


def recolour_label(ws: Workspace, who: Principal, *, dataset_id: int, code: int, color: str) -> LabelInfo:
    """Give a label another colour, written #rrggbb."""
    wanted = clean_color(color)
    with ws.db.write() as session:
        label = _editable(ws, who, session, dataset_id, code)
        label.color = wanted
        return _info(label)


def describe_label(ws: Workspace, who: Principal, *, dataset_id: int, code: int, description: str) -> LabelInfo:
    """Say what a label means, in at most 2,000 characters."""
    wanted = clean_text(description, what="A description")
    with ws.db.write() as session:
        label = _editable(ws, who, session, dataset_id, code)
        label.description = wanted
        return _info(label)


def merge_labels(
    ws: Workspace, who: Principal, *, dataset_id: int, source: int, target: int, why: str = ""
) -> RelabelResult:
    """Move every patch of the label ``source`` to ``target`` (codes) and take ``source`` out of use, as one batch.

    An undo of the batch brings the label back. A label without patches leaves no batch: create it anew instead.
    """
    if source == target:
        raise BadInput("A label cannot be merged into itself; choose another one.")
    with ws.db.write() as session:
        gone = _editable(ws, who, session, dataset_id, source)
        kept = coded_label(session, dataset_id, target)
        dataset = session.get_one(Dataset, dataset_id)
        moving = list(session.scalars(queries.carried_by(gone)))
        gone.merged_into_id = kept.id
        session.flush()
        if not moving:
            summary = f"{gone.name} held no patches; it is merged into {kept.name}"
            return RelabelResult(None, newest_event(session, dataset_id), (), (), summary)
        summary = relabel_summary([gone.name] * len(moving), kept.name)
        batch = open_batch(
            session, who, dataset, source=EventSource.MERGE, summary=summary, patches=len(moving), why=why
        )
        write_labels(session, batch, event_queries.move_events(batch, gone.id, kept.id))
        changes = tuple((ordinal, kept.code) for ordinal in moving)
        return RelabelResult(batch.id, newest_event(session, dataset_id), changes, (), summary)


def suggest_labels(
    ws: Workspace,
    who: Principal,
    *,
    dataset_id: int,
    ordinals: Sequence[int],
    neighbour_codes: Sequence[int] = (),
    limit: int = 20,
) -> list[Suggestion]:
    """The labels that these patches most likely deserve, most likely first.

    Votes of the nearest neighbours (``neighbour_codes``, the caller's) weigh most, then where patches of the same
    labels went lately, then what was assigned lately at all, then the sizes of the groups.
    """
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        chosen = check_ordinals(ordinals, patch_count=dataset.patch_count)
        codes = codes_by_id(session, dataset_id)
        merged = heirs(session, dataset_id)
        current = Counter(codes[row[1]] for row in session.execute(event_queries.current_labels(dataset_id, chosen)))
        flows: Counter[tuple[int, int]] = Counter()
        for before, after, patches in session.execute(event_queries.recent_flows(dataset_id)):
            flows[codes[heir(merged, before)], codes[heir(merged, after)]] += patches
        counts = _counts(session, dataset)
        labels = [_info(label, counts.get(label.id, 0)) for label in session.scalars(queries.live_labels(dataset_id))]
    return rank_labels(labels, current=current, votes=Counter(neighbour_codes), flows=flows)[:limit]


def rank_labels(
    labels: Sequence[LabelInfo],
    *,
    current: Mapping[int, int],
    votes: Mapping[int, int],
    flows: Mapping[tuple[int, int], int],
) -> list[Suggestion]:
    """Labels by a weighted sum of shares: 4 x neighbour votes, 2 x flows from the current labels, 0.5 x all flows,
    0.1 x size; ties by name. A label that all the chosen patches carry already is left out. Habits are shares of 20
    patches more than there were, so that a single patch makes none.

    ``current`` and ``votes``: code to number; ``flows``: (from code, to code) to number. Our own rule of thumb.
    """
    names = {label.code: label.name for label in labels}
    same = Counter(dict.fromkeys(names, 0))
    recent = Counter(dict.fromkeys(names, 0))
    for (before, to), patches in flows.items():
        recent[to] += patches
        same[to] += patches if before in current else 0
    sizes = {label.code: label.count for label in labels}
    voters, totals = sum(votes.values()), [max(1, sum(terms.values())) for terms in (votes, same, recent, sizes)]
    totals[1] += HABIT
    totals[2] += HABIT

    def why(code: int) -> str:
        if votes.get(code):
            return f"{votes[code]} of {voters} neighbours"
        if same[code]:
            return f"{count_patches(same[code])} like these went there lately"
        return "assigned lately" if recent[code] else ""

    def score(code: int) -> float:
        shares = [terms.get(code, 0) / total for terms, total in zip((votes, same, recent, sizes), totals, strict=True)]
        return 4 * shares[0] + 2 * shares[1] + 0.5 * shares[2] + 0.1 * shares[3]

    only = next(iter(current)) if len(current) == 1 else NO_LABEL
    candidates = [label for label in labels if label.code != only]
    candidates.sort(key=lambda label: (-score(label.code), label.name.casefold()))
    return [Suggestion(label.code, label.name, label.color, why(label.code)) for label in candidates]


def _editable(ws: Workspace, who: Principal, session: Session, dataset_id: int, code: int) -> Label:
    dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
    if not may_relabel(session, who, dataset_id).everything:
        raise NotAllowed("Only a builder, or an expert of the whole dataset, may change its labels. Ask a builder.")
    dataset.labels_revision += 1
    return coded_label(session, dataset_id, code)


def _counts(session: Session, dataset: Dataset) -> Counter[int | None]:
    counts: Counter[int | None] = Counter()
    for label_id, patches in session.execute(queries.carriers(dataset.id)):
        counts[label_id] = patches
    for label_id, patches in session.execute(queries.unseen_carriers(dataset)):
        counts[label_id] -= patches
    return counts


def _info(label: Label, count: int = 0) -> LabelInfo:
    return LabelInfo(code=label.code, name=label.name, color=label.color, description=label.description, count=count)
