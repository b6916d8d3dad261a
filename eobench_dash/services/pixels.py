"""Pixels of any dataset's patches, wherever they come from: image files, windows of products, or the simulator."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.datasets import SourceKind
from eobench_dash.domain.pixels import PixelSpec
from eobench_dash.errors import PatchUnreadable
from eobench_dash.store.images import PatchImages

if TYPE_CHECKING:  # the workers of a cluster import this, and need neither
    from eobench_dash.db.models import Dataset
    from eobench_dash.settings import Settings

Pixels = npt.NDArray[Any]
Masked = tuple[Pixels, npt.NDArray[np.bool_] | None]
"""Pixels (bands, H, W), and (H, W) True where they mean nothing (None: all mean something)."""


class PixelSource(Protocol):
    """Reads patches as (bands, H, W) arrays. May be used by several threads."""

    def read(self, ordinal: int, path: str | None) -> Pixels:
        """One patch. PatchUnreadable where it cannot be read."""

    def read_many(self, ordinals: Sequence[int], paths: Sequence[str | None]) -> list[Pixels]:
        """Several patches, in order."""

    def read_masked(self, ordinals: Sequence[int], paths: Sequence[str | None]) -> list[Masked]:
        """Several patches, in order, each with its mask of pixels without data."""


def masked(pixels: Pixels) -> Masked:
    """Floating-point pixels say themselves where they mean nothing: NaN in any band."""
    if pixels.dtype.kind != "f":
        return pixels, None
    nodata = np.asarray(np.isnan(pixels).any(axis=0))
    return pixels, nodata if nodata.any() else None


class FilePixels:
    """Image files below a root that lies below one of the allowed data roots (checked again at every opening)."""

    def __init__(self, root: str, roots: Sequence[Path], params: Mapping[str, Any] | None = None) -> None:
        self.images = PatchImages(confined_root(root, roots), params)

    def read(self, ordinal: int, path: str | None) -> Pixels:
        if path is None:
            raise PatchUnreadable(f"Patch {ordinal} has no image file.")
        try:
            return self.images.read(path)
        except PatchUnreadable as error:
            raise PatchUnreadable(f"Patch {ordinal} ({path}): {error}") from error

    def read_many(self, ordinals: Sequence[int], paths: Sequence[str | None]) -> list[Pixels]:
        return [self.read(ordinal, path) for ordinal, path in zip(ordinals, paths, strict=True)]

    def read_masked(self, ordinals: Sequence[int], paths: Sequence[str | None]) -> list[Masked]:
        return [masked(pixels) for pixels in self.read_many(ordinals, paths)]


class SimulatedPixels:
    """Patches made on demand."""

    def __init__(self, params: dict[str, Any]) -> None:
        from eobench_dash.simulate import SimulatedScenes  # scipy: half a second that few web processes need

        self.scenes = SimulatedScenes(**params)

    def read(self, ordinal: int, path: str | None) -> Pixels:
        made: Pixels = self.scenes.pixels(np.array([ordinal]))[0]
        return made

    def read_many(self, ordinals: Sequence[int], paths: Sequence[str | None]) -> list[Pixels]:
        return list(self.scenes.pixels(np.asarray(ordinals)))

    def read_masked(self, ordinals: Sequence[int], paths: Sequence[str | None]) -> list[Masked]:
        return [(pixels, None) for pixels in self.read_many(ordinals, paths)]


def confined_root(root: str, roots: Sequence[Path]) -> Path:
    """The real path of a dataset's root; PatchUnreadable where no data root holds it any more."""
    real = Path(os.path.realpath(root))
    if not any(real.is_relative_to(allowed) for allowed in roots):
        raise PatchUnreadable(
            "This dataset's folder is not below EOBENCH_DATA_ROOTS any more; an operator must add it there."
        )
    return real


def pixel_spec(dataset: "Dataset", settings: "Settings") -> PixelSpec:
    """What opening the dataset's pixels takes, as a value."""
    return PixelSpec(
        source_kind=SourceKind(dataset.source_kind),
        modality=dataset.modality,
        root=dataset.root,
        params=dataset.source_params,
        roots=settings.roots,
        unpacked=settings.home / "products",
    )


class Shown(TypedDict):
    """What ``render`` is told of a dataset's bands."""

    names: tuple[str, ...] | None
    unit: str | None


def shown_as(dataset: "Dataset") -> Shown:
    """Names and unit of a dataset's bands, where they are known."""
    params = dataset.source_params or {}
    return Shown(names=tuple(str(name) for name in params.get("bands") or ()) or None, unit=params.get("unit"))


def open_spec(spec: PixelSpec) -> PixelSource:
    """The source of the pixels. PatchUnreadable where there are none."""
    if spec.source_kind == SourceKind.SIMULATED:
        return SimulatedPixels(dict(spec.params))
    if spec.source_kind == SourceKind.FILES and spec.root:
        return FilePixels(spec.root, spec.roots, spec.params)
    if spec.source_kind == SourceKind.PRODUCTS and spec.root:
        from eobench_dash.services.product_pixels import ProductPixels  # rasterio: only where products are read

        return ProductPixels(spec)
    raise PatchUnreadable("This dataset came without images: it holds feature vectors only.")


def open_pixels(dataset: "Dataset", settings: "Settings") -> PixelSource:
    """The source of a dataset's pixels. PatchUnreadable where it has none."""
    return open_spec(pixel_spec(dataset, settings))
