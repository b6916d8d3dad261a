"""Descriptors that wait for the same patches are computed in one pass, so that pixels are read and decoded once.

What the pass finds for a job that waits goes into that job's own folder of blocks. When its turn comes it finds them
done; whatever ends one of the two jobs before, the other keeps what is stored and goes on from there.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from eobench_dash.db.queries.jobs import pending
from eobench_dash.domain.jobs import JobKind, JobState
from eobench_dash.errors import BadInput, Unavailable
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.ml import features as ml
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.blocks import Arrays, BlockFolder
from eobench_dash.tasks.describe_plan import Plan, States, plan_beside, states_for


@dataclass(frozen=True)
class Shelf:
    """Where the blocks of one kind go."""

    plan: Plan
    folder: BlockFolder
    states: States


class Shelves:
    """A store (``jobs.blocks.BlockStore``) that gives each kind its part of every block.

    ``own`` is the job's at work: what goes wrong there is raised. Another one is left to its own job instead.
    """

    def __init__(self, own: Shelf, others: list[Shelf]) -> None:
        self.own, self.others = own, others

    @property
    def also(self) -> tuple[str, ...]:
        """Plain kinds that only others need."""
        names = (name for other in self.others for name in other.plan.names)
        return tuple(dict.fromkeys(name for name in names if name not in self.own.plan.names))

    @property
    def states(self) -> States:
        """What those that learn have learned."""
        return {name: state for shelf in (*self.others, self.own) for name, state in shelf.states.items()}

    def write(self, number: int, arrays: Arrays) -> None:
        """Store one block of each. A kind that could not describe these patches is not in ``arrays``."""
        self.own.folder.write(number, {name: arrays[name] for name in self.own.plan.names})
        for other in list(self.others):
            try:
                if number not in other.folder:
                    other.folder.write(number, {name: arrays[name] for name in other.plan.names})
            except (KeyError, OSError):  # its job says what is wrong, or was cancelled and its folder is gone
                self.others.remove(other)


@contextmanager
def shelves(ws: Workspace, job: JobHandle, own: Shelf) -> Iterator[Shelves]:
    """The job's own shelf, and those of jobs that wait to describe the same patches, held meanwhile."""
    with ExitStack() as stack:
        others: list[Shelf] = []
        taken = set(own.plan.names)
        for name in _waiting(ws, job):
            try:
                plan = plan_beside(ws, own.plan, ml.find(name))
                if plan is None or any(ml.needs_fit(kind) for kind in taken.intersection(plan.names)):
                    continue  # one that learns has learned for one job
                directory = ws.store.work_dir(plan.dataset_id, plan.folder)
                folder = stack.enter_context(BlockFolder(directory, tick=job.check, wait=False))
                others.append(Shelf(plan, folder, states_for(ws, plan, folder, job)))
            except (BadInput, Unavailable):  # its own job says what is wrong; or is at it
                continue
            taken.update(plan.names)
        yield Shelves(own, others)


def _waiting(ws: Workspace, job: JobHandle) -> list[str]:
    """Kinds that other jobs wait to describe this dataset by, in their order."""
    if job.dataset_id is None:
        return []
    with ws.db.read() as session:
        others = session.scalars(pending(job.dataset_id, JobKind.FEATURES)).all()
    kinds = {
        other.args["kind"]: None
        for other in sorted(others, key=lambda other: other.id)
        if other.state == JobState.QUEUED and other.id != job.id
    }
    return [kind for kind in kinds if kind != job.args["kind"]]
