"""Pixels of any dataset's patches, wherever they come from: image files below its root, or the seeded simulator."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from eobench_dash.db.models import Dataset
from eobench_dash.domain.datasets import SourceKind
from eobench_dash.errors import PatchUnreadable
from eobench_dash.settings import Settings
from eobench_dash.store.images import PatchImages

Pixels = npt.NDArray[Any]


class PixelSource(Protocol):
    """Reads patches as (bands, H, W) arrays, or as bytes that a browser shows."""

    def read(self, ordinal: int, path: str | None) -> Pixels:
        """One patch. PatchUnreadable where it cannot be read."""

    def read_many(self, ordinals: Sequence[int], paths: Sequence[str | None]) -> list[Pixels]:
        """Several patches, in order."""


class FilePixels:
    """Image files below a root that lies below one of the allowed data roots (checked again at every opening)."""

    def __init__(self, root: str, settings: Settings) -> None:
        real = Path(os.path.realpath(root))
        if not any(real.is_relative_to(allowed) for allowed in settings.roots):
            raise PatchUnreadable(
                "This dataset's folder is not below EOBENCH_DATA_ROOTS any more; an operator must add it there."
            )
        self.images = PatchImages(real)

    def read(self, ordinal: int, path: str | None) -> Pixels:
        if path is None:
            raise PatchUnreadable(f"Patch {ordinal} has no image file.")
        try:
            return self.images.read(path)
        except PatchUnreadable as error:
            raise PatchUnreadable(f"Patch {ordinal} ({path}): {error}") from error

    def read_many(self, ordinals: Sequence[int], paths: Sequence[str | None]) -> list[Pixels]:
        return [self.read(ordinal, path) for ordinal, path in zip(ordinals, paths, strict=True)]


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


def open_pixels(dataset: Dataset, settings: Settings) -> PixelSource:
    """The source of a dataset's pixels. PatchUnreadable where it has none."""
    if dataset.source_kind == SourceKind.SIMULATED:
        return SimulatedPixels(dataset.source_params)
    if dataset.source_kind == SourceKind.FILES and dataset.root:
        return FilePixels(dataset.root, settings)
    raise PatchUnreadable("This dataset came without images: it holds feature vectors only.")
