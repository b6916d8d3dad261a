"""The whole way on real patches: log in, map, hover, neighbours, relabel, undo, verify, take PDF and CSV home.

On a seeded sample of 600 EuroSAT patches, through the pages, the form and the policy that people meet. The jobs that
the pages queue are done here as a worker does them.
"""

import csv
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from seats import PASSWORD, House, Seat, add_people

from eobench_dash.domain.jobs import JobState
from eobench_dash.services import datasets, importing
from eobench_dash.services.workspace import open_workspace
from eobench_dash.settings import Settings

pytestmark = [
    pytest.mark.browser,
    # the browser's driver and the server's threads are closed by their own ends, at times a moment after the test
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SAMPLE, SEED = 600, 20261123
NAME = "EuroSAT sample"


@pytest.fixture
def sample(shared_dir: Path, tmp_path: Path) -> Path:
    """As many patches of each class, drawn with a seed."""
    rng = np.random.default_rng(SEED)
    folder = tmp_path / "data" / NAME
    classes = sorted(path for path in (shared_dir / "data" / "eurosat").iterdir() if path.is_dir())
    for group in classes:
        (folder / group.name).mkdir(parents=True)
        files = sorted(group.glob("*.jpg"))
        for i in rng.choice(len(files), SAMPLE // len(classes), replace=False):
            shutil.copy(files[i], folder / group.name)
    return folder


@pytest.fixture
def house(sample: Path, tmp_path: Path, make_house: Callable[..., House]) -> House:
    """The sample imported, described by the default features and mapped: what the import queues by itself."""
    settings = Settings(_env_file=None, home=tmp_path / "prepared", data_roots=str(tmp_path / "data"), workers=0)
    ws = open_workspace(settings, create=True)
    who = add_people(ws)
    importing.start_import(ws, who["ben"], path=str(sample), name=NAME)
    jobs = House(ws, "", 0, who).do_jobs()
    assert [job.state for job in jobs] == [JobState.DONE] * 4, [job.error for job in jobs]
    dataset = datasets.find_dataset(ws, who["ben"], name=NAME)
    assert dataset.patch_count == SAMPLE
    ws.close()
    return make_house(settings, dataset.id, who)


def test_the_whole_way(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, None, viewport=(1440, 900))
    page = seat.page

    # log in, through the form
    page.goto(f"{house.url}/explore/{house.dataset_id}")
    page.wait_for_url("**/auth/login*")
    page.fill("[name=name]", "ben")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")

    # the map, where the log-in leads back to
    page.wait_for_url(f"{house.url}/explore/{house.dataset_id}")
    seat.ready()
    assert seat.js("map.state().n") == SAMPLE and len(seat.counts()) == 10

    # hover: the picture at once; click: the neighbours
    river = seat.alone(label="River")
    seat.hover(river)
    picture = page.locator(".eob-map__picture img")
    seat.wait(lambda: picture.evaluate("(i) => i.naturalWidth") >= 64, "the picture, large")
    assert page.locator("#explore-map .eob-map__label").inner_text() == "River"
    seat.click(river)
    assert len(seat.neighbours(river)) == 20
    pictures = page.locator("#explore-neighbours img")
    seat.wait(
        lambda: pictures.evaluate_all("(all) => all.every((i) => i.naturalWidth > 0)"), "the neighbours' pictures"
    )

    # right click: relabel; undo
    seat.mode("Clean")
    seat.click(river, "right")
    seat.choose("sealake")
    seat.told("1 patch River → SeaLake")
    assert house.label(river) == "SeaLake"
    seat.wait(lambda: seat.counts()["River"] == SAMPLE // 10 - 1, "the counts")
    page.keyboard.press("Control+z")
    seat.told("Undo: 1 patch River → SeaLake")
    assert house.label(river) == "River" and [e.who for e in house.history(river)] == ["ben", "ben"]

    # verify
    page.get_by_role("link", name="Verify").click()
    page.get_by_role("button", name="Run verification").click()
    seat.wait(lambda: any(job.kind == "verify" for job in house.jobs()), "the job")
    (job,) = house.do_jobs()
    assert job.state == JobState.DONE, job.error
    card = page.locator(".eob-figure-card", has_text="Overall accuracy").locator(".eob-figure-card__value")
    card.wait_for(timeout=30_000)
    accuracy = float(re.search(r"[\d.]+", card.inner_text())[0])
    assert 50 < accuracy < 100

    # take home: the PDF, rendered, and the CSV
    with page.expect_download() as pdf:
        page.get_by_role("link", name="PDF").click()
    text = read_pdf(Path(pdf.value.path()))
    assert NAME in text and f"{accuracy:.1f}" in text and "ben" in text
    with page.expect_download() as table:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.reader(io.StringIO(Path(table.value.path()).read_text(encoding="utf-8-sig"))))
    (stated,) = [row for row in rows if "overall accuracy" in row]
    assert float(stated[4]) == pytest.approx(accuracy / 100, abs=6e-4), stated


def read_pdf(path: Path) -> str:
    """The text of a PDF of A4 pages, none of which is blank when it is drawn."""
    document = pypdfium2.PdfDocument(path)
    try:
        texts = []
        for page in document:
            width, height = page.get_size()
            assert (round(width), round(height)) == (595, 842)
            pixels = page.render(scale=1).to_numpy()
            assert pixels.std() > 5 and (pixels < 200).any(axis=2).mean() > 0.002, f"page {len(texts) + 1} is blank"
            texts.append(page.get_textpage().get_text_range())
        return "\n".join(texts)
    finally:
        document.close()
