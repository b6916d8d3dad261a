"""All that opening a dataset's pixels takes, without its database row: it travels to other processes and hosts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eobench_dash.domain.datasets import SourceKind


@dataclass(frozen=True)
class PixelSpec:
    """Where the pixels of a dataset are and how they are read.

    ``roots``: the folders below which files may lie; ``unpacked``: where zipped products are unpacked.
    ``params``: Dataset.source_params.
    """

    source_kind: SourceKind
    modality: str
    root: str | None
    params: Mapping[str, Any] = field(default_factory=dict)
    roots: tuple[Path, ...] = ()
    unpacked: Path | None = None

    @property
    def band_names(self) -> tuple[str, ...] | None:
        """Names of the bands in the order of the pixels, where they are known."""
        names = self.params.get("bands")
        return tuple(str(name) for name in names) if names else None
