"""What services share about a dataset's labels: find one by name or code, add one, follow merges."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from eobench_dash.db.models import Dataset, Label
from eobench_dash.db.queries import labels as queries
from eobench_dash.domain.labels import MAX_LABELS, NO_LABEL, clean_color, clean_name, default_color
from eobench_dash.errors import BadInput, NotFound


def find_label(session: Session, dataset_id: int, name: str) -> Label | None:
    """The label called ``name`` exactly, else the one that differs in case only; merged ones are found too."""
    of_dataset = select(Label).where(Label.dataset_id == dataset_id)
    exact = session.scalar(of_dataset.where(Label.name == name))
    if exact is not None:
        return exact
    # Databases fold case by rules of their own (SQLite: ASCII alone), so Python's are used.
    names = session.execute(select(Label.id, Label.name).where(Label.dataset_id == dataset_id))
    folded = name.casefold()
    found = next((label_id for label_id, known in names if known.casefold() == folded), None)
    return None if found is None else session.get(Label, found)


def named_label(session: Session, dataset: Dataset, raw: str, *, create: bool) -> Label:
    """The label in use that ``raw`` names; ``create`` adds it where it is missing, else NotFound says what to do."""
    name = clean_name(raw)
    label = find_label(session, dataset.id, name)
    if label is not None and label.merged_into_id is None:
        return label
    if create:
        return add_label(session, dataset, name, archived=label)
    if label is not None:
        into = session.get_one(Label, label.merged_into_id)
        raise NotFound(f"{label.name} was merged into {into.name}. Choose {into.name}, or make {label.name} anew.")
    raise NotFound(f"This dataset has no label {name!r}. Choose one of its labels, or create it.")


def coded_label(session: Session, dataset_id: int, code: int) -> Label:
    """The label in use with this code; NotFound where there is none."""
    label = session.scalar(select(Label).where(Label.dataset_id == dataset_id, Label.code == code))
    if label is None or label.merged_into_id is not None:
        raise NotFound(f"No label has the code {code}; somebody may have merged it. Load the labels anew.")
    return label


def add_label(
    session: Session,
    dataset: Dataset,
    name: str,
    *,
    color: str | None = None,
    description: str = "",
    archived: Label | None = None,
) -> Label:
    """Insert a label under the next code, or take a merged one back into use. ``name`` is clean and free."""
    if archived is not None:
        archived.name, archived.merged_into_id = name, None
        archived.color = clean_color(color) if color else archived.color
        archived.description = description or archived.description
        label = archived
    else:
        code = session.scalar(queries.next_code(dataset.id)) or 0
        if code >= MAX_LABELS:
            raise BadInput(f"A dataset has at most {MAX_LABELS:,} labels; merge some first.")
        label = Label(
            dataset_id=dataset.id,
            code=code,
            name=name,
            color=clean_color(color) if color else default_color(code),
            description=description,
        )
        session.add(label)
    dataset.labels_revision += 1
    session.flush()
    return label


def names_by_id(session: Session, label_ids: Iterable[int | None]) -> dict[int | None, str | None]:
    """The names of these labels, and None for None."""
    wanted = {label_id for label_id in label_ids if label_id is not None}
    named: dict[int | None, str | None] = {None: None}
    if wanted:
        for label_id, name in session.execute(queries.names_of(sorted(wanted))):
            named[label_id] = name
    return named


def codes_by_id(session: Session, dataset_id: int) -> dict[int | None, int]:
    """Label id to code, merged labels included, and None to NO_LABEL."""
    codes: dict[int | None, int] = {None: NO_LABEL}
    for label_id, code in session.execute(select(Label.id, Label.code).where(Label.dataset_id == dataset_id)):
        codes[label_id] = code
    return codes


def heirs(session: Session, dataset_id: int) -> dict[int, int]:
    """Merged label to the label it was merged into."""
    rows = session.execute(select(Label.id, Label.merged_into_id).where(Label.dataset_id == dataset_id))
    return {label_id: into for label_id, into in rows if into is not None}


def heir(merged: Mapping[int, int], label_id: int | None) -> int | None:
    """The label that stands for ``label_id`` today: itself, or where merges led it. None stays None."""
    while label_id is not None and label_id in merged:
        label_id = merged[label_id]
    return label_id
