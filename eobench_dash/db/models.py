"""The tables. A patch is known by (dataset, ordinal); its current label is the newest annotation event's."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


def utc_now() -> datetime:
    """This moment, in UTC, aware."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC date-times on every backend (SQLite itself forgets the zone)."""

    impl = SqlDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC before it is stored."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """With its zone after it is read."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigKey = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Declarative base with the naming convention that Alembic's batch mode needs."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


class User(Base):
    """Who logs in. ``session_epoch`` grows with each password change or disabling and ends older log-ins."""

    __tablename__ = "user_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    disabled: Mapped[bool] = mapped_column(default=False)
    session_epoch: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_login_at: Mapped[datetime | None] = mapped_column(default=None)


class LoginAttempt(Base):
    """Failed log-ins, counted in the database because several processes serve."""

    __tablename__ = "login_attempt"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    key: Mapped[str] = mapped_column(String(120), index=True)
    at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


class Dataset(Base):
    """A set of patches. Patches with ``ordinal >= patch_count`` are still being imported and are seen by nobody."""

    __tablename__ = "dataset"
    # Ids are never used again: pictures and maps are cached in browsers under them.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    attribution: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(16))
    public: Mapped[bool] = mapped_column(default=False)
    simulated: Mapped[bool] = mapped_column(default=False)
    modality: Mapped[str] = mapped_column(String(16), default="optical")
    source_kind: Mapped[str] = mapped_column(String(16))
    root: Mapped[str | None] = mapped_column(Text, default=None)
    source_params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    patch_count: Mapped[int] = mapped_column(default=0)
    labels_revision: Mapped[int] = mapped_column(default=0)
    import_report: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)


class Label(Base):
    """A label of one dataset. Never deleted while events name it: a merged label is archived, pointing at its heir."""

    __tablename__ = "label"
    __table_args__ = (
        UniqueConstraint("dataset_id", "code", name="uq_label_dataset_code"),
        UniqueConstraint("dataset_id", "name", name="uq_label_dataset_name"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"))
    code: Mapped[int]
    name: Mapped[str] = mapped_column(String(160))
    color: Mapped[str] = mapped_column(String(7))
    description: Mapped[str] = mapped_column(Text, default="")
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("label.id"), default=None)
    import_job_id: Mapped[int | None] = mapped_column(Integer, default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Patch(Base):
    """One patch; ``label_id`` and ``last_event_id`` are kept in step with the newest event."""

    __tablename__ = "patch"
    __table_args__ = (
        Index("ix_patch_dataset_path", "dataset_id", "path", unique=True),
        Index("ix_patch_dataset_label", "dataset_id", "label_id"),
        # Only the patches that were relabelled: pages count them, and a scan of a million takes most of a second.
        Index(
            "ix_patch_changed",
            "dataset_id",
            "ordinal",
            sqlite_where=text("label_id IS NOT imported_label_id"),
            postgresql_where=text("label_id IS DISTINCT FROM imported_label_id"),
        ),
    )

    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    path: Mapped[str | None] = mapped_column(Text, default=None)
    lon: Mapped[float | None] = mapped_column(Float, default=None)
    lat: Mapped[float | None] = mapped_column(Float, default=None)
    label_id: Mapped[int | None] = mapped_column(ForeignKey("label.id"), default=None)
    imported_label_id: Mapped[int | None] = mapped_column(ForeignKey("label.id"), default=None)
    last_event_id: Mapped[int | None] = mapped_column(BigInteger, default=None)
    unsure: Mapped[bool] = mapped_column(default=False)
    excluded: Mapped[bool] = mapped_column(default=False)


class PatchLabel(Base):
    """Further labels of a patch, beside its primary one."""

    __tablename__ = "patch_label"
    __table_args__ = (
        ForeignKeyConstraint(
            ["dataset_id", "ordinal"], ["patch.dataset_id", "patch.ordinal"], name="fk_patch_label_patch"
        ),
    )

    dataset_id: Mapped[int] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    label_id: Mapped[int] = mapped_column(ForeignKey("label.id"), primary_key=True)


class Product(Base):
    """A product that a dataset's patches are windows into. ``path`` starts at the dataset's root.

    ``info``: domain.products.ProductInfo; ``first`` and ``patch_count``: its patches are these ordinals in a row.
    ``fingerprint`` tells whether the files are still those that were ingested.
    """

    __tablename__ = "product"
    __table_args__ = (UniqueConstraint("dataset_id", "path", name="uq_product_path"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"))
    path: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    height: Mapped[int]
    width: Mapped[int]
    first: Mapped[int]
    patch_count: Mapped[int]
    fingerprint: Mapped[str] = mapped_column(String(64))
    info: Mapped[dict[str, Any]] = mapped_column(default=dict)
    sensed_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class PatchWindow(Base):
    """Where a patch lies in its product, and what is wrong with its pixels.

    ``size``: pixels each way on the product's reading grid, which is its scale; ``parent``: ordinal of the patch of the
    next coarser scale that holds its middle. ``corners``: eight float64 (lon, lat of upper left, upper right, lower
    right, lower left; degrees), None without a place. Flags are shares (0..1) of the patch's pixels unless said
    otherwise; None where the product cannot tell. ``blur``: 0 sharp .. 1 flat; ``duplicate``: likeness (1: equal
    pixels) to ``duplicate_of``, the first patch that it repeats; ``overlap``: share of its area that other patches of
    its scale cover too.
    """

    __tablename__ = "patch_window"
    __table_args__ = (
        ForeignKeyConstraint(
            ["dataset_id", "ordinal"], ["patch.dataset_id", "patch.ordinal"], name="fk_patch_window_patch"
        ),
    )

    dataset_id: Mapped[int] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    size: Mapped[int]
    row: Mapped[int]
    col: Mapped[int]
    parent: Mapped[int | None] = mapped_column(default=None)
    content_hash: Mapped[str] = mapped_column(String(32))
    corners: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    nodata: Mapped[float] = mapped_column(default=0.0)
    black_edge: Mapped[float] = mapped_column(default=0.0)
    saturation: Mapped[float] = mapped_column(default=0.0)
    border_noise: Mapped[float | None] = mapped_column(default=None)
    cloud: Mapped[float | None] = mapped_column(default=None)
    blur: Mapped[float] = mapped_column(default=0.0)
    duplicate: Mapped[float] = mapped_column(default=0.0)
    duplicate_of: Mapped[int | None] = mapped_column(default=None)
    overlap: Mapped[float] = mapped_column(default=0.0)


class AnnotationBatch(Base):
    """One transaction on labels: who, when, why, how many. ``undoes_id``: it takes back that batch."""

    __tablename__ = "annotation_batch"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), default=None)
    session_key: Mapped[str] = mapped_column(String(64), default="")
    source: Mapped[str] = mapped_column(String(16))
    summary: Mapped[str] = mapped_column(Text, default="")
    why: Mapped[str] = mapped_column(Text, default="")
    patch_count: Mapped[int] = mapped_column(default=0)
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("annotation_batch.id"), default=None, index=True)
    at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


class AnnotationEvent(Base):
    """Append-only log of every label change."""

    __tablename__ = "annotation_event"
    __table_args__ = (
        Index("ix_annotation_event_patch", "dataset_id", "ordinal", "id"),
        Index("ix_annotation_event_dataset_id", "dataset_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"))
    ordinal: Mapped[int]
    batch_id: Mapped[int] = mapped_column(ForeignKey("annotation_batch.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    from_label_id: Mapped[int | None] = mapped_column(ForeignKey("label.id"), default=None)
    to_label_id: Mapped[int | None] = mapped_column(ForeignKey("label.id"), default=None)
    replaces_id: Mapped[int | None] = mapped_column(BigInteger, default=None)


class Assignment(Base):
    """What an expert is to clean: one label group, or (label None) the whole dataset."""

    __tablename__ = "assignment"
    __table_args__ = (UniqueConstraint("user_id", "dataset_id", "label_id", name="uq_assignment_what"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"))
    label_id: Mapped[int | None] = mapped_column(ForeignKey("label.id"), default=None)
    note: Mapped[str] = mapped_column(Text, default="")
    done: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    user: Mapped[User] = relationship(foreign_keys=[user_id])


class FeatureSet(Base):
    """One vector per patch, in ordinal order, in the store. ``rows`` may lag the dataset after an append."""

    __tablename__ = "feature_set"
    __table_args__ = (UniqueConstraint("dataset_id", "kind", name="uq_feature_set_kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"))
    kind: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(default=1)
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    dim: Mapped[int]
    rows: Mapped[int]
    source: Mapped[str] = mapped_column(Text, default="")
    folder: Mapped[str] = mapped_column(String(120))
    fingerprint: Mapped[str] = mapped_column(String(64))
    job_id: Mapped[int | None] = mapped_column(Integer, default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Embedding(Base):
    """A 2-D map of a feature set, of all patches or (label) of one label group, stored as an artefact."""

    __tablename__ = "embedding"
    __table_args__ = (UniqueConstraint("dataset_id", "key", name="uq_embedding_key"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"))
    feature_set_id: Mapped[int] = mapped_column(ForeignKey("feature_set.id"))
    label_id: Mapped[int | None] = mapped_column(ForeignKey("label.id"), default=None)
    method: Mapped[str] = mapped_column(String(16))
    version: Mapped[int] = mapped_column(default=1)
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    key: Mapped[str] = mapped_column(String(64))
    rows: Mapped[int]
    artefact: Mapped[str] = mapped_column(String(160))
    quality: Mapped[dict[str, Any]] = mapped_column(default=dict)
    job_id: Mapped[int | None] = mapped_column(Integer, default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class MetricRun(Base):
    """One verification of a dataset: the numbers, and what they were measured on."""

    __tablename__ = "metric_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"), index=True)
    feature_set_id: Mapped[int | None] = mapped_column(ForeignKey("feature_set.id"), default=None)
    last_event_id: Mapped[int] = mapped_column(BigInteger, default=0)
    fingerprint: Mapped[str] = mapped_column(String(64))
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    artefact: Mapped[str | None] = mapped_column(String(160), default=None)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), default=None)
    job_id: Mapped[int | None] = mapped_column(Integer, default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class ClusterSet(Base):
    """Clusters of a feature set's vectors, of all patches or (label) of one label group; members in an artefact.

    ``clusters``: per cluster its index, name, colour, size and typical patches.
    """

    __tablename__ = "cluster_set"
    __table_args__ = (UniqueConstraint("dataset_id", "key", name="uq_cluster_set_key"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"))
    feature_set_id: Mapped[int] = mapped_column(ForeignKey("feature_set.id"))
    label_id: Mapped[int | None] = mapped_column(ForeignKey("label.id"), default=None)
    method: Mapped[str] = mapped_column(String(16))
    version: Mapped[int] = mapped_column(default=1)
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    key: Mapped[str] = mapped_column(String(64))
    rows: Mapped[int]
    artefact: Mapped[str] = mapped_column(String(160))
    clusters: Mapped[list[Any]] = mapped_column(default=list)
    quality: Mapped[dict[str, Any]] = mapped_column(default=dict)
    job_id: Mapped[int | None] = mapped_column(Integer, default=None)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Advice(Base):
    """Which labels to split and which to merge, as a job found it on the labels up to ``last_event_id``."""

    __tablename__ = "advice"

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"), index=True)
    feature_set_id: Mapped[int] = mapped_column(ForeignKey("feature_set.id"))
    last_event_id: Mapped[int] = mapped_column(BigInteger, default=0)
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    job_id: Mapped[int | None] = mapped_column(Integer, default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class SavedSelection(Base):
    """Patches that a link names. ``ordinals``: their numbers, ascending, as the store packs them."""

    __tablename__ = "saved_selection"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"), index=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    patch_count: Mapped[int]
    ordinals: Mapped[bytes] = mapped_column(LargeBinary)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Job(Base):
    """Long work. A running job belongs to the worker whose ``lease_token`` it holds until ``lease_until``."""

    __tablename__ = "job"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), index=True)
    title: Mapped[str] = mapped_column(Text, default="")
    args: Mapped[dict[str, Any]] = mapped_column(default=dict)
    dataset_id: Mapped[int | None] = mapped_column(Integer, default=None, index=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), default=None)
    progress: Mapped[float] = mapped_column(default=0.0)
    message: Mapped[str] = mapped_column(Text, default="")
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    error: Mapped[str] = mapped_column(Text, default="")
    attempts: Mapped[int] = mapped_column(default=0)
    needs_sweep: Mapped[bool] = mapped_column(default=False)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    pause_requested: Mapped[bool] = mapped_column(default=False)
    lease_token: Mapped[str | None] = mapped_column(String(64), default=None)
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    after_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"), default=None)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
