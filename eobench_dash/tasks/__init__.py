"""What workers do: the table job kind → function, and the table job kind → how its leftovers are swept.

Imported by workers (and by the command line, which runs a job in its own process), never by the web.
A task writes nothing that people see before its last transaction, and that one checks the lease.
"""

from collections.abc import Callable, Mapping

from eobench_dash.domain.jobs import JobKind
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.services.workspace import Workspace, open_workspace
from eobench_dash.tasks import (
    advising,
    clustering,
    deleting,
    describing,
    downloading,
    embedding,
    encoding,
    importing,
    ingesting,
    sheets,
    verifying,
)

__all__ = ["SWEEPS", "TASKS", "open_workspace", "warm_up"]

Task = Callable[[Workspace, JobHandle], None]
Sweep = Callable[[Workspace, int], None]

TASKS: Mapping[JobKind, Task] = {
    JobKind.IMPORT: importing.run,
    JobKind.INGEST: ingesting.run,
    JobKind.FEATURES: describing.run,
    JobKind.ENCODE: encoding.run,
    JobKind.EMBED: embedding.run,
    JobKind.CLUSTER: clustering.run,
    JobKind.ADVISE: advising.run,
    JobKind.SHEETS: sheets.run,
    JobKind.VERIFY: verifying.run,
    JobKind.DELETE: deleting.run,
    JobKind.DOWNLOAD: downloading.run,
}

SWEEPS: Mapping[JobKind, Sweep] = {
    JobKind.IMPORT: importing.sweep,
    JobKind.INGEST: ingesting.sweep,
    JobKind.FEATURES: describing.sweep,
    JobKind.ENCODE: encoding.sweep,
    JobKind.EMBED: embedding.sweep,
}


def warm_up() -> None:
    """Load what most jobs need, so that a waiting worker starts the next one at once."""
    import numpy as np

    from eobench_dash.ml import embedding as maps
    from eobench_dash.ml import features

    features.warm_up()
    few = np.random.default_rng(0).normal(size=(100, 4))
    for method in maps.METHODS:
        maps.embed(few, method=method, seed=0)
