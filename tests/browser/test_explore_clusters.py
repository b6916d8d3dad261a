"""The tab Clusters: find clusters, look at them on the map, name them, make labels of them, take advice.

60 patches: city 20 and forest 40, of which every second one is a picture of the sea.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from coasts import COLORS, Prepared, prepare
from seats import House, Seat
from sqlalchemy import select

from eobench_dash.db.models import Advice, FeatureSet
from eobench_dash.domain.clusters import MergeAdvice, Part, SplitAdvice, advice_to_plain
from eobench_dash.services import clusters

pytestmark = [
    pytest.mark.browser,
    # the browser's driver and the server's threads are closed by their own ends, at times a moment after the test
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SEAS = list(range(21, 60, 2))
"""The patches of forest that show the sea."""


def find(house: House) -> None:
    """Two clusters of the forest, before the tests."""
    where = {"dataset_id": house.dataset_id}
    clusters.start_clusters(house.ws, house.who["ben"], **where, method="kmeans", k=2, label="forest")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    groups = {"city": [COLORS["city"]] * 20, "forest": [COLORS["forest"], COLORS["sea"]] * 20}
    return prepare(tmp_path_factory.mktemp("clusters"), groups=groups, maps=({"method": "tsne"},), then=find)


@pytest.fixture
def house(prepared: Prepared, make_house: Callable[..., House]) -> Iterator[House]:
    yield make_house(*prepared)


def open_tab(seat: Seat, query: str = "") -> Seat:
    seat.explore(f"?tab=clusters{query}")
    listed(seat, 2)
    return seat


def listed(seat: Seat, n: int) -> None:
    """So many clusters stand in the list."""
    seat.until("document.querySelectorAll('.eob-clusters__list .eob-cluster').length === a[0]", n, seconds=40)


def advise(house: House, *, splits: tuple[SplitAdvice, ...] = (), merges: tuple[MergeAdvice, ...] = ()) -> None:
    """Advice as if a look at the labels had given it."""
    with house.ws.db.write() as session:
        kind = session.scalar(select(FeatureSet.id))
        told = advice_to_plain(splits, merges, thresholds={}, notes=())
        session.add(Advice(dataset_id=house.dataset_id, feature_set_id=kind, last_event_id=10**6, result=told))


def sea(seat: Seat) -> Any:
    """The row of the cluster whose typical patches show the sea."""
    rows = seat.page.locator(".eob-clusters__list .eob-cluster")
    firsts = [int(rows.nth(i).locator(".eob-thumb").first.get_attribute("data-ordinal")) for i in range(2)]
    return rows.nth(next(i for i, ordinal in enumerate(firsts) if ordinal in SEAS))


def test_clusters_colour_filter_and_select_on_the_map(house: House, sit: Callable[..., Seat]) -> None:
    seat = open_tab(sit(house, "rob"))
    assert seat.page.locator("[data-clusters=rename], [data-clusters=split], [data-clusters=remove]").count() == 0
    row = sea(seat)
    row.locator("[data-clusters=isolate]").click()
    seat.until("map.state().shown === 20")
    assert seat.js("map.state().colourBy").startswith("cluster-")
    row.locator("[data-clusters=isolate]").click()
    seat.until("map.state().shown === 60")
    row.locator("[data-clusters=select]").click()
    seat.until("map.state().selected === 20")
    assert seat.js("Array.from(map.selection())") == SEAS
    thumb = row.locator(".eob-thumb").first
    ordinal = int(thumb.get_attribute("data-ordinal"))
    thumb.click()
    seat.until("map.state().current === a[0]", ordinal)
    seat.neighbours(ordinal)


def test_a_cluster_is_named_and_split_off_as_one_step(house: House, sit: Callable[..., Seat]) -> None:
    seat = open_tab(sit(house, "eva"), "&mode=clean")
    sea(seat).get_by_role("button", name="Rename").click()
    seat.page.keyboard.type("open water")
    seat.page.keyboard.press("Enter")

    def named() -> bool:
        sets = clusters.list_cluster_sets(house.ws, house.who["eva"], dataset_id=house.dataset_id)
        return "open water" in [c.name for c in sets[0].clusters]

    seat.wait(named, "the name in the database")
    seat.until("document.querySelector('.eob-cluster[data-name=\"open water\"]')")
    sea(seat).get_by_role("button", name="Split off").click()
    assert "New label “open water”" in seat.menu()
    seat.page.keyboard.press("Enter")
    seat.told("20 patches forest → open water")
    seat.until("a[0].every((o) => map.labelOf(o).name === 'open water')", SEAS)
    assert [house.label(o) for o in (20, *SEAS[:2])] == ["forest", "open water", "open water"]
    (entry,) = house.history(SEAS[0])
    assert (entry.who, entry.why) == ("eva", "cluster open water")
    seat.page.keyboard.press("Control+z")
    seat.until("a[0].every((o) => map.labelOf(o).name === 'forest')", SEAS)
    seat.wait(lambda: house.label(SEAS[0]) == "forest", "the undo")


def test_clusters_are_asked_for_and_open_when_they_are_there(house: House, sit: Callable[..., Seat]) -> None:
    seat = open_tab(sit(house, "eva"))
    seat.page.get_by_role("button", name="Find clusters").click()
    seat.page.fill("#explore-clusters-number", "1")
    seat.page.get_by_role("button", name="Find", exact=True).click()
    seat.told("The number of clusters is a whole number from 2 to 60")
    seat.page.get_by_role("button", name="Find clusters").click()
    seat.page.fill("#explore-clusters-number", "3")
    seat.page.get_by_role("button", name="Find", exact=True).click()
    seat.wait(lambda: house.jobs()[-1].kind == "cluster" and house.jobs()[-1].args["k"] == 3, "the job")
    house.do_jobs()
    listed(seat, 3)
    assert "3 clusters of 60 patches" in seat.page.locator(".eob-clusters__facts").inner_text()


def test_advice_to_split_is_opened_followed_and_taken_back(house: House, sit: Callable[..., Seat]) -> None:
    where = {"dataset_id": house.dataset_id}
    (found,) = clusters.list_cluster_sets(house.ws, house.who["eva"], **where)
    parts = tuple(Part(c.index, c.name, c.size, c.typical, "as it looks") for c in found.clusters)
    split = SplitAdvice("forest", 1, 40, True, 2, 1.0, 0.6, 2.0, 0.9, "Two parts with a gap.", parts, found.id)
    advise(house, splits=(split,))
    clusters.start_clusters(house.ws, house.who["eva"], **where, method="kmeans", k=3)
    house.do_jobs()
    seat = sit(house, "eva").explore("?tab=clusters&mode=clean")
    listed(seat, 3)
    card = seat.page.locator(".eob-advice")
    assert "1 label may be split, all labels can be told apart" in seat.page.locator("#explore-advice").inner_text()
    card.locator("summary").focus()
    seat.page.keyboard.press("Enter")
    assert "Two parts with a gap." in card.inner_text() and card.locator(".eob-thumb").count() == 12

    card.get_by_role("button", name="Open as clusters").click()
    listed(seat, 2)
    seat.until("map.state().colourBy === a[0]", f"cluster-{found.id}")
    # The panel alone is scrolled: the page is as high as the window.
    assert seat.page.evaluate("() => [scrollY, document.documentElement.scrollHeight - innerHeight]") == [0, 0]

    water = next(c for c in found.clusters if c.typical[0] in SEAS)
    row = card.locator(f'[data-cluster="{water.index}"]')
    row.get_by_role("button", name="Select").click()
    seat.until("map.state().selected === 20")
    row.get_by_role("button", name="Split off").click()
    assert seat.menu()[-1] == f"New label “{water.name}”"
    seat.page.keyboard.type("open water")
    seat.page.keyboard.press("Enter")
    seat.told("20 patches forest → open water")
    seat.until("document.querySelector('.eob-advice--done[open]')")  # and is unfolded still
    assert "20 moved" in row.inner_text() and row.get_by_role("button", name="Split off").count() == 0
    seat.page.keyboard.press("Control+z")
    seat.until("document.querySelector('.eob-advice:not(.eob-advice--done)[open]')")
    assert house.label(SEAS[0]) == "forest" and row.get_by_role("button", name="Split off").count() == 1


def test_labels_are_merged_after_a_second_thought_and_part_again(house: House, sit: Callable[..., Seat]) -> None:
    pair = MergeAdvice("forest", "city", 1, 0, True, 0.46, 0.41, 0.52, 80, "They look alike (46%).", (20, 22), (0, 1))
    advise(house, merges=(pair,))
    seat = open_tab(sit(house, "eva"), "&mode=clean")
    advice, box = seat.page.locator("#explore-advice"), seat.page.locator("#explore-confirm")
    assert "No label holds several kinds, 1 pair may be merged" in advice.inner_text()
    advice.locator("summary").first.click()
    assert "They look alike (46%)" in advice.inner_text() and advice.locator(".eob-thumb").count() == 4
    advice.get_by_role("button", name="Into city").click()
    assert "all 40 patches of forest the label city" in box.inner_text()
    box.get_by_role("button", name="Cancel").click()
    assert house.label(0) == "city" and house.label(20) == "forest"
    advice.get_by_role("button", name="Into forest").click()
    assert "all 20 patches of city the label forest" in box.inner_text()
    seat.page.keyboard.press("Enter")
    seat.wait(lambda: house.label(0) == "forest", "the merge")
    seat.until("map.labelOf(0).name === 'forest'")
    seat.until("document.querySelector('.eob-advice--done[open]')")
    assert advice.get_by_role("button", name="Into").count() == 0
    seat.page.keyboard.press("Control+z")
    seat.until("map.labelOf(0).name === 'city'")
    seat.until("document.querySelector('.eob-advice:not(.eob-advice--done)[open] [data-clusters=merge]')")
    assert house.label(0) == "city"
