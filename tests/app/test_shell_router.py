"""Addresses and pages."""

import pytest
from dash import html
from hypothesis import given
from hypothesis import strategies as st

from eobench_dash.errors import NotFound
from eobench_dash.pages import Nav, Page
from eobench_dash.pages.shell.router import Router

SEEN: dict = {}


def remember(**given):
    SEEN.clear()
    SEEN.update(given)
    return html.Div("page")


def picky(dataset_id, label="none"):
    return html.Div(f"{dataset_id} {label}")


HOME = Page(path="/", title="Home", layout=remember, register=lambda app: None)
EXPLORE = Page(
    path="/explore/<dataset_id>",
    title="Explore",
    layout=remember,
    register=lambda app: None,
    nav=Nav("E", "explore", 1),
)
PICKY = Page(path="/picky/<dataset_id>", title="Picky", layout=picky, register=lambda app: None)
ROUTER = Router([HOME, EXPLORE, PICKY])


def test_a_page_gets_its_variables_as_numbers_and_its_query_as_text():
    match = ROUTER.match("/explore/12")
    match.render("?label=3&view=1&label=4")
    assert match.page is EXPLORE
    assert match.dataset_id == 12
    assert SEEN == {"dataset_id": 12, "label": "3", "view": "1"}


def test_the_query_cannot_replace_what_the_path_says():
    ROUTER.match("/explore/12").render("?dataset_id=99")
    assert SEEN == {"dataset_id": 12}


def test_a_layout_without_wildcard_gets_only_what_it_takes():
    assert ROUTER.match("/picky/1").render("?label=x&else=y").children == "1 x"


@pytest.mark.parametrize("path", ["/explore", "/explore/x", "/explore/-1", "/explore/1/2", "/nope", "/explore/１２x"])
def test_other_addresses_are_not_found(path):
    assert not ROUTER.knows(path)
    with pytest.raises(NotFound, match="no page"):
        ROUTER.match(path)


def test_a_trailing_slash_does_no_harm():
    assert ROUTER.match("/explore/12/").dataset_id == 12


def test_too_many_parameters_are_none():
    ROUTER.match("/explore/1").render("?" + "&".join(f"a{i}=1" for i in range(500)))
    assert SEEN == {"dataset_id": 1}


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_address_breaks_the_router(path, search):
    try:
        ROUTER.match("/" + path).render(search)
    except NotFound:
        assert not ROUTER.knows("/" + path)


def test_hrefs():
    assert EXPLORE.href(5) == "/explore/5"
    assert HOME.href() == "/"
    assert EXPLORE.of_dataset and not HOME.of_dataset
