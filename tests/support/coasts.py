"""Coasts: 90 small pictures (city, forest, sea: 30 each, told apart by colour), imported, described, mapped."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from seats import House, add_people

from eobench_dash.domain.jobs import JobState
from eobench_dash.domain.people import Principal
from eobench_dash.services import datasets, embeddings, features, importing
from eobench_dash.services.workspace import open_workspace
from eobench_dash.settings import Settings

COLORS = {"city": (150, 140, 135), "forest": (30, 90, 40), "sea": (20, 40, 120)}
EACH = 30

Color = tuple[int, int, int]
Prepared = tuple[Settings, int, dict[str, Principal]]


def coasts() -> dict[str, list[Color]]:
    """The colour of every picture, label by label; two of the forest's are pictures of the sea."""
    groups = {name: [color] * EACH for name, color in COLORS.items()}
    for i in (4, 17):
        groups["forest"][i] = COLORS["sea"]
    return groups


def draw(folder: Path, groups: Mapping[str, Sequence[Color]]) -> None:
    """Speckled pictures, each of a label a little brighter than the last."""
    rng = np.random.default_rng(3)
    for name, colors in groups.items():
        (folder / name).mkdir(parents=True)
        for i, color in enumerate(colors):
            brightness = 0.7 + 0.75 * i / len(colors)
            pixels = np.clip(np.array(color) * brightness + rng.integers(-20, 21, (32, 32, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{name}_{i:02}.png")


def prepare(
    folder: Path,
    *,
    groups: Mapping[str, Sequence[Color]] | None = None,
    maps: Sequence[Mapping[str, Any]] = ({},),
    then: Callable[[House], None] = lambda house: None,
    **more: Any,
) -> Prepared:
    """A workspace below ``folder`` with the dataset and these maps (arguments of ``start_embedding``); ``then``: what
    is done with it before it is closed. Eva may change every label, eli the sea's.
    """
    groups = coasts() if groups is None else groups
    draw(folder / "data" / "Coasts", groups)
    settings = Settings(_env_file=None, home=folder / "home", data_roots=str(folder / "data"), workers=0, **more)
    ws = open_workspace(settings, create=True)
    who = add_people(ws)
    house = House(ws, "", 0, who)
    importing.start_import(ws, who["ben"], path=str(folder / "data" / "Coasts"), name="Coasts", follow_up=False)
    house.do_jobs()
    dataset_id = datasets.find_dataset(ws, who["ben"], name="Coasts").id
    features.start_features(ws, who["ben"], dataset_id=dataset_id, kind="color_stats")
    house.do_jobs()
    for asked in maps:
        embeddings.start_embedding(ws, who["ben"], dataset_id=dataset_id, **asked)
        house.do_jobs()
    house.dataset_id = dataset_id
    house.assign("eva", None)
    if "sea" in groups:
        house.assign("eli", "sea")
    then(house)
    house.do_jobs()
    assert all(job.state == JobState.DONE for job in house.jobs()), [job.error for job in house.jobs()]
    ws.close()
    return settings, dataset_id, who
