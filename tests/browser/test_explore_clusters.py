"""The tab Clusters: find clusters, look at them on the map, name them, make labels of them, take advice.

60 patches: city 20 and forest 40, of which every second one is a picture of the sea.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from seats import House, Seat, add_people
from sqlalchemy import select

from eobench_dash.db.models import Advice, FeatureSet
from eobench_dash.domain.clusters import MergeAdvice, advice_to_plain
from eobench_dash.domain.jobs import JobState
from eobench_dash.domain.people import Principal
from eobench_dash.services import clusters, datasets, embeddings, features, importing
from eobench_dash.services.workspace import open_workspace
from eobench_dash.settings import Settings

pytestmark = [
    pytest.mark.browser,
    # the browser's driver and the server's threads are closed by their own ends, at times a moment after the test
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
CITY, FOREST, SEA = (150, 140, 135), (30, 90, 40), (20, 40, 120)
SEAS = list(range(21, 60, 2))
"""The patches of forest that show the sea."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, int, dict[str, Principal]]:
    """A workspace with the dataset imported, described, mapped, its forest clustered; each test works on a copy."""
    folder = tmp_path_factory.mktemp("clusters")
    rng = np.random.default_rng(5)
    for name, colors in {"city": [CITY] * 20, "forest": [FOREST, SEA] * 20}.items():
        (folder / "data" / "Coasts" / name).mkdir(parents=True)
        for i, color in enumerate(colors):
            pixels = np.clip(np.array(color) * (0.9 + 0.005 * i) + rng.integers(-20, 21, (16, 16, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / "data" / "Coasts" / name / f"{i:02}.png")
    settings = Settings(_env_file=None, home=folder / "home", data_roots=str(folder / "data"), workers=0)
    ws = open_workspace(settings, create=True)
    who = add_people(ws)
    house = House(ws, "", 0, who)
    importing.start_import(ws, who["ben"], path=str(folder / "data" / "Coasts"), name="Coasts", follow_up=False)
    house.do_jobs()
    house.dataset_id = datasets.find_dataset(ws, who["ben"], name="Coasts").id
    features.start_features(ws, who["ben"], dataset_id=house.dataset_id, kind="color_stats")
    house.do_jobs()
    embeddings.start_embedding(ws, who["ben"], dataset_id=house.dataset_id, method="tsne")
    clusters.start_clusters(ws, who["ben"], dataset_id=house.dataset_id, method="kmeans", k=2, label="forest")
    house.do_jobs()
    assert {job.state for job in house.jobs()} == {JobState.DONE}, [job.error for job in house.jobs()]
    house.assign("eva", None)
    ws.close()
    return settings, house.dataset_id, who


@pytest.fixture
def house(prepared: Any, make_house: Callable[..., House]) -> Iterator[House]:
    yield make_house(*prepared)


def open_tab(seat: Seat, query: str = "") -> Seat:
    seat.explore(f"?tab=clusters{query}")
    seat.until("document.querySelectorAll('.eob-cluster').length === 2")
    return seat


def sea(seat: Seat) -> Any:
    """The row of the cluster whose typical patches show the sea."""
    rows = seat.page.locator(".eob-cluster")
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
    seat.until("document.querySelectorAll('.eob-cluster').length === 3", seconds=40)
    assert "3 clusters of 60 patches" in seat.page.locator(".eob-clusters__facts").inner_text()


def test_labels_are_merged_after_a_second_thought(house: House, sit: Callable[..., Seat]) -> None:
    merge = MergeAdvice("forest", "city", 1, 0, True, 0.46, 0.41, 0.52, 80, "They look alike.", (20, 22), (0, 1))
    with house.ws.db.write() as session:
        kind = session.scalar(select(FeatureSet.id))
        told = advice_to_plain((), (merge,), thresholds={}, notes=())
        row = Advice(dataset_id=house.dataset_id, feature_set_id=kind, last_event_id=10**6, result=told)
        session.add(row)
    seat = open_tab(sit(house, "eva"), "&mode=clean")
    advice = seat.page.locator("#explore-advice")
    assert "No label holds several structures" in advice.inner_text() and "46%" in advice.inner_text()
    advice.get_by_role("button", name="Merge into forest").click()
    box = seat.page.locator("#explore-confirm")
    assert "all 20 patches of city the label forest" in box.inner_text()
    box.get_by_role("button", name="Cancel").click()
    assert house.label(0) == "city"
    advice.get_by_role("button", name="Merge into forest").click()
    box.get_by_role("button", name="Do it").click()
    seat.wait(lambda: house.label(0) == "forest", "the merge")
    seat.until("map.labelOf(0).name === 'forest'")
