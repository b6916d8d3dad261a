"""The Python face of the map: a Dash component without a build step (its JavaScript lies beside it, as served)."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from dash.development.base_component import Component

from eobench_dash.domain.labels import LabelInfo

# Names on the wire are the browser's (camelCase), as in every Dash component.
_PROPS = (
    "id", "className", "style", "coordsUrl", "labels", "labelsUrl", "imageUrl", "changesUrl", "columnsUrl", "sheetsUrl",
    "mixUrl", "looksUrl", "mode", "colourBy", "renderer", "thumbnails", "link", "hidden", "selection", "focus", "view",
    "theme", "title",
    "clickData", "contextData", "selectedData",
)  # fmt: skip


def label_table(labels: Iterable[LabelInfo]) -> list[dict[str, Any]]:
    """The ``labels`` property of a map from a dataset's labels."""
    return [{"code": label.code, "name": label.name, "color": label.color} for label in labels]


class EmbeddingMap(Component):
    """A map of a dataset's patches, drawn and answered in the browser.

    In: ``coordsUrl`` and ``labelsUrl`` give bytes as ``wire`` says; ``imageUrl`` holds ``{ordinal}``; ``changesUrl`` is
    asked ``?since=<event>`` every 2.5 s while the tab is seen. ``labels``: dicts of code, name, color. ``hidden``:
    codes neither drawn nor picked (65535: the patches without label). ``colourBy``: "label", "none", or the name of a
    column, whose bytes come from ``columnsUrl`` (holds ``{name}``). ``sheetsUrl``: where the sprite sheets of this
    embedding lie; ``thumbnails`` switches them. ``mixUrl``: the neighbours' label mix; ``looksUrl``: the ways to show
    pictures. ``renderer``: "auto" takes the GPU where there is a real one. ``link``: maps of equal link share hover,
    selection, recolouring and filter. ``selection``: ordinals to select. ``focus``
    ``{ordinal, n}``: fly to that patch whenever n changes. ``view`` ``{x, y, k}``: centre in map units and zoom
    against "all of it"; kept up to date by the map. ``mode``: "visualise" or "clean". ``theme``: "light", "dark", or
    unset to follow the page's ``data-theme``. The map fills its parent's height; give ``style`` one where it has none.

    Out: ``clickData`` ``{ordinal, n}``; ``contextData`` ``{ordinal, x, y, n}`` on a point,
    ``{ordinals, count, x, y, n}`` on the selection (x, y in pixels of the window); ``selectedData``
    ``{count, ordinals, n}`` (at most 50,000 ordinals, ascending); n counts up, so that the same patch twice is two
    events. Scripts of the page find more at ``element.eobMap`` (js/api.js).
    """

    _namespace = "eobench_dash"
    _type = "EmbeddingMap"
    # Dash's base class declares these as plain lists of the class.
    _children_props: list[str] = []  # noqa: RUF012
    _base_nodes = ["children"]  # noqa: RUF012
    _prop_names = list(_PROPS)  # noqa: RUF012
    _valid_wildcard_attributes = ["data-", "aria-"]  # noqa: RUF012
    available_properties = list(_PROPS)  # noqa: RUF012
    available_wildcard_properties = ["data-", "aria-"]  # noqa: RUF012

    def __init__(
        self,
        *,
        id: str | dict[str, str | int | float | bool],
        coordsUrl: str | None = None,
        labels: Sequence[dict[str, Any]] = (),
        labelsUrl: str | None = None,
        imageUrl: str | None = None,
        changesUrl: str | None = None,
        mode: Literal["visualise", "clean"] = "visualise",
        colourBy: str = "label",
        renderer: Literal["auto", "gpu", "software"] = "auto",
        thumbnails: bool = True,
        link: str | None = None,
        columnsUrl: str | None = None,
        sheetsUrl: str | None = None,
        mixUrl: str | None = None,
        looksUrl: str | None = None,
        hidden: Sequence[int] = (),
        selection: Sequence[int] | None = None,
        focus: dict[str, int] | None = None,
        view: dict[str, float] | None = None,
        theme: Literal["light", "dark"] | None = None,
        title: str = "Map of the patches",
        className: str | None = None,
        style: dict[str, Any] | None = None,
        **wildcards: str,
    ) -> None:
        given: dict[str, Any] = {
            "id": id, "coordsUrl": coordsUrl, "labels": list(labels), "labelsUrl": labelsUrl, "imageUrl": imageUrl,
            "changesUrl": changesUrl, "columnsUrl": columnsUrl, "sheetsUrl": sheetsUrl, "mixUrl": mixUrl,
            "looksUrl": looksUrl, "mode": mode, "colourBy": colourBy, "renderer": renderer, "thumbnails": thumbnails,
            "link": link, "hidden": list(hidden),
            "selection": None if selection is None else list(selection), "focus": focus, "view": view, "theme": theme,
            "title": title, "className": className, "style": style,
        }  # fmt: skip
        known = {name: value for name, value in given.items() if value is not None}
        super().__init__(**known, **wildcards)  # type: ignore[no-untyped-call]
