"""Where a dataset stands on its way, and the one step that comes next."""

from dash import html

from eobench_dash.components.ui import icon
from eobench_dash.domain.datasets import Step

WORDS = {
    Step.IMPORTED: "Imported",
    Step.DESCRIBED: "Described",
    Step.MAPPED: "Mapped",
    Step.CLEANED: "Cleaned",
    Step.VERIFIED: "Verified",
}
MEANING = {
    Step.IMPORTED: "The patches and their labels are in.",
    Step.DESCRIBED: "Every patch has a feature vector.",
    Step.MAPPED: "There is a map on which like lies beside like.",
    Step.CLEANED: "Somebody has changed labels since the import.",
    Step.VERIFIED: "Metrics with error bars have been computed.",
}


def way_track(steps: frozenset[Step]) -> html.Ol:
    """The five steps in order; those taken are filled."""
    return html.Ol(
        [_step(step, done=step in steps) for step in Step], className="eob-track", **{"aria-label": "Steps taken"}
    )


def next_step(steps: frozenset[Step]) -> Step | None:
    """The first step not taken yet; None at the end of the way."""
    return next((step for step in Step if step not in steps), None)


def _step(step: Step, *, done: bool) -> html.Li:
    state = "done" if done else "not yet"
    return html.Li(
        [html.Span(icon("check") if done else None, className="eob-track__dot"), html.Span(WORDS[step])],
        className="eob-track__step eob-track__step--done" if done else "eob-track__step",
        title=f"{WORDS[step]}: {state}. {MEANING[step]}",
    )
