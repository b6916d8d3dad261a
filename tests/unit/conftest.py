"""Fixtures shared by the rooms' own tests."""

from collections.abc import Callable

import pytest

from eobench_dash.db.models import Job
from eobench_dash.jobs.inline import run_inline
from eobench_dash.services.workspace import Workspace


@pytest.fixture
def run(workspace: Workspace) -> Callable[[int], Job]:
    """Runs a queued job here and returns its row."""
    from eobench_dash import tasks  # takes a moment, and most tests of the rooms have no use for it

    return lambda job_id: run_inline(workspace, job_id, tasks=tasks)
