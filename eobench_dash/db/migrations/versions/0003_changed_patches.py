"""an index of the relabelled patches"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_patch_changed",
        "patch",
        ["dataset_id", "ordinal"],
        sqlite_where=sa.text("label_id IS NOT imported_label_id"),
        postgresql_where=sa.text("label_id IS DISTINCT FROM imported_label_id"),
    )


def downgrade() -> None:
    op.drop_index("ix_patch_changed", table_name="patch")
