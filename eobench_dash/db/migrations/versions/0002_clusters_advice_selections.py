"""clusters, advice, saved selections"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cluster_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("feature_set_id", sa.Integer(), nullable=False),
        sa.Column("label_id", sa.Integer(), nullable=True),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("artefact", sa.String(length=160), nullable=False),
        sa.Column("clusters", sa.JSON(), nullable=False),
        sa.Column("quality", sa.JSON(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"], ["user_account.id"], name=op.f("fk_cluster_set_created_by_user_account")
        ),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_cluster_set_dataset_id_dataset")),
        sa.ForeignKeyConstraint(
            ["feature_set_id"], ["feature_set.id"], name=op.f("fk_cluster_set_feature_set_id_feature_set")
        ),
        sa.ForeignKeyConstraint(["label_id"], ["label.id"], name=op.f("fk_cluster_set_label_id_label")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cluster_set")),
        sa.UniqueConstraint("dataset_id", "key", name="uq_cluster_set_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "advice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("feature_set_id", sa.Integer(), nullable=False),
        sa.Column("last_event_id", sa.BigInteger(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_advice_dataset_id_dataset")),
        sa.ForeignKeyConstraint(
            ["feature_set_id"], ["feature_set.id"], name=op.f("fk_advice_feature_set_id_feature_set")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_advice")),
    )
    op.create_index(op.f("ix_advice_dataset_id"), "advice", ["dataset_id"])
    op.create_table(
        "saved_selection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("patch_count", sa.Integer(), nullable=False),
        sa.Column("ordinals", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"], name=op.f("fk_saved_selection_dataset_id_dataset")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_saved_selection_user_id_user_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_selection")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_saved_selection_dataset_id"), "saved_selection", ["dataset_id"])
    with op.batch_alter_table("metric_run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("artefact", sa.String(length=160), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("metric_run", schema=None) as batch_op:
        batch_op.drop_column("artefact")
    op.drop_index(op.f("ix_saved_selection_dataset_id"), table_name="saved_selection")
    op.drop_table("saved_selection")
    op.drop_index(op.f("ix_advice_dataset_id"), table_name="advice")
    op.drop_table("advice")
    op.drop_table("cluster_set")
