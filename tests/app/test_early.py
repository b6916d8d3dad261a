"""What the first page says before Dash has started: the map's program, and the bytes it is going to ask for."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from lakes import Lakes, add_crew, add_lakes
from verified import add_features, add_map

from eobench_dash.components.embedding_map.program import joined, program
from eobench_dash.db.models import Dataset, User
from eobench_dash.web import create_app

EARLY = re.compile(r'<meta name="eob-early" content="([^"]*)">')


@pytest.fixture
def lakes(make_workspace) -> Lakes:
    """A dataset with a map that is not public, on a server that is open to the public."""
    ws = make_workspace(public=True)
    made = add_lakes(ws, add_crew(ws))
    add_map(ws, made.id, add_features(ws, made.id))
    return made


@pytest.fixture
def client_of(lakes: Lakes) -> Callable[[str | None], FlaskClient]:
    server = create_app(lakes.ws.settings, ws=lakes.ws).server

    def make(name: str | None) -> FlaskClient:
        client = server.test_client()
        if name:
            who = lakes.who[name]
            with lakes.ws.db.read() as session:
                epoch = session.get_one(User, who.user_id).session_epoch
            with client.session_transaction() as session:
                session["_user_id"], session["key"] = f"{who.user_id}:{epoch}", who.session_key
        return client

    return make


def test_the_page_of_a_map_names_its_bytes_and_they_are_there(lakes, client_of):
    rob = client_of("rob")
    found = EARLY.findall(rob.get(f"/explore/{lakes.id}").text)
    assert found == [f"/data/datasets/{lakes.id}/embeddings/1.bin", f"/data/datasets/{lakes.id}/labels.bin"]
    assert [rob.get(url).status_code for url in found] == [200, 200]


@pytest.mark.parametrize("search", ["?map=99", "?map=%22%3E%3Cscript%3E", "?v=nan,1,1&map=1&map=2", "?" + "a=1&" * 99])
def test_odd_links_name_what_the_page_then_shows(lakes, client_of, search):
    assert EARLY.findall(client_of("rob").get(f"/explore/{lakes.id}{search}").text)[0].endswith("/embeddings/1.bin")


@pytest.mark.parametrize("path", ["/", "/verify/1", "/explore/x", "/explore/1/more", "/nowhere"])
def test_other_pages_name_nothing(lakes, client_of, path):
    assert not EARLY.findall(client_of("rob").get(path).text)


def test_who_may_not_see_a_dataset_learns_nothing_of_it(lakes, client_of):
    """The page of a dataset that is hidden is, byte by byte, that of one that is not there."""
    nobody = client_of(None)
    hidden, absent = (nobody.get(f"/explore/{number}") for number in (lakes.id, 999))
    bare = lambda page: re.sub(r'"end_id":"[^"]*"', "", page.text)  # noqa: E731  (Dash's own, anew for each page)
    assert hidden.status_code == absent.status_code == 200 and bare(hidden) == bare(absent)
    assert b"/data/" not in hidden.data
    with lakes.ws.db.write() as session:
        session.get_one(Dataset, lakes.id).public = True
    assert len(EARLY.findall(nobody.get(f"/explore/{lakes.id}").text)) == 2


def test_a_closed_server_tells_strangers_nothing_early(make_workspace):
    ws = make_workspace(public=False)
    made = add_lakes(ws, add_crew(ws), public=True)
    answer = (
        create_app(ws.settings, ws=ws).server.test_client().get(f"/explore/{made.id}", headers={"Accept": "text/html"})
    )
    assert answer.status_code == 302 and "/auth/login" in answer.location and not EARLY.findall(answer.text)


# -- the program -------------------------------------------------------------------------------------------------------
def test_the_program_is_kept_for_good_under_a_name_that_tells_its_content(lakes, client_of):
    nobody = client_of(None)
    (url,) = re.findall(r'<meta name="eob-program" content="([^"]*)">', nobody.get("/").text)
    answer = nobody.get(url)
    assert answer.status_code == 200 and answer.mimetype == "text/javascript"
    assert "immutable" in answer.headers["Cache-Control"] and "default-src" in answer.headers["Content-Security-Policy"]
    assert answer.text == program()[1] and url == f"/program/{program()[0]}"
    assert nobody.get("/program/map-0000000000000000.js").status_code == 404


def test_files_of_dash_may_be_kept_and_are_asked_for_again(lakes, client_of):
    url = "/_dash-component-suites/plotly/package_data/plotly.min.js"
    answer = client_of(None).get(url, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "private, no-cache"
    again = {"Accept-Encoding": "gzip", "If-None-Match": answer.headers["ETag"]}
    assert client_of(None).get(url, headers=again).status_code == 304
    assert client_of("rob").get(f"/explore/{lakes.id}").headers["Cache-Control"] == "no-store"


MODULES = {
    "map": 'import { two } from "./b.js";\nimport { one } from "./a.js";\n\nexport const mount = () => one + two();\n',
    "b": 'import { one } from "./a.js";\nexport function two() { return one + 1; }\nexport class Unused {}\n',
    "a": "const one = 1;\nexport { one };\n",
}


def test_modules_become_functions_in_the_order_of_their_imports():
    assert joined(MODULES) == (
        "const $a = (() => {\nconst one = 1;\nreturn { one };\n})();\n"
        "const $b = (() => {\nconst { one } = $a;\nfunction two() { return one + 1; }\nclass Unused {}\n"
        "return { two };\n})();\n"
        "const $map = (() => {\nconst { two } = $b;\nconst { one } = $a;\n\nconst mount = () => one + two();\n"
        "return { mount };\n})();\nexport const { mount } = $map;\n"
    )
    assert joined(dict(reversed(MODULES.items()))) == joined(MODULES)


@pytest.mark.parametrize(
    "line",
    [
        'import * as a from "./a.js";\n',
        'import { one as first } from "./a.js";\n',
        'import "./a.js";\n',
        "export let counter = 0;\n",  # its importers would not see it change
        "export default 1;\n",
        'import { two } from "./b.js";\n',  # itself
    ],
)
def test_what_is_not_understood_stops_the_start(line):
    with pytest.raises(ValueError):
        joined(MODULES | {"b": line + MODULES["b"]})
