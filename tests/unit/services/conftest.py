"""The lakes of tests/support/lakes.py as fixtures."""

from collections.abc import Callable
from functools import partial

import pytest
from lakes import Lakes, add_crew, add_lakes

from eobench_dash.domain.people import Principal
from eobench_dash.services.workspace import Workspace


@pytest.fixture
def crew(workspace: Workspace) -> dict[str, Principal]:
    """ada (admin), ben (builder), eva and eli (experts), rob (reader)."""
    return add_crew(workspace)


@pytest.fixture
def make_lakes(workspace: Workspace, crew: dict[str, Principal]) -> Callable[..., Lakes]:
    """Makes datasets of any size, as ``lakes.add_lakes`` does."""
    return partial(add_lakes, workspace, crew)


@pytest.fixture
def lakes(make_lakes: Callable[..., Lakes]) -> Lakes:
    """12 patches: 0-4 River, 5-8 Lake, 9-10 Sea, 11 without label."""
    return make_lakes()
