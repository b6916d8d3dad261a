"""Find a patch, tell about it, show its picture."""

import re

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from eobench_dash.db.models import Dataset, Label, Patch, PatchLabel
from eobench_dash.db.queries.datasets import visible_patches
from eobench_dash.db.queries.products import product_with
from eobench_dash.domain.columns import product_of
from eobench_dash.domain.datasets import SourceKind
from eobench_dash.domain.ingesting import FLAGS, worst_flag
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.looks import LOOK_NAMES, STRETCH_NAMES
from eobench_dash.domain.patches import PatchInfo, WindowInfo
from eobench_dash.domain.people import Principal
from eobench_dash.domain.products import ProductInfo
from eobench_dash.errors import BadInput, NotFound, PatchUnreadable
from eobench_dash.services.access import visible_dataset
from eobench_dash.services.pixels import FilePixels, open_pixels, shown_as
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.render import render, thumbnail

SIZES = (64, 96, 128, 256, 512)
"""Widths in pixels at which pictures are served."""


def find_patch(ws: Workspace, who: Principal, *, dataset_id: int, query: str) -> int:
    """The ordinal of the patch that ``query`` names: its number, its path, or the end of its path.

    NotFound where there is none, BadInput where several paths end so.
    """
    wanted = query.strip()
    if not 0 < len(wanted) <= 1024 or "\0" in wanted or any("\ud800" <= c <= "\udfff" for c in wanted):
        raise BadInput("Type a patch's number, or its path or the end of it.")
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        if re.fullmatch(r"#?\d{1,9}", wanted):
            ordinal = int(wanted.lstrip("#"))
            if ordinal < dataset.patch_count:
                return ordinal
            raise NotFound(f"There is no patch {ordinal}: this dataset's patches are 0 to {dataset.patch_count - 1}.")
        base = select(Patch.ordinal).where(visible_patches(dataset))
        if (exact := session.scalar(base.where(Patch.path == wanted))) is not None:
            return exact
        found = session.scalars(
            base.where(Patch.path.endswith(wanted, autoescape=True)).order_by(Patch.ordinal).limit(2)
        )
        match list(found):
            case [only]:
                return only
            case []:
                raise NotFound(f"No patch has a path that ends with {wanted[:80]!r}.")
            case _:
                raise BadInput(f"Several patches have a path that ends with {wanted[:80]!r}; type more of it.")


def patch_info(ws: Workspace, who: Principal, *, dataset_id: int, ordinal: int) -> PatchInfo:
    """All that is known of one patch."""
    imported = aliased(Label)
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        query = (
            select(Patch, Label, imported.name)
            .outerjoin(Label, Label.id == Patch.label_id)
            .outerjoin(imported, imported.id == Patch.imported_label_id)
            .where(visible_patches(dataset), Patch.ordinal == ordinal)
        )
        row = session.execute(query).one_or_none()
        if row is None:
            raise _no_patch(dataset, ordinal)
        patch, label, imported_name = row
        further = (
            select(Label.name)
            .join(PatchLabel, PatchLabel.label_id == Label.id)
            .where(PatchLabel.dataset_id == dataset_id, PatchLabel.ordinal == ordinal)
            .order_by(Label.name)
        )
        product, window = _window(session, dataset, ordinal)
        return PatchInfo(
            dataset_id=dataset_id,
            ordinal=ordinal,
            path=patch.path,
            label=label.name if label else None,
            label_code=label.code if label else NO_LABEL,
            color=label.color if label else "",
            imported_label=imported_name,
            further_labels=tuple(session.scalars(further)),
            lon=patch.lon,
            lat=patch.lat,
            unsure=patch.unsure,
            excluded=patch.excluded,
            last_event=patch.last_event_id,
            product=product or product_of(patch.path),
            window=window,
        )


def patch_image(
    ws: Workspace,
    who: Principal,
    *,
    dataset_id: int,
    ordinal: int,
    size: int | None = None,
    look: str | None = None,
    stretch: str | None = None,
) -> tuple[bytes, str]:
    """A patch's picture as (bytes, MIME type): the file itself where a browser can show it, or ``size`` pixels wide.

    ``size`` is rounded up to one of SIZES. ``look`` and ``stretch`` choose bands and brightness (domain.looks; None:
    the usual ones). PatchUnreadable where there is no picture, it is broken, or it does not hold the look's bands.
    """
    _check_look(look, stretch)
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        path = session.execute(
            select(Patch.path).where(visible_patches(dataset), Patch.ordinal == ordinal)
        ).one_or_none()
        if path is None:
            raise _no_patch(dataset, ordinal)
    width = None if size is None else next((s for s in SIZES if s >= size), SIZES[-1])
    key = f"picture-1/{dataset.id}/{dataset.created_at.timestamp()}/{ordinal}/{width}"
    if look or stretch:
        key += f"/{look}/{stretch}"
    source = open_pixels(dataset, ws.settings)
    if not (width or look or stretch) and isinstance(source, FilePixels) and path[0] is not None:
        return source.images.open_bytes(path[0], modality=dataset.modality)
    if (cached := ws.cache.get(key)) is not None:
        return cached, "image/webp"
    pixels = source.read(ordinal, path[0])
    picture = render(pixels, modality=dataset.modality, look=look, stretch=stretch, **shown_as(dataset))
    made = thumbnail(picture, width or max(picture.shape[:2]))
    ws.cache.put(key, made)
    return made, "image/webp"


def _window(session: Session, dataset: Dataset, ordinal: int) -> tuple[str | None, WindowInfo | None]:
    """The product that a patch is a window of, by name, and where it lies in there."""
    if dataset.source_kind != SourceKind.PRODUCTS:
        return None, None
    found = session.execute(product_with(dataset.id, ordinal)).one_or_none()
    if found is None:
        return None, None
    product, window = found
    info = ProductInfo.from_dict(product.info)
    corners = None if window.corners is None else np.frombuffer(window.corners, "<f8").reshape(4, 2).tolist()
    measured = {name: getattr(window, name) for name in FLAGS}
    flags = {name: value for name, value in measured.items() if value is not None}
    return product.name, WindowInfo(
        product_id=product.id,
        row=window.row,
        col=window.col,
        size=window.size,
        parent=window.parent,
        crs=info.crs,
        metres=None
        if info.pixel_size is None
        else (window.size * info.pixel_size[0], window.size * info.pixel_size[1]),
        sensed_at=product.sensed_at,
        corners=None if corners is None else tuple((lon, lat) for lon, lat in corners),
        flags=flags,
        duplicate_of=window.duplicate_of,
        worst=worst_flag(flags),
    )


def _check_look(look: str | None, stretch: str | None) -> None:
    for what, value, known in (("look", look, LOOK_NAMES), ("stretch", stretch, STRETCH_NAMES)):
        if value is not None and value not in known:
            raise BadInput(f"The {what} {value[:20]!r} is not known; use one of {', '.join(sorted(known))}.")


def _no_patch(dataset: Dataset, ordinal: int) -> NotFound | PatchUnreadable:
    if dataset.source_kind == SourceKind.NONE and ordinal < dataset.patch_count:
        return PatchUnreadable("This dataset came without images.")
    return NotFound(f"There is no patch {ordinal}: this dataset's patches are 0 to {dataset.patch_count - 1}.")
