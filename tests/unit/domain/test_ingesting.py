"""Plans and reports of an ingest as values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eobench_dash.domain.importing import report_from_dict
from eobench_dash.domain.ingesting import (
    FLAGS,
    LIMITABLE,
    OUTSIDE,
    IngestPlan,
    IngestReport,
    ProductTally,
    common_notes,
    refusal_words,
)
from eobench_dash.errors import BadInput

SHARES = st.floats(0, 1)


@settings(deadline=None)
@given(
    st.integers(8, 2048),
    st.integers(1, 2048),
    st.lists(st.sampled_from(["128", "256px", "640m", "1.28km"]), max_size=3),
    st.dictionaries(st.sampled_from(LIMITABLE), SHARES),
)
def test_a_plan_survives_json(patch: int, stride: int, scales: list[str], limits: dict[str, float]) -> None:
    plan = IngestPlan.from_dict(
        {"patch": patch, "stride": stride, "scales": scales, "area": "1,2,3,4", "limits": limits}
    )
    assert IngestPlan.from_dict(plan.to_dict()) == plan
    assert plan.patch not in plan.scales


def test_the_stride_is_the_patch_size_unless_told() -> None:
    assert str(IngestPlan.from_dict({"patch": "640m"}).stride) == "640m"
    assert IngestPlan.from_dict({}) == IngestPlan()
    assert IngestPlan.from_dict({"limits": {"cloud": None}}).limits == {}
    assert IngestPlan.from_dict({"patch": "", "stride": None, "area": ""}) == IngestPlan()
    large = IngestPlan.from_dict({"patch": "1280.1255m", "stride": "1234567"})
    assert IngestPlan.from_dict(large.to_dict()) == large, "nothing is rounded on the way"


@pytest.mark.parametrize(
    "plan",
    [{"patch": 0}, {"stride": 0}, {"patch": True}, {"patch": {"a": 1}}, {"scales": 7}, {"scales": "64"},
     {"limits": [1]}, {"limits": {"cloud": True}}, {"area": 7}, {"area": [[1, 2], [3, 4]]}],
)  # fmt: skip
def test_plans_that_cannot_be_are_refused(plan: dict) -> None:
    with pytest.raises(BadInput, match=r"\.$"):
        IngestPlan.from_dict(plan)


@pytest.mark.parametrize("limits", [{"overlap": 0.5}, {"x": 0.1}, {"cloud": 1.1}, {"cloud": -0.1}, {"cloud": "a"}])
def test_limits_that_cannot_be_are_refused(limits: dict) -> None:
    with pytest.raises(BadInput):
        IngestPlan(limits=limits)


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            ProductTally,
            path=st.text(max_size=5),
            name=st.text(max_size=5),
            patches=st.integers(0, 99),
            refused=st.dictionaries(st.sampled_from([OUTSIDE, *FLAGS]), st.integers(1, 9)),
            error=st.sampled_from(["", "It is damaged."]),
            notes=st.tuples(st.text(max_size=3)),
        ),
        max_size=4,
    )
)
def test_a_report_survives_json_and_adds_up(tallies: list[ProductTally]) -> None:
    report = IngestReport(products=tuple(tallies), flags={"blur": {"mean": 0.2}}, scales={"64": 3}, notes=("n",))
    assert IngestReport.from_dict(report.to_dict()) == report
    assert report.patches + sum(report.refused.values()) == sum(tally.cut for tally in tallies)
    assert report_from_dict(report.to_dict()).imported == report.patches, "as an import's report, too"
    assert all(refusal_words(reason) for reason in report.refused)


def test_a_report_tells_sizes_largest_first() -> None:
    told = IngestReport.from_dict(IngestReport(products=(), scales={"72": 1, "155": 2, "77": 3}).to_dict())
    assert told is not None and list(told.scales) == ["155", "77", "72"]


def test_the_report_of_an_import_is_none() -> None:
    assert IngestReport.from_dict({"total": 1}) is None


def test_notes_say_how_many_say_so() -> None:
    assert common_notes([("a", "b"), ("a",), ("a", "a")]) == ("a", "b (1 of 3 products)")
