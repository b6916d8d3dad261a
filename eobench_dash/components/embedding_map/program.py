"""The map's modules as one: a browser asks for it once and keeps it, instead of for three dozen small files each time.

There is no build step: it is put together when the server starts, from the modules as they are. Each becomes a function
that returns what the others import from it.
"""

import re
from collections.abc import Mapping
from functools import cache
from graphlib import TopologicalSorter
from hashlib import blake2b
from importlib.resources import files
from itertools import chain

_IMPORT = re.compile(r'^import \{ ((?:\w+, )*\w+) \} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:(?=const |function |class |async )|\{.*\};\n)", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b", re.MULTILINE)
_ENTRY, _OFFERS = "map", "mount"


@cache
def program() -> tuple[str, str]:
    """The name, which tells its content, and the text of a module that offers what ``map.js`` does."""
    folder = files("eobench_dash.components.embedding_map").joinpath("js")
    modules = [entry for entry in folder.iterdir() if entry.name.endswith(".js") and entry.name != "loader.js"]
    text = joined({entry.name.removesuffix(".js"): entry.read_text() for entry in modules})
    return f"map-{blake2b(text.encode(), digest_size=8).hexdigest()}.js", text


def joined(sources: Mapping[str, str]) -> str:
    """One module from modules by name; ValueError where one imports or exports in a way that is not understood here.

    Understood: ``import { a, b } from "./x.js";`` on a line, no circles, nothing exported that is assigned again later.
    """
    imports = {
        name: [(set(names.split(", ")), module) for names, module in _IMPORT.findall(sources[name])]
        for name in sorted(sources)
    }
    wanted = {name: {_OFFERS} if name == _ENTRY else set() for name in sources}
    for names, module in chain.from_iterable(imports.values()):
        wanted[module] |= names
    parts = []
    for name in TopologicalSorter({name: [m for _, m in pairs] for name, pairs in imports.items()}).static_order():
        body = _EXPORT.sub("", _IMPORT.sub(r"const { \1 } = $\2;\n", sources[name]))
        if _LEFT.search(body):
            raise ValueError(f"{name}.js imports or exports in a way that is not understood here.")
        parts.append(f"const ${name} = (() => {{\n{body}return {{ {', '.join(sorted(wanted[name]))} }};\n}})();\n")
    return f"{''.join(parts)}export const {{ {_OFFERS} }} = ${_ENTRY};\n"
