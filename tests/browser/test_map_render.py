"""What the map draws: GPU and software alike, and nothing that buries the few."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from maps import Driver, World, clusters

pytestmark = pytest.mark.browser


def both(driver: Driver) -> tuple[np.ndarray, np.ndarray]:
    """The same picture by the software raster and by the GPU path."""
    pictures = []
    for kind in ("software", "gpu"):
        driver.props(renderer=kind)
        driver.until("map.state().renderer.kind === a[0]", kind)
        pictures.append(driver.redrawn())
    return pictures[0], pictures[1]


def alike(driver: Driver) -> None:
    """Few pixels differ, and those by little: blending rounds differently, sub-pixel positions may fall either way."""
    one, other = both(driver)
    assert (one != one[2, 2]).any()
    gap = np.abs(one - other).max(axis=2)
    assert gap.mean() < 0.8, gap.mean()
    assert np.percentile(gap[(one != one[2, 2]).any(axis=2)], 99) <= 24
    assert (gap > 64).mean() < 0.0005


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_gpu_draws_the_softwares_picture(opened: Callable[..., Driver], theme: str) -> None:
    world = clusters(6000)
    driver = opened(world, viewport=(700, 500), theme=theme).ready()
    alike(driver)
    driver.page.mouse.move(500, 250)
    driver.page.mouse.wheel(0, -900)  # rims
    driver.settle()
    alike(driver)
    driver.js("map.select(a[0])", list(range(0, 6000, 7)))
    driver.js("map.setFilter({labels: [1, 65535]})")
    alike(driver)


def test_the_gpu_repaints_one_point_as_a_redraw_would(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(6000), viewport=(700, 500), renderer="gpu").ready()
    assert driver.js("map.state().renderer") == {"kind": "gpu", "contexts": 1}
    before = driver.pixels()
    driver.js("void (window.undo = map.recolour([10, 500], 9))")
    after = driver.pixels()
    assert 0 < (before != after).any(axis=2).sum() < 400
    assert (after == driver.redrawn()).all()
    driver.js("window.undo()")
    assert (driver.pixels() == before).all()


def test_a_lost_context_leaves_the_map_to_software(opened: Callable[..., Driver]) -> None:
    world = clusters(3000)
    driver = opened(world, viewport=(700, 500), renderer="gpu").ready()
    picture = driver.pixels()
    driver.page.evaluate(
        "() => import(document.querySelector('link[href*=\"/context.\"]').href).then((m) => m.loseContext())"
    )
    driver.until("map.state().renderer.kind === 'software'")
    driver.settle()
    assert driver.js("map.state().renderer.contexts") == 0
    assert np.abs(driver.pixels() - picture).mean() < 0.8


def test_software_gl_is_not_taken_for_a_gpu(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(300)).ready()  # the tests' Chromium draws GL in software
    assert driver.js("map.state().renderer") == {"kind": "software", "contexts": 0}


def buried(n: int, few: int, *, seed: int = 3) -> World:
    """n patches in one wide cloud of two labels, and a third label with few of them, in the thick of it."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, n).astype(np.uint16)
    codes[rng.choice(n, few, replace=False)] = 2
    table = [
        {"code": code, "name": name, "color": color}
        for code, name, color in ((0, "Many", "#3366cc"), (1, "Many more", "#2e9e5b"), (2, "Few", "#e0218a"))
    ]
    x, y = rng.normal(0, 1, (2, n)).astype(np.float32)
    return World(x, y, codes, labels=table)


def test_a_class_of_fifty_among_300_000_is_seen(opened: Callable[..., Driver]) -> None:
    world = buried(300_000, 50)
    driver = opened(world, viewport=(1000, 800)).ready()
    picture, box = driver.pixels(), driver.page.locator(".eob-map__base").bounding_box()
    wanted = np.array([0xE0, 0x21, 0x8A])
    few = np.flatnonzero(world.codes == 2).tolist()
    found = 0
    for place in driver.js("a[0].map((o) => map.screenOf(o))", few):
        px, py = int(place["x"] - box["x"]), int(place["y"] - box["y"])
        found += bool(np.abs(picture[py - 1 : py + 2, px - 1 : px + 2] - wanted).max(axis=2).min() < 70)
    assert found == 50


def test_a_million_points_are_recoloured_one_by_one(opened: Callable[..., Driver]) -> None:
    """The picture after one relabel is the picture drawn anew, with codes that are drawn last in it."""
    driver = opened(buried(200_000, 300), viewport=(600, 500)).ready()
    full = driver.js("map.state().stats.full")
    driver.js("void map.recolour([5, 6], 2)")
    after = driver.pixels()
    assert driver.js("map.state().stats.full") == full
    assert (after == driver.redrawn()).all()


def test_a_wished_gpu_that_is_not_there_is_no_fault(opened: Callable[..., Any]) -> None:
    driver = opened(clusters(300), hidden=[1]).ready()
    driver.page.evaluate("() => { HTMLCanvasElement.prototype.getContext = ((get) => function (kind, ...rest) {"
                         " return kind === 'webgl2' ? null : get.call(this, kind, ...rest); })"
                         "(HTMLCanvasElement.prototype.getContext); }")  # fmt: skip
    driver.props(renderer="gpu")
    assert driver.js("map.state().renderer.kind") == "software" and driver.js("map.state().ready")
