"""Alembic's entry: runs on the connection that ``db.migrate`` gives it."""

from typing import Any, Literal

from alembic import context

from eobench_dash.db.models import Base, UtcDateTime


def render_item(kind: str, item: Any, autogen_context: object) -> str | Literal[False]:
    """Write our own column type as the plain SQLAlchemy one, so that old migrations never import today's models."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=render_item,
    compare_type=False,
)
with context.begin_transaction():
    context.run_migrations()
