"""List, look at, rename, describe and delete datasets."""

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from eobench_dash.db.models import Dataset, Embedding, FeatureSet, Job
from eobench_dash.db.queries import datasets as queries
from eobench_dash.db.queries.jobs import pending
from eobench_dash.domain.datasets import (
    DatasetState,
    DatasetSummary,
    Modality,
    SourceKind,
    Step,
    clean_dataset_name,
    clean_prose,
)
from eobench_dash.domain.jobs import JobKind, JobState
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.errors import BadInput, Conflict, NotFound, NotLoggedIn
from eobench_dash.jobs.queue import enqueue, request_cancel
from eobench_dash.services.access import visible_dataset
from eobench_dash.services.workspace import Workspace


def list_datasets(ws: Workspace, who: Principal) -> list[DatasetSummary]:
    """Every dataset that ``who`` may see, by name."""
    if who.anonymous and not ws.settings.public:
        raise NotLoggedIn("Log in to see the datasets.")
    with ws.db.read() as session:
        rows = list(session.scalars(queries.ready_datasets(only_public=who.anonymous)))
        return _summaries(session, rows)


def get_dataset(ws: Workspace, who: Principal, *, dataset_id: int) -> DatasetSummary:
    """One dataset; NotFound where it is not there or not open to ``who``."""
    with ws.db.read() as session:
        return _summaries(session, [visible_dataset(session, who, ws.settings, dataset_id)])[0]


def find_dataset(ws: Workspace, who: Principal, *, name: str) -> DatasetSummary:
    """The dataset called ``name`` (case does not matter if it is then unique)."""
    with ws.db.read() as session:
        rows = list(session.scalars(queries.ready_datasets(only_public=who.anonymous)))
        found = [d for d in rows if d.name == name] or [d for d in rows if d.name.casefold() == name.casefold()]
        if len(found) != 1:
            known = ", ".join(repr(d.name) for d in rows[:8]) or "none yet"
            raise NotFound(f"There is no dataset called {name!r}. Datasets: {known}.")
        return _summaries(session, found)[0]


def rename_dataset(ws: Workspace, who: Principal, *, dataset_id: int, name: str) -> DatasetSummary:
    """Give a dataset another name. Conflict where the name is taken."""
    require(who, Role.BUILDER, what="rename a dataset")
    wanted = clean_dataset_name(name)
    try:
        with ws.db.write() as session:
            dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
            dataset.name = wanted
            session.flush()
            return _summaries(session, [dataset])[0]
    except IntegrityError as error:
        raise Conflict(f"There is already a dataset called {wanted!r}; choose another name.") from error


def describe_dataset(
    ws: Workspace,
    who: Principal,
    *,
    dataset_id: int,
    description: str | None = None,
    attribution: str | None = None,
    public: bool | None = None,
) -> DatasetSummary:
    """Change a dataset's description, attribution or whether anonymous people may read it (None: leave as is)."""
    require(who, Role.BUILDER, what="describe a dataset")
    about = None if description is None else clean_prose(description)
    credit = None if attribution is None else clean_prose(attribution)
    with ws.db.write() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        dataset.description = dataset.description if about is None else about
        dataset.attribution = dataset.attribution if credit is None else credit
        dataset.public = dataset.public if public is None else public
        session.flush()
        return _summaries(session, [dataset])[0]


def delete_dataset(ws: Workspace, who: Principal, *, dataset_id: int, typed_name: str) -> int:
    """Take a dataset out of sight and queue the job that deletes it; the job's id.

    BadInput unless ``typed_name`` is the dataset's name; Conflict while a job works on it.
    """
    owner = require(who, Role.BUILDER, what="delete a dataset")
    with ws.db.write() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        if typed_name != dataset.name:
            raise BadInput(f"To delete the dataset type its name exactly: {dataset.name}")
        for thumbnails in session.scalars(pending(dataset_id, JobKind.SHEETS)):
            request_cancel(session, thumbnails.id)  # nobody asked for them: they stand in nobody's way
        for paused in session.scalars(select(Job).where(Job.dataset_id == dataset_id, Job.state == JobState.PAUSED)):
            request_cancel(session, paused.id)
        at_work = Job.state.in_([JobState.QUEUED, JobState.RUNNING]), Job.kind != JobKind.SHEETS
        busy = select(Job.id).where(Job.dataset_id == dataset_id, *at_work)
        if session.scalar(busy.limit(1)) is not None:
            raise Conflict("A job is working on this dataset. Cancel it or wait until it has ended, then delete.")
        dataset.state = DatasetState.DELETING
        title = f"Delete {dataset.name}"
        # The name becomes free at once; the id makes the doomed one unique.
        dataset.name = f"{dataset.name[:60]} (deleting {dataset.id})"
        job = enqueue(session, kind=JobKind.DELETE, title=title, args={}, owner_id=owner, dataset_id=dataset_id)
        return job.id


def _summaries(session: Session, rows: list[Dataset]) -> list[DatasetSummary]:
    ids = [d.id for d in rows]
    labelled: dict[int, tuple[int, int]] = {}
    counts = queries.patch_counts()
    for dataset_id, n_labelled, n_changed in session.execute(counts.where(Dataset.id.in_(ids))):
        labelled[dataset_id] = (n_labelled, n_changed or 0)
    labels = {row[0]: row[1] for row in session.execute(queries.label_counts())}

    def having(model: type[FeatureSet] | type[Embedding]) -> set[int]:
        return set(
            session.scalars(select(model.dataset_id).where(model.dataset_id.in_(ids)).group_by(model.dataset_id))
        )

    described, mapped = having(FeatureSet), having(Embedding)
    verified = set(session.scalars(queries.verified_now(ids)))
    result = []
    for d in rows:
        n_labelled, n_changed = labelled.get(d.id, (0, 0))
        steps = {Step.IMPORTED}
        steps |= {Step.DESCRIBED} if d.id in described else set()
        steps |= {Step.MAPPED} if d.id in mapped else set()
        steps |= {Step.CLEANED} if n_changed else set()
        steps |= {Step.VERIFIED} if d.id in verified else set()
        result.append(
            DatasetSummary(
                id=d.id,
                name=d.name,
                description=d.description,
                state=DatasetState(d.state),
                simulated=d.simulated,
                public=d.public,
                modality=Modality(d.modality),
                patch_count=d.patch_count,
                labelled_count=n_labelled,
                label_count=labels.get(d.id, 0),
                changed_count=n_changed,
                steps=frozenset(steps),
                created_at=d.created_at,
                updated_at=d.updated_at,
                attribution=d.attribution,
                pictures=d.source_kind != SourceKind.NONE,
                from_products=d.source_kind == SourceKind.PRODUCTS,
            )
        )
    return result


def count_datasets(ws: Workspace) -> int:
    """How many datasets there are, whoever asks (the demo seeds an empty workspace)."""
    with ws.db.read() as session:
        return session.scalar(select(func.count()).select_from(Dataset)) or 0
