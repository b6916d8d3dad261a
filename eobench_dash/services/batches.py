"""What services that change labels share: the batch they write, its wording, and whose later change blocks an undo."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import CursorResult, Insert
from sqlalchemy.orm import Session

from eobench_dash.db.models import AnnotationBatch, Dataset, utc_now
from eobench_dash.db.queries import annotations as queries
from eobench_dash.domain.annotations import EventKind, EventSource, Skipped
from eobench_dash.domain.people import Principal
from eobench_dash.errors import BadInput

MAX_PATCHES = 50_000
"""The most patches that one request may name."""
MAX_TEXT = 2000
UNLABELLED = "unlabelled"


@dataclass(frozen=True)
class Trace:
    """An event on a patch, and who made it. ``undoes_id``: the batch whose event on this patch it takes back."""

    event_id: int
    ordinal: int
    batch_id: int
    undoes_id: int | None
    user_id: int | None
    user: str
    session_key: str
    label: str | None


def check_ordinals(raw: Sequence[int], *, patch_count: int) -> list[int]:
    """The ordinals in ascending order; BadInput unless they are 1 to 50,000 different patches of the dataset."""
    if not 1 <= len(raw) <= MAX_PATCHES:
        raise BadInput(f"Choose 1 to {MAX_PATCHES:,} patches at a time; these are {len(raw):,}.")
    try:
        ordinals = np.asarray(raw)
    except (ValueError, OverflowError) as error:
        raise BadInput("Patches are named by whole numbers.") from error
    if ordinals.ndim != 1 or ordinals.dtype.kind not in "iu":
        raise BadInput("Patches are named by whole numbers.")
    ordinals = np.sort(ordinals)
    if ordinals[0] < 0 or ordinals[-1] >= patch_count:
        wrong = ordinals[0] if ordinals[0] < 0 else ordinals[-1]
        raise BadInput(f"There is no patch {wrong}: this dataset's patches are 0 to {patch_count - 1}.")
    twice = ordinals[1:][ordinals[1:] == ordinals[:-1]]
    if twice.size:
        raise BadInput(f"Patch {twice[0]} is named twice; name each patch once.")
    return [int(o) for o in ordinals.tolist()]


def clean_text(raw: str, *, what: str) -> str:
    """A reason, note or description without the white space around it; BadInput where a database cannot keep it."""
    if len(raw) > MAX_TEXT:
        raise BadInput(f"{what} has at most {MAX_TEXT:,} characters; this one has {len(raw):,}.")
    if "\0" in raw or any("\ud800" <= character <= "\udfff" for character in raw):
        raise BadInput(f"{what} holds characters that cannot be kept; type it again.")
    return raw.strip()


def still_standing(traces: Iterable[Trace]) -> dict[int, Trace]:
    """Per ordinal the newest event that counts: an undo and the event that it took back cancel each other out."""
    standing: dict[int, list[Trace]] = {}
    for trace in traces:
        stack = standing.setdefault(trace.ordinal, [])
        undone = [t for t in stack if trace.undoes_id is not None and t.batch_id == trace.undoes_id]
        if undone:
            stack.remove(undone[-1])
        else:  # an undo of something older than all of these stands for itself
            stack.append(trace)
    return {ordinal: stack[-1] for ordinal, stack in standing.items() if stack}


def later_changes(
    session: Session, dataset_id: int, ordinals: Sequence[int], kind: EventKind, *, after: int
) -> dict[int, Trace]:
    """Per ordinal the newest still standing event of ``kind`` after event ``after``; patches without one are absent."""
    if not ordinals or after >= newest_event(session, dataset_id):
        return {}
    return still_standing(
        Trace(*row) for row in session.execute(queries.traces(dataset_id, ordinals, kind, after=after))
    )


def skip(who: Principal, trace: Trace) -> Skipped:
    """The patch that is left alone because of ``trace``, in words for ``who``."""
    mine = trace.user_id is not None and trace.user_id == who.user_id
    return Skipped(trace.ordinal, "you" if mine else trace.user or "an import", trace.label)


def newest_event(session: Session, dataset_id: int) -> int:
    """The id of the dataset's newest event, 0 where there is none."""
    return session.scalar(queries.last_event(dataset_id)) or 0


def open_batch(
    session: Session,
    who: Principal,
    dataset: Dataset,
    *,
    source: EventSource,
    summary: str,
    patches: int,
    why: str = "",
    undoes_id: int | None = None,
) -> AnnotationBatch:
    """Insert the batch's row; the dataset counts as changed now. BadInput where the reason is too long."""
    batch = AnnotationBatch(
        dataset_id=dataset.id,
        user_id=who.user_id,
        session_key=who.session_key,
        source=source.value,
        summary=summary,
        why=clean_text(why, what="A reason"),
        patch_count=patches,
        undoes_id=undoes_id,
    )
    session.add(batch)
    dataset.updated_at = utc_now()
    session.flush()
    return batch


def write_labels(session: Session, batch: AnnotationBatch, events: Insert) -> int:
    """Insert SET events and bring the patch rows in step; the number of patches changed."""
    session.execute(events)
    return _rows(session.execute(queries.apply_labels(batch)))


def write_flips(session: Session, batch: AnnotationBatch, ordinals: Sequence[int], kind: EventKind) -> int:
    """Flip the mark ``kind`` of these patches; the number of patches changed."""
    session.execute(queries.flip_events(batch, ordinals, kind))
    return _rows(session.execute(queries.apply_flips(batch, kind)))


def _rows(result: Any) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0


def count_patches(count: int) -> str:
    """``1 patch``, ``50,000 patches``."""
    return f"{count:,} patch" if count == 1 else f"{count:,} patches"


def name_groups(names: Iterable[str | None], *, at_most: int = 3) -> str:
    """The labels among ``names``, most frequent first: ``River``, or ``River, Lake and 2 more``."""
    counts = Counter(UNLABELLED if name is None else name for name in names)
    shown = [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    if len(shown) <= at_most:
        return ", ".join(shown)
    return f"{', '.join(shown[:at_most])} and {len(shown) - at_most} more"


def relabel_summary(names: Sequence[str | None], to: str | None) -> str:
    """``312 patches River → SeaLake``: one name for each patch that changes."""
    return f"{count_patches(len(names))} {name_groups(names)} → {UNLABELLED if to is None else to}"
