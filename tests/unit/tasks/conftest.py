"""Tiny datasets made here."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eobench_dash.domain.people import Principal
from eobench_dash.services import datasets, features, importing
from eobench_dash.tasks import describe_plan


def picture(folder: Path, name: str, color: tuple[int, int, int], seed: int, size: int = 32) -> None:
    """A speckled picture of one colour: patches of a class look alike, and no two are equal."""
    noise = np.random.default_rng(seed).integers(-25, 26, (size, size, 3))
    pixels = np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / name)


CLASSES = {"forest": (30, 90, 40), "sea": (20, 40, 120), "city": (150, 140, 135)}


@pytest.fixture
def imagefolder(tmp_path: Path) -> Path:
    """Three classes of 20 pictures below a data root."""
    folder = tmp_path / "data" / "patches"
    for number, (name, color) in enumerate(CLASSES.items()):
        for i in range(20):
            picture(folder, f"{name}/{name}_{i}.png", color, seed=number * 100 + i)
    return folder


@pytest.fixture
def builder(people) -> Principal:  # type: ignore[no-untyped-def]
    return people.builder


@pytest.fixture
def dataset(workspace, builder, imagefolder, run):  # type: ignore[no-untyped-def]
    """The pictures of ``imagefolder``, imported: 60 patches, not described."""
    run(importing.start_import(workspace, builder, path=str(imagefolder), name="Patches", follow_up=False))
    return datasets.find_dataset(workspace, builder, name="Patches")


@pytest.fixture
def ask(workspace, builder, dataset, monkeypatch):  # type: ignore[no-untyped-def]
    """Asks for a kind in blocks of seven patches: nine blocks."""
    monkeypatch.setattr(describe_plan, "BLOCK_ROWS", (7, 7))
    return lambda kind: features.start_features(workspace, builder, dataset_id=dataset.id, kind=kind)
