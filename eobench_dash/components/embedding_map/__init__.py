"""The embedding map: our own Dash component (design decision 7). ``domain.wire`` says what bytes it reads."""

from importlib.resources import files
from typing import Any

from dash.development.base_component import ComponentRegistry

from eobench_dash.components.embedding_map.component import EmbeddingMap, label_table

__all__ = ["EmbeddingMap", "label_table"]

_NAMESPACE = "eobench_dash"
_FOLDER = "components/embedding_map"
_MODULES = sorted(entry.name for entry in files(__name__).joinpath("js").iterdir() if entry.name.endswith(".js"))

# The loader is a classic script: a deferred module could run after Dash has looked its components up. It imports the
# others itself, so Dash serves them ("dynamic") but writes no script tag.
_js_dist: list[dict[str, Any]] = [
    {"relative_package_path": f"{_FOLDER}/js/{name}", "namespace": _NAMESPACE, "dynamic": name != "loader.js"}
    for name in _MODULES
]
_css_dist: list[dict[str, Any]] = [
    {"relative_package_path": f"{_FOLDER}/{name}.css", "namespace": _NAMESPACE} for name in ("map", "card")
]

# Dash collects the two lists above from the modules it has registered; by itself it registers the top package only.
ComponentRegistry.registry.add(__name__)  # type: ignore[no-untyped-call]
