"""Advice on labels in the tab "Clusters"; data attributes of the buttons say what assets/explore-clusters.js does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.ui import ago, button, count, dot, icon, icon_button
from eobench_dash.domain.clusters import AdviceReport, MergeAdvice, Part, SplitAdvice
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.pages.explore.cluster_views import thumbs
from eobench_dash.pages.explore.views import NOBODY, image_url

PEEKS = 4
"""So many parts show a picture on the folded card."""


def no_advice(*, may_clean: bool) -> Component:
    """What the panel of advice says before anybody asked."""
    words = "Which labels hold several kinds of patches, which two labels cannot be told apart?"
    return html.P(
        f"{words} {'Ask for advice.' if may_clean else 'Nobody has asked yet.'}", className="eob-muted eob-small"
    )


def advice(
    dataset: DatasetSummary,
    told: AdviceReport,
    colors: Mapping[int, str],
    *,
    may_clean: bool,
    opened: Sequence[str] = (),
) -> list[Component]:
    """The latest advice: labels to split, labels to merge, and what was found in order. ``colors`` by label code;
    ``opened``: keys of the cards that are unfolded.
    """
    splits = [s for s in told.splits if s.advised]
    merges = [m for m in told.merges if m.advised]
    asked = [
        f"{advised_words(splits, merges)} Asked ",
        ago(told.created_at),
        f", on the features “{told.feature_kind}”.",
    ]
    stale = " Labels have changed since; ask again to be sure." if told.stale else ""
    cards = [
        *[_split(dataset, s, colors, may_clean=may_clean) for s in splits],
        *[_merge(dataset, m, colors, may_clean=may_clean) for m in merges],
    ]
    fine = [s for s in told.splits if not s.advised]
    kept = html.Details(
        [
            html.Summary(f"{count(len(fine), 'label')} to leave as they are"),
            html.Ul([html.Li([html.Strong(s.label), f": {s.why}"]) for s in fine]),
        ],
        className="eob-clusters__why",
    )
    return [
        html.P([*asked, stale], className="eob-muted eob-small"),
        *[card.drawn(opened=card.key in opened) for card in cards],
        *([kept] if fine else []),
        *[html.P(text, className="eob-muted eob-small") for text in told.notes],
    ]


def advised_words(splits: Sequence[SplitAdvice], merges: Sequence[MergeAdvice]) -> str:
    """What is advised, in one sentence."""
    if not splits and not merges:
        return "No label holds several kinds of patches, and all labels can be told apart."
    kinds = f"{count(len(splits), 'label')} may be split" if splits else "No label holds several kinds"
    pairs = f"{count(len(merges), 'pair')} may be merged" if merges else "all labels can be told apart"
    return f"{kinds}, {pairs}."


@dataclass(frozen=True)
class _Card:
    """One piece of advice, folded up to a line."""

    key: str
    verb: str
    head: Sequence[Component]
    content: Sequence[Component]
    peek: Sequence[str] = ()
    done: bool = False

    def drawn(self, *, opened: bool) -> Component:
        pictures = [html.Img(src=url, alt="", width=24, height=24) for url in self.peek]
        said = [icon("check"), f" {self.verb}"] if self.done else self.verb
        title = html.Span([html.Span(said), *self.head], className="eob-advice__title")
        return html.Details(
            [html.Summary([title, html.Span(pictures, className="eob-advice__peek")]), *self.content],
            open=opened,
            className="eob-advice eob-advice--done" if self.done else "eob-advice",
            **{"data-advice": self.key},
        )


def _split(dataset: DatasetSummary, split: SplitAdvice, colors: Mapping[int, str], *, may_clean: bool) -> _Card:
    opens = button("Open as clusters", look="small", icon_name="tag", **{"data-clusters": "open"})
    content = [
        html.P(split.why, className="eob-small"),
        html.P(split_numbers(split), className="eob-muted eob-small"),
        *[_part(dataset, split, part, may_clean=may_clean) for part in split.parts],
        *(
            [html.Div(opens, className="eob-row eob-row--tight", **{"data-set": str(split.cluster_set_id)})]
            if split.cluster_set_id
            else [html.P("These clusters were removed; ask again for them.", className="eob-muted eob-small")]
        ),
    ]
    head = [dot(colors.get(split.code, NOBODY)), html.Strong(split.label, className="eob-clip")]
    peek = [image_url(dataset, part.typical[0], 96) for part in split.parts[:PEEKS] if part.typical]
    return _Card(f"split-{split.code}", "Split", head, content, peek, done=split.done)


def split_numbers(split: SplitAdvice) -> str:
    """The measures behind a split that its sentence does not tell, those that there are."""
    told = [
        ("Silhouette", split.silhouette, "{:.2f}"),
        ("fit gained", split.bic_gain, "{:.2f} nats per patch"),
    ]
    return ", ".join(f"{name} {form.format(value)}" for name, value, form in told if value is not None)


def _part(dataset: DatasetSummary, split: SplitAdvice, part: Part, *, may_clean: bool) -> Component:
    acts: list[Component] = []
    if split.cluster_set_id:
        acts.append(icon_button(f"Select {part.name}", "select", look="quiet small", **{"data-clusters": "select"}))
        if may_clean and part.left != 0 and not split.done:
            split_off = f"Split off {part.name} as a label …"
            acts.append(icon_button(split_off, "fork", look="quiet small", **{"data-clusters": "split"}))
    size = f"{part.size:,}"
    if part.left is not None and part.left < part.size:
        size = f"{part.left:,} of {size}" if part.left else f"{size} moved"
    named = [html.Span(part.name, className="eob-clip eob-grow"), html.Span(size, className="eob-explore__count")]
    return html.Div(
        [
            html.Div([*named, *acts], className="eob-clusters__head"),
            thumbs(dataset, part.typical, f"of {part.name}"),
            *([html.Span(part.why, className="eob-muted eob-small")] if part.why else []),
        ],
        className="eob-cluster",
        **{"data-set": str(split.cluster_set_id or 0), "data-cluster": str(part.index), "data-name": part.name,
           "data-proposed": part.name},
    )  # fmt: skip


def _merge(dataset: DatasetSummary, merge: MergeAdvice, colors: Mapping[int, str], *, may_clean: bool) -> _Card:
    sides = [
        (merge.first, merge.first_code, merge.first_examples),
        (merge.second, merge.second_code, merge.second_examples),
    ]
    ends = [(name, code) for name, code, _ in sides]
    acts = [_into(target, source) for target, source in (ends, ends[::-1])]
    content = [
        html.P(merge.why, className="eob-small"),
        *[_side(dataset, name, colors.get(code, NOBODY), examples) for name, code, examples in sides],
        *([html.Div(acts, className="eob-row eob-row--tight")] if may_clean and not merge.done else []),
    ]
    pair = [(dot(colors.get(code, NOBODY)), html.Strong(name, className="eob-clip")) for name, code, _ in sides]
    key = f"merge-{merge.first_code}-{merge.second_code}"
    return _Card(key, "Merged" if merge.done else "Merge", [*pair[0], *pair[1]], content, done=merge.done)


def _side(dataset: DatasetSummary, name: str, color: str, examples: Sequence[int]) -> Component:
    head = html.Div([dot(color), html.Span(name, className="eob-clip")], className="eob-advice__side")
    return html.Div([head, thumbs(dataset, examples, f"of {name}")])


def _into(target: tuple[str, int], source: tuple[str, int]) -> Component:
    return button(
        f"Into {target[0]} …",
        look="small",
        title=f"Merge {source[0]} into {target[0]}",
        **{"data-clusters": "merge", "data-source": str(source[1]), "data-target": str(target[1]),
           "data-name": source[0], "data-into": target[0]},
    )  # fmt: skip
