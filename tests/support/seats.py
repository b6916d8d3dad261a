"""A served workspace with people in it, and seats at it: pages in a real browser, driven by mouse and keyboard."""

import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.security import generate_password_hash
from werkzeug.serving import WSGIRequestHandler

from eobench_dash.db.models import Assignment, Job, Label, User
from eobench_dash.domain.annotations import EventSource, HistoryEntry
from eobench_dash.domain.jobs import JobState
from eobench_dash.domain.people import Principal, Role
from eobench_dash.jobs.inline import run_inline
from eobench_dash.services import annotate, patches
from eobench_dash.services.workspace import Workspace

CHROMIUM = shutil.which(os.environ.get("EOBENCH_CHROMIUM") or "chromium")
ARGS = [
    "--no-sandbox", "--disable-background-networking", "--use-angle=swiftshader",
    "--disable-gpu-compositing",  # pages without, but WebGL with software: a fifth less work
]  # fmt: skip
PASSWORD = "correct horse battery"
CHEAP = "scrypt:1024:8:1"
ROLES = {"ada": Role.ADMIN, "ben": Role.BUILDER, "eva": Role.EXPERT, "eli": Role.EXPERT, "rob": Role.READER}
REFUSED = "Failed to load resource"
"""The browser's own word on an answer that refuses; a test that provokes one says so."""


class Quiet(WSGIRequestHandler):
    """Writes no access log: the browser asks a lot."""

    def log(self, type: str, message: str, *args: object) -> None: ...


@dataclass
class House:
    """A served workspace. ``who``: ada (admin), ben (builder), eva and eli (experts), rob (reader)."""

    ws: Workspace
    url: str
    dataset_id: int
    who: dict[str, Principal]

    def do_jobs(self) -> list[Job]:
        """Run what is queued, here and now."""
        from eobench_dash import tasks

        done = []
        query = select(Job.id).where(Job.state == JobState.QUEUED).order_by(Job.id).limit(1)
        while True:
            with self.ws.db.read() as session:
                number = session.scalar(query)
            if number is None:
                return done
            done.append(run_inline(self.ws, number, tasks=tasks))

    def jobs(self) -> list[Job]:
        with self.ws.db.read() as session:
            return list(session.scalars(select(Job).order_by(Job.id)))

    def label(self, ordinal: int) -> str | None:
        info = patches.patch_info(self.ws, self.who["ada"], dataset_id=self.dataset_id, ordinal=ordinal)
        return info.label

    def history(self, ordinal: int) -> list[HistoryEntry]:
        """What people did to a patch since its import, newest first."""
        told = annotate.history(self.ws, self.who["ada"], dataset_id=self.dataset_id, ordinal=ordinal)
        return [entry for entry in told if entry.source != EventSource.IMPORT]

    def relabel(self, name: str, ordinals: Sequence[int], label: str) -> None:
        """Somebody's change from elsewhere."""
        annotate.relabel(self.ws, self.who[name], dataset_id=self.dataset_id, ordinals=ordinals, label=label)

    def assign(self, name: str, label: str | None) -> None:
        with self.ws.db.write() as session:
            query = select(Label.id).where(Label.dataset_id == self.dataset_id, Label.name == label)
            label_id = session.scalar(query) if label else None
            session.add(Assignment(user_id=self.who[name].user_id, dataset_id=self.dataset_id, label_id=label_id))


def add_people(ws: Workspace) -> dict[str, Principal]:
    """Somebody of each role, with a password that is checked quickly."""
    hashed = generate_password_hash(PASSWORD, method=CHEAP)
    with ws.db.write() as session:
        rows = {name: User(name=name, role=role, password_hash=hashed) for name, role in ROLES.items()}
        session.add_all(rows.values())
        session.flush()
        return {name: Principal(row.id, name, Role(row.role), session_key=f"s-{name}") for name, row in rows.items()}


def log_in(requests: Any, url: str, name: str) -> None:
    """Log in through the form, without drawing it: ``requests`` is a browser's own way to ask."""
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', requests.get(f"{url}/auth/login").text())
    assert token is not None
    form = {"csrf_token": token[1], "name": name, "password": PASSWORD}
    answer = requests.post(f"{url}/auth/login", form=form, headers={"Origin": url}, max_redirects=0)
    assert answer.status == 303, answer.text()


@dataclass
class Seat:
    """A page of somebody who is logged in; ``allowed``: complaints of the browser that the test provokes."""

    page: Any
    house: House
    problems: list[str] = field(default_factory=list)
    allowed: tuple[str, ...] = ("WebGL", "GPU stall")

    # -- going and waiting --
    def explore(self, query: str = "") -> "Seat":
        """Open the explore page; back when the map rests."""
        self.page.goto(f"{self.house.url}/explore/{self.house.dataset_id}{query}")
        return self.ready()

    def ready(self) -> "Seat":
        self.until("map && map.state().ready && map.state().settled && document.querySelector('[data-code]')")
        return self

    def js(self, code: str, *args: Any) -> Any:
        """The value of an expression in which ``map`` is the map's API and ``a`` the arguments."""
        wrapped = f"(a) => {{ const map = document.getElementById('explore-map')?.eobMap; return {code}; }}"
        return self.page.evaluate(wrapped, list(args))

    def until(self, code: str, *args: Any, seconds: float = 20) -> Any:
        """Poll (Playwright's own waiting needs eval, which our policy forbids)."""
        return self.wait(lambda: self.js(code, *args), f"{code} {args}", seconds)

    def wait(self, look: Callable[[], Any], what: str = "", seconds: float = 20) -> Any:
        end = time.monotonic() + seconds
        while not (value := look()):
            if time.monotonic() > end:
                pytest.fail(f"not within {seconds} s: {what}; toasts {self.toasts()}; {self.problems}; {self.where()}")
            self.page.wait_for_timeout(30)  # unlike sleep, it lets the driver hear what happens
        return value

    def settle(self) -> None:
        self.page.evaluate("() => new Promise((ok) => requestAnimationFrame(() => requestAnimationFrame(ok)))")
        self.until("map.state().settled")

    # -- looking --
    def url(self) -> str:
        """The address now (the driver hears of a replaced one late)."""
        return self.page.evaluate("() => location.href")

    def toasts(self) -> list[str]:
        return self.page.locator(".eob-toast > span").all_inner_texts()

    def told(self, words: str) -> None:
        """A message holds these words."""
        self.wait(lambda: any(words in text for text in self.toasts()), f"the message {words!r}")

    def where(self) -> Any:
        """What the page is about, for the message of a test that waited in vain."""
        return self.page.evaluate("""() => ({
          address: location.pathname + location.search,
          root: { ...document.getElementById("explore-root")?.dataset },
          focus: document.activeElement?.outerHTML.slice(0, 120),
          dialogs: [...document.querySelectorAll("dialog[open], .eob-assign")].map((box) => box.innerText.slice(0, 99)),
          selected: document.getElementById("explore-map")?.eobMap?.state().selected,
        })""")

    def neighbours(self, of: int) -> list[int]:
        """The neighbours shown, once they are those of a patch."""
        facts = "document.querySelector('#explore-neighbours .eob-explore__facts')?.innerText"
        self.until(f"new RegExp('Patch ' + a[0] + '\\\\b').test({facts} || '')", of)
        code = (
            "[...document.querySelectorAll('#explore-neighbours [data-ordinal]')].map((b) => Number(b.dataset.ordinal))"
        )
        return self.js(code)

    def counts(self) -> dict[str, int]:
        """The numbers in the list of groups."""
        rows = "[...document.querySelectorAll('#explore-groups [data-code]')]"
        code = f"{rows}.map((b) => [b.dataset.name, b.querySelector('.eob-explore__count').textContent])"
        return {name: int(number.replace(",", "")) for name, number in self.js(code)}

    def label(self, ordinal: int) -> str:
        return self.js("map.labelOf(a[0]).name", ordinal)

    def alone(self, *, label: str, avoid: Sequence[int] = ()) -> int:
        """A patch of this label that a pointer meets where it is drawn: clear of tools, and rather of the card too."""
        code = """[(x, y) => !(x < 300 && y < 320), () => true].map((aside) => {
          const box = document.querySelector('.eob-map__top').getBoundingClientRect(), n = map.state().n;
          for (let o = 0; o < n; o++) {
            const at = map.screenOf(o);
            if (!at || map.labelOf(o).name !== a[0] || a[1].includes(o)) continue;
            const x = at.x - box.left, y = at.y - box.top;
            const clear = x > 8 && x < box.width - 70 && y > 8 && y < box.height - 50 && aside(x, y);
            if (clear && [[0, 0], [2, 2], [-2, -2]].every(([dx, dy]) => map.pick(x + dx, y + dy) === o)) return o;
          }
          return -1;
        }).find((found) => found >= 0) ?? -1"""
        found = self.js(code, label, list(avoid))
        assert found >= 0, f"no patch of {label} lies alone"
        return found

    # -- doing --
    def at(self, ordinal: int) -> tuple[float, float]:
        place = self.js("map.screenOf(a[0])", ordinal)
        return place["x"], place["y"]

    def hover(self, ordinal: int) -> None:
        def over() -> bool:
            self.page.mouse.move(*self.at(ordinal))  # aimed anew, as a hand does where a page still moves
            self.page.wait_for_timeout(30)
            return self.js("map.state().hovered === a[0]", ordinal)

        self.wait(over, f"the pointer is over {ordinal}")

    def click(self, ordinal: int, button: str = "left") -> None:
        self.hover(ordinal)
        self.page.mouse.click(*self.at(ordinal), button=button)

    def lasso(self, corners: Sequence[tuple[float, float]]) -> int:
        """Draw with shift held; how many are selected then."""
        self.page.keyboard.down("Shift")
        self.page.mouse.move(*corners[0])
        self.page.mouse.down()
        for corner in [*corners[1:], corners[0]]:
            self.page.mouse.move(*corner, steps=6)
        self.page.mouse.up()
        self.page.keyboard.up("Shift")
        self.settle()
        return self.js("map.state().selected")

    def mode(self, name: str) -> None:
        self.page.locator("#explore-mode").get_by_text(name).click()
        self.until("map.state().mode === a[0]", name.lower())

    def menu(self) -> list[str]:
        """The rows of the open menu."""
        self.until("document.querySelector('.eob-assign')")
        return self.page.locator(".eob-assign__item > .eob-grow").all_inner_texts()

    def choose(self, label: str) -> None:
        """Type a label into the open menu and take it."""
        self.menu()
        self.page.keyboard.type(label)
        self.page.keyboard.press("Enter")
