"""Tiny datasets made here."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eobench_dash.domain.people import Principal


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
