"""products, windows into them, pausing jobs"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "product",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("patch_count", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("info", sa.JSON(), nullable=False),
        sa.Column("sensed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_product_dataset_id_dataset")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("dataset_id", "path", name="uq_product_path"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "patch_window",
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("col", sa.Integer(), nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("content_hash", sa.String(length=32), nullable=False),
        sa.Column("corners", sa.LargeBinary(), nullable=True),
        sa.Column("nodata", sa.Float(), nullable=False),
        sa.Column("black_edge", sa.Float(), nullable=False),
        sa.Column("saturation", sa.Float(), nullable=False),
        sa.Column("border_noise", sa.Float(), nullable=True),
        sa.Column("cloud", sa.Float(), nullable=True),
        sa.Column("blur", sa.Float(), nullable=False),
        sa.Column("duplicate", sa.Float(), nullable=False),
        sa.Column("duplicate_of", sa.Integer(), nullable=True),
        sa.Column("overlap", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id", "ordinal"], ["patch.dataset_id", "patch.ordinal"], name="fk_patch_window_patch"
        ),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_patch_window_product_id_product")),
        sa.PrimaryKeyConstraint("dataset_id", "ordinal", name=op.f("pk_patch_window")),
    )
    with op.batch_alter_table("job") as batch:
        batch.add_column(sa.Column("pause_requested", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    with op.batch_alter_table("job") as batch:
        batch.drop_column("pause_requested")
    op.drop_table("patch_window")
    op.drop_table("product")
