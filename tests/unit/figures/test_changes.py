"""Flows, groups before and after, people, and time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eobench_dash.domain.analytics import LabelMove, LabelRef, PersonShare, Timeline, TimeShare
from eobench_dash.domain.labels import NO_LABEL, default_color
from eobench_dash.figures.changes import before_after, flow, moves_chart, people_chart, person_color
from eobench_dash.figures.timeline import timeline

NONE = LabelRef(NO_LABEL, "no label", "")


def ref(code: int, name: str | None = None) -> LabelRef:
    return LabelRef(code, name or f"label {code}", default_color(code))


MOVES = [
    LabelMove(ref(0), ref(0), 50),
    LabelMove(ref(1), ref(0), 7),
    LabelMove(ref(0), ref(2), 12),
    LabelMove(NONE, ref(1), 3),
]


def test_ribbons_are_the_changed_patches_and_give_their_codes_back() -> None:
    (sankey,) = flow(MOVES).data
    assert list(sankey.link.value) == [12, 7, 3]
    assert list(sankey.link.customdata) == ["0,2", "1,0", "65535,1"]
    left = [sankey.node.label[i] for i in sankey.link.source]
    right = [sankey.node.label[i] for i in sankey.link.target]
    assert list(zip(left, right, strict=True)) == [
        ("label 0", "label 2"), ("label 1", "label 0"), ("no label", "label 1"),
    ]  # fmt: skip
    assert not set(sankey.link.source) & set(sankey.link.target)  # a label at import is not the label now


def test_smaller_moves_are_told_as_a_sum() -> None:
    fig = flow(MOVES, top=1)
    assert len(fig.data[0].link.value) == 1
    assert "10 patches in 2 smaller moves" in fig.layout.annotations[0].text


def test_bars_before_and_after_put_what_changed_most_on_top() -> None:
    came, now = before_after(MOVES).data
    assert (came.name, now.name) == ("at import", "now")
    assert [c[0] for c in now.customdata] == [2, 0, 1, NO_LABEL]
    assert list(came.x) == [0, 62, 7, 3] and list(now.x) == [12, 57, 3, 0]
    assert list(now.text) == ["+12", "-5", "-4", "-3"]
    assert now.marker.color[0] == default_color(2)


@pytest.mark.parametrize("draw", ["bar", "pie", "tree"])
def test_moves_as_shares(draw: str) -> None:
    (trace,) = moves_chart(MOVES, draw=draw).data
    assert [list(c) for c in trace.customdata] == [[0, 2], [1, 0], [NO_LABEL, 1]]
    assert list(trace.x if draw == "bar" else trace.values) == [12, 7, 3]


@pytest.mark.parametrize("draw", ["bar", "pie", "tree"])
def test_people_keep_their_colour_in_every_chart(draw: str) -> None:
    people = [PersonShare(4, "eva", 3, 40, 0), PersonShare(2, "<b>ben", 1, 2, 2)]
    (trace,) = people_chart(people, draw=draw).data
    colors = trace.marker.color if draw == "bar" else trace.marker.colors
    assert list(colors) == [person_color(4), person_color(2)]
    assert "3 steps" in trace.hovertext[0] and "1 step, 2 taken back" in trace.hovertext[1]
    assert "<b><b>" not in trace.hovertext[1] and "&lt;b&gt;ben" in trace.hovertext[1]


def test_nothing_changed_is_said() -> None:
    for fig in (flow(MOVES[:1]), moves_chart(MOVES[:1], draw="tree")):
        assert not fig.data and "No label has changed" in fig.layout.annotations[0].text
    for fig in (people_chart([]), timeline(Timeline("hour", ()))):
        assert not fig.data and "Nobody has changed" in fig.layout.annotations[0].text


@given(
    st.lists(
        st.builds(LabelMove, st.integers(0, 9).map(ref), st.integers(0, 9).map(ref), st.integers(1, 99)),
        max_size=40,
        unique_by=lambda m: (m.before.code, m.after.code),
    )
)
def test_no_patch_is_lost_between_before_and_after(moves: list[LabelMove]) -> None:
    total = sum(m.patches for m in moves)
    bars = before_after(moves).data
    assert [sum(trace.x) for trace in bars] == ([total, total] if moves else [])


START = datetime(2026, 11, 20, 22, tzinfo=UTC)


def share(hours: int, key: int, patches: int) -> TimeShare:
    return TimeShare(START + timedelta(hours=hours), key, f"person {key}", 1, patches)


def test_time_is_stacked_by_person_and_gives_its_bin_back() -> None:
    fig = timeline(Timeline("hour", (share(0, 1, 3), share(0, 2, 9), share(3, 1, 4))))
    assert fig.layout.barmode == "stack" and fig.layout.showlegend
    assert [t.name for t in fig.data] == ["person 2", "person 1"]
    assert [list(c) for c in fig.data[1].customdata] == [["2026-11-20T22", 1], ["2026-11-21T01", 1]]
    day = timeline(Timeline("day", (TimeShare(START.replace(hour=0), 1, "eva", 2, 5),)))
    assert list(day.data[0].customdata[0]) == ["2026-11-20", 1] and not day.layout.showlegend
    low, high = map(datetime.fromisoformat, day.layout.xaxis.range)
    assert high - low >= timedelta(days=8)  # one day is a bar, not a wall


def test_very_long_work_shows_its_newest_end() -> None:
    fig = timeline(Timeline("hour", tuple(share(i, 1, 1) for i in range(1000))))
    assert len(fig.data[0].x) == 400 and fig.data[0].x[-1] == (START + timedelta(hours=999)).isoformat()
