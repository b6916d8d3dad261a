"""Bars and rings of label counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eobench_dash.domain.labels import NO_LABEL, LabelInfo, default_color
from eobench_dash.figures.labels import REST, label_bar, label_pie, label_treemap, top_labels
from eobench_dash.figures.template import contrast_text, distinct, escape, ramp_color


def labels(*counts: int) -> list[LabelInfo]:
    return [LabelInfo(code, f"label {code}", default_color(code), "", n) for code, n in enumerate(counts)]


def test_bars_fall_and_give_their_code_back() -> None:
    (bar,) = label_bar(labels(5, 9, 0, 7), unlabelled=3).data
    assert list(bar.x) == [9, 7, 5, 3]
    assert [c[0] for c in bar.customdata] == [1, 3, 0, NO_LABEL]
    assert all(type(c[0]) is int for c in bar.customdata)
    assert list(bar.marker.color)[:3] == [default_color(1), default_color(3), default_color(0)]


def test_customdata_is_sent_as_plain_lists() -> None:
    # a typed array ({"bdata": …}) would come back from the browser as nothing
    for figure in (label_bar(labels(5, 9)), label_pie(labels(5, 9))):
        assert figure.to_plotly_json()["data"][0]["customdata"] == [[1], [0]]


def test_many_labels_end_in_one_rest() -> None:
    (ring,) = label_pie(labels(*range(1, 101)), top=11).data
    assert len(ring.values) == 12 and ring.customdata[-1][0] == REST
    assert sum(ring.values) == sum(range(1, 101))
    assert "89 other labels" in ring.hovertext[-1]


def test_a_rest_of_one_label_is_that_label() -> None:
    assert [p.key[0] for p in top_labels(labels(3, 2, 1), unlabelled=0, top=2, rest_color="#000000")] == [0, 1, 2]


@pytest.mark.parametrize("draw", [label_bar, label_pie])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_to_draw_says_so(draw, theme: str) -> None:
    figure = draw([], theme=theme)
    assert not figure.data and figure.layout.annotations[0].text == "No patch yet"


def test_names_are_text_not_markup() -> None:
    evil = [LabelInfo(0, "<b>%{x}</b><a href='x'>", "#112233", "", 4)]
    (bar,) = label_bar(evil).data
    assert "<a" not in bar.y[0] and "<a" not in bar.hovertext[0].removeprefix("<b>") and "%{" not in bar.hovertext[0]


def test_long_names_that_begin_alike_stay_apart() -> None:
    names = ["x" * 30 + "1", "x" * 30 + "2", "y"]
    assert len(set(distinct(names))) == 3


@given(st.lists(st.integers(0, 1000), max_size=80), st.integers(0, 50), st.integers(1, 30))
def test_no_patch_is_lost(counts: list[int], unlabelled: int, top: int) -> None:
    parts = top_labels(labels(*counts), unlabelled=unlabelled, top=top, rest_color="#000000")
    assert sum(part.count for part in parts) == sum(counts) + unlabelled
    assert len(parts) <= top + 2


@given(st.text())
def test_escaped_text_has_no_tag(text: str) -> None:
    assert "<" not in escape(text) and "%{" not in escape(text)


def test_colours() -> None:
    assert contrast_text("#ffffff") == "#000000" and contrast_text("#084f4a") == "#ffffff"
    assert ramp_color(0, "light") == "#f4f6f5" and ramp_color(1, "light") == "#084f4a"
    assert ramp_color(-3, "dark") == ramp_color(0, "dark")


@pytest.mark.parametrize("draw", [label_bar, label_pie, label_treemap])
def test_narrow_charts_hold_the_same_numbers(draw) -> None:
    wide, narrow = draw(labels(5, 9), unlabelled=2).data[0], draw(labels(5, 9), unlabelled=2, compact=True).data[0]
    assert [list(c) for c in wide.customdata] == [list(c) for c in narrow.customdata] == [[1], [0], [NO_LABEL]]
    counts = "x" if draw is label_bar else "values"
    assert list(wide[counts]) == list(narrow[counts]) == [9, 5, 2]
