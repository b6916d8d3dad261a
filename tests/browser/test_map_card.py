"""The card of the patch under the pointer: what it tells, that nothing moves as it arrives, and the switch of bands."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from seats import REFUSED, House, Seat, add_people

from eobench_dash.domain.jobs import JobState
from eobench_dash.domain.people import Principal
from eobench_dash.domain.wire import unpack_column
from eobench_dash.services import columns, datasets, embeddings, features, importing, neighbours, verification
from eobench_dash.services.workspace import open_workspace
from eobench_dash.settings import Settings

pytestmark = [
    pytest.mark.browser,
    # the browser's driver and the server's threads are closed by their own ends, at times a moment after the test
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
COLORS = {"city": (150, 140, 135), "forest": (30, 90, 40), "sea": (20, 40, 120)}
EACH = 24
CARD = "document.querySelector('#explore-map .eob-map__card')"
PRODUCT = "S2A_MSIL2A_20170613T101031"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, int, int, dict[str, Principal]]:
    """A verified dataset of pictures, one in a product's folder, and a simulated one of 13 bands; both mapped."""
    folder = tmp_path_factory.mktemp("card")
    rng = np.random.default_rng(5)
    for name, color in COLORS.items():
        (folder / "data" / "Coasts" / name).mkdir(parents=True)
        for i in range(EACH):
            base = COLORS["sea"] if name == "forest" and i == 7 else color
            pixels = np.clip(np.array(base) * (0.7 + 0.025 * i) + rng.integers(-20, 21, (32, 32, 3)), 0, 255)
            stem = f"{PRODUCT}_{i:02}" if name == "sea" else f"{name}_{i:02}"
            Image.fromarray(pixels.astype(np.uint8)).save(folder / "data" / "Coasts" / name / f"{stem}.png")
    settings = Settings(_env_file=None, home=folder / "home", data_roots=str(folder / "data"), workers=0)
    ws = open_workspace(settings, create=True)
    who = add_people(ws)
    house, ben = House(ws, "", 0, who), who["ben"]
    importing.start_import(ws, ben, path=str(folder / "data" / "Coasts"), name="Coasts", follow_up=False)
    importing.start_simulation(ws, ben, name="Bands", modality="optical", count=60, follow_up=False)
    house.do_jobs()
    coasts, bands = (datasets.find_dataset(ws, ben, name=name).id for name in ("Coasts", "Bands"))
    for dataset_id in (coasts, bands):
        features.start_features(ws, ben, dataset_id=dataset_id, kind="color_stats")
        house.do_jobs()
        embeddings.start_embedding(ws, ben, dataset_id=dataset_id)
    verification.start_verification(ws, ben, dataset_id=coasts)
    house.do_jobs()
    assert {job.state for job in house.jobs()} == {JobState.DONE}, [job.error for job in house.jobs()]
    ws.close()
    return settings, coasts, bands, who


@pytest.fixture(scope="module")
def house(prepared: Any, share_house: Callable[..., House]) -> House:
    """For the tests that only look."""
    settings, coasts, _, who = prepared
    return share_house(settings, coasts, who)


def rows(seat: Seat) -> dict[str, int]:
    """The neighbours' label mix as the card shows it."""
    code = (
        "[...document.querySelectorAll('#explore-map .eob-map__mix-row:not(.is-empty)')]"
        ".map((r) => [r.children[0].textContent, Number(r.children[2].textContent)])"
    )
    return dict(seat.js(code))


def text(seat: Seat, part: str) -> str:
    return str(seat.page.locator(f"#explore-map .eob-map__{part}").first.text_content())


def mix(house: House, ordinal: int) -> dict[str, int]:
    found = neighbours.neighbours(house.ws, house.who["ada"], dataset_id=house.dataset_id, ordinal=ordinal, k=20)
    return dict(Counter(n.label for n in found).most_common(3))


def test_the_card_tells_of_label_confidence_neighbours_and_source(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore()
    stray = EACH + 7  # a picture of the sea under "forest"
    seat.hover(stray)
    seat.wait(lambda: rows(seat) == mix(house, stray), "the label mix")
    seat.until(f"{CARD}.querySelector('.eob-map__file').textContent === 'forest_07.png'")
    assert text(seat, "label") == "forest" and text(seat, "folder") == "forest"
    data, _ = columns.column_bytes(house.ws, house.who["rob"], dataset_id=house.dataset_id, name="confidence")
    confidence = float(unpack_column(data)[1][stray])
    seat.until(f"{CARD}.querySelector('.eob-map__value-text').textContent === a[0]", f"{confidence:.2f}")
    assert confidence < 0.3 and text(seat, "value-title") == "Confidence"
    sea = seat.alone(label="sea")
    seat.hover(sea)
    seat.until(f"{CARD}.querySelector('.eob-map__folder').textContent === a[0]", PRODUCT)


def test_nothing_moves_while_the_parts_arrive(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore()
    first = seat.alone(label="sea")
    second = seat.alone(label="city", avoid=[first])
    seat.hover(first)
    seat.wait(lambda: rows(seat) == mix(house, first), "the label mix")
    seat.until(f"{CARD}.querySelector('.eob-map__file').textContent && !{CARD}.querySelector('.is-waiting')")
    watch = f"""(() => {{
      window.sizes = [];
      const look = () => {{
        const all = [{CARD}, ...{CARD}.children].filter((e) => e.offsetHeight);
        window.sizes.push(all.map((e) => [e.offsetTop, e.offsetHeight]).join(' '));
        window.watching = requestAnimationFrame(look);
      }};
      look();
    }})()"""
    seat.js(watch)
    seat.hover(second)
    file = f"{CARD}.querySelector('.eob-map__file').textContent"
    seat.until(
        f"/^city/.test({file}) && {CARD}.querySelector('.eob-map__picture').dataset.ordinal === String(a[0])", second
    )
    sizes = seat.js("(cancelAnimationFrame(window.watching), window.sizes)")
    assert len(sizes) > 2 and len(set(sizes)) == 1, set(sizes)


def test_what_colours_the_map_is_told(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore("?colour=suspicion")
    seat.until("map.state().column?.name === 'suspicion'")
    stray = EACH + 7
    seat.hover(stray)
    assert text(seat, "value-title") == "Suspicion"
    data, _ = columns.column_bytes(house.ws, house.who["rob"], dataset_id=house.dataset_id, name="suspicion")
    assert float(text(seat, "value-text")) == pytest.approx(float(unpack_column(data)[1][stray]), rel=1e-3)


@pytest.mark.parametrize("viewport", [(1366, 768), (1280, 800)])
def test_a_long_legend_leaves_room_for_the_card(
    house: House, sit: Callable[..., Seat], viewport: tuple[int, int]
) -> None:
    seat = sit(house, "rob", viewport=viewport).explore("?colour=imported")
    seat.until("document.querySelectorAll('#explore-map .eob-map__legend-row').length === 3")
    body = "document.querySelector('#explore-map .eob-map__legend-body')"
    seat.js(f"{body}.append(...Array.from({{ length: 40 }}, () => {body}.firstChild.cloneNode(true)))")
    patch = seat.alone(label="sea")
    seat.hover(patch)
    seat.until(f"{CARD}.querySelector('.eob-map__folder').textContent === a[0]", PRODUCT)
    seat.until(f"{CARD}.querySelector('.eob-map__mix').checkVisibility()")
    card, legend = (seat.page.locator(f"#explore-map .eob-map__{name}").bounding_box() for name in ("card", "legend"))
    assert card["y"] + card["height"] < legend["y"] or card["x"] > legend["x"] + legend["width"], (card, legend)
    assert legend["height"] > 90, "of use all the same"


def test_without_the_mix_the_neighbours_are_asked_for_when_the_pointer_rests(
    house: House, sit: Callable[..., Seat]
) -> None:
    seat = sit(house, "rob")
    seat.allowed = (*seat.allowed, REFUSED)
    seat.page.route("**/mix.bin", lambda route: route.fulfill(status=503))
    asked: list[str] = []
    seat.page.on("request", lambda r: asked.append(r.url) if "/neighbours/" in r.url else None)
    seat.explore()
    seat.until("performance.getEntriesByType('resource').some((e) => e.name.endsWith('/mix.bin'))")
    ordinal = seat.alone(label="city")
    seat.hover(ordinal)
    seat.wait(lambda: rows(seat) == mix(house, ordinal), "the label mix")
    assert len(asked) == 1


def test_the_mix_follows_what_others_change(
    prepared: Any, make_house: Callable[..., House], sit: Callable[..., Seat]
) -> None:
    settings, coasts, _, who = prepared
    house = make_house(settings, coasts, who)
    seat = sit(house, "rob").explore()
    ordinal = seat.alone(label="city")
    seat.hover(ordinal)
    seat.wait(lambda: rows(seat) == mix(house, ordinal), "the label mix")
    found = neighbours.neighbours(house.ws, house.who["ada"], dataset_id=house.dataset_id, ordinal=ordinal, k=20)
    house.relabel("ben", [n.ordinal for n in found], "sea")
    seat.wait(lambda: rows(seat) == {"sea": 20}, "the new mix")


def test_the_thumbnail_is_there_before_the_picture(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore()
    ordinal = seat.alone(label="sea")
    held: list[Any] = []
    seat.page.route("**/patches/*/image*", lambda route: held.append(route))
    seat.js("map.flyTo(a[0])", ordinal)
    seat.settle()
    seat.until("map.state().thumbs?.drawn > 0")
    seat.js("map.mark(null)")
    seat.hover(ordinal)
    box = f"{CARD}.querySelector('.eob-map__picture')"
    code = f"""(() => {{
      const canvas = {box}.querySelector('canvas');
      if (!canvas) return null;
      const {{ data }} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return [0, 1, 2].map((c) => data.filter((_, i) => i % 4 === c).reduce((a, b) => a + b) / (data.length / 4));
    }})()"""
    red, green, blue = seat.wait(lambda: seat.js(code), "the enlarged thumbnail")
    assert blue > 1.6 * green > 1.6 * red
    assert not seat.js(f"{box}.classList.contains('is-waiting')")
    while held:
        held.pop().continue_()
    seat.page.unroute("**/patches/*/image*")
    seat.until(f"{box}.querySelector('img') && {box}.dataset.ordinal === String(a[0])", ordinal)


def test_bands_and_brightness_by_key_and_by_switch(
    prepared: Any, make_house: Callable[..., House], sit: Callable[..., Seat]
) -> None:
    settings, _, bands, who = prepared
    seat = sit(make_house(settings, bands, who), "rob").explore()
    switch = seat.page.locator("#explore-map .eob-map__looks")
    seat.wait(lambda: switch.is_visible(), "the switch")
    labels = [b.text_content() for b in switch.locator("button").all()]
    assert labels == ["True colour", "False colour", "SWIR", "2-98 %", "Fixed"]
    ordinal = seat.js("Number([...Array(map.state().n).keys()].find((o) => map.labelOf(o)))")
    seat.js("map.flyTo(a[0])", ordinal)
    seat.settle()

    def source() -> str:
        return seat.js(f"{CARD}.querySelector('.eob-map__picture img')?.getAttribute('src') || ''")

    def chosen() -> list[str]:
        return [str(b.text_content()) for b in switch.locator("[aria-pressed=true]").all()]

    seat.wait(lambda: f"/patches/{ordinal}/image" in source() and "look=" not in source(), "true colour")
    seat.page.keyboard.press("b")
    seat.wait(lambda: "look=false" in source(), "false colour")
    assert chosen() == ["False colour", "2-98 %"]
    seat.page.keyboard.press("Shift+B")
    seat.wait(lambda: "look=false&stretch=fixed" in source(), "fixed bounds")
    seat.page.locator("#explore-goto").press("b")  # who types means a letter
    assert chosen() == ["False colour", "Fixed"]
    switch.get_by_text("SWIR").click()
    seat.wait(lambda: "look=swir&stretch=fixed" in source(), "short-wave infrared")
    assert seat.js("document.activeElement.textContent") == "SWIR"  # the keyboard stays where it was
    assert seat.js("map.state().current") == ordinal
    switch.get_by_text("True colour").click()
    switch.get_by_text("2-98 %").click()
    seat.wait(lambda: "look=" not in source() and "stretch=" not in source(), "the usual picture")


def test_a_tap_shows_the_card_on_a_small_screen(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob", viewport=(390, 844), has_touch=True).explore()
    top = "document.querySelector('#explore-map .eob-map__top')"
    free = f"document.elementFromPoint(s.x, s.y) === {top} && map.pick(s.x - b.left, s.y - b.top) === o"
    find = f"((b) => [...Array(map.state().n).keys()].find((o) => ((s) => {free})(map.screenOf(o))))"
    ordinal = seat.js(f"{find}({top}.getBoundingClientRect())")
    seat.page.touchscreen.tap(*seat.at(ordinal))
    seat.until(f"!{CARD}.hidden && {CARD}.querySelector('.eob-map__id').textContent === '#' + a[0]", ordinal)
    seat.wait(lambda: rows(seat) == mix(house, ordinal), "the label mix")
    card = seat.page.locator("#explore-map .eob-map__card").bounding_box()
    assert card["width"] < 140 and card["x"] >= 0
    assert seat.js("document.documentElement.scrollWidth <= innerWidth")


def test_anonymous_readers_get_the_card_too(
    prepared: Any, make_house: Callable[..., House], sit: Callable[..., Seat]
) -> None:
    settings, coasts, _, who = prepared
    house = make_house(settings.model_copy(update={"public": True}), coasts, who)
    datasets.describe_dataset(house.ws, who["ada"], dataset_id=coasts, public=True)
    seat = sit(house, None).explore()
    ordinal = seat.alone(label="sea")
    seat.hover(ordinal)
    seat.wait(lambda: rows(seat) == mix(house, ordinal), "the label mix")
