"""The contract of ids and callbacks, read from the source (house rules 3 and 4).

Dash cannot check ids itself when callback exceptions are suppressed: a typo would make a button that does nothing.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "eobench_dash" / "pages"
COMPONENTS = ROOT / "eobench_dash" / "components"
PACKAGES = sorted(path.parent for path in PAGES.glob("*/ids.py"))
IDS_FILES = [*(folder / "ids.py" for folder in PACKAGES), COMPONENTS / "ids.py"]
DEPENDENCIES = {"Input", "Output", "State"}
SCRIPTS = "\n".join(path.read_text() for path in (ROOT / "assets").glob("*.js"))
STYLES = "\n".join(path.read_text() for path in (ROOT / "assets").glob("*.css"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def sources() -> list[Path]:
    return [path for path in [*PAGES.glob("**/*.py"), *COMPONENTS.glob("*.py")] if path.name != "ids.py"]


def constants(path: Path) -> dict[str, str]:
    """Names and values of the id constants of an ids.py."""
    return {
        node.targets[0].id: node.value.value
        for node in tree(path).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }


def patterns(path: Path) -> set[str]:
    """Names of the functions that make pattern-matching ids."""
    return {node.name for node in tree(path).body if isinstance(node, ast.FunctionDef)}


def dependencies(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in DEPENDENCIES:
            yield node


def names_of(folder: Path, *, in_callbacks: bool) -> set[str]:
    """``ids.X`` used in a page's callback dependencies, or everywhere else in the page."""
    used = set()
    for path in folder.glob("*.py"):
        inside = {id(sub) for call in dependencies(path) for sub in ast.walk(call)}
        for node in ast.walk(tree(path)):
            named = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ids"
            if named and (id(node) in inside) == in_callbacks:
                used.add(node.attr)
    return used


def all_values() -> dict[str, Path]:
    values = {}
    for path in IDS_FILES:
        for value in constants(path).values():
            assert value not in values, f"{value} is in {path} and {values[value]}"
            values[value] = path
    return values


def test_there_is_something_to_check():
    assert len(PACKAGES) >= 3
    assert sum(1 for path in sources() for _ in dependencies(path)) > 40


@pytest.mark.parametrize("path", IDS_FILES, ids=lambda path: path.parent.name)
def test_ids_are_called_after_their_page(path):
    prefix = "shell-" if path.parent == COMPONENTS else f"{path.parent.name}-"
    for name, value in constants(path).items():
        assert value.startswith(prefix) and re.fullmatch(r"[a-z0-9-]+", value), f"{name} = {value}"


def test_no_id_has_two_names():
    assert all_values()


def test_no_bare_string_is_an_id():
    for path in sources():
        for call in dependencies(path):
            first = call.args[0]
            assert not isinstance(first, ast.Constant), f"{path.name}:{call.lineno} uses a bare string"
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.keyword) and node.arg == "id" and isinstance(node.value, ast.Constant):
                assert node.value.value is None, f"{path.name}:{node.value.lineno} uses a bare string"


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda path: path.name)
def test_every_id_of_a_callback_is_in_a_layout_and_every_id_has_a_use(folder):
    known = constants(folder / "ids.py")
    called = names_of(folder, in_callbacks=True)
    laid_out = names_of(folder, in_callbacks=False)
    for name in called:
        assert name in known or name in patterns(folder / "ids.py"), f"ids.{name} is not defined"
        assert name in laid_out, f"ids.{name} is used by a callback, but no layout makes it"
    for name, value in known.items():
        in_browser = f'"{value}"' in SCRIPTS or f"#{value}" in STYLES
        opens_dialog = (
            name in laid_out and folder.name in ("home", "datasets", "admin") and name in ("IMPORT", "EDITOR")
        )
        assert name in called or in_browser or opens_dialog or _linked(folder, name), f"ids.{name} has no use"


def _linked(folder: Path, name: str) -> bool:
    """A label, an anchor or an opener names it, so it is made and meant."""
    text = "\n".join(path.read_text() for path in folder.glob("*.py"))
    return len(re.findall(rf"\bids\.{name}\b", text)) >= 2


def test_ids_that_scripts_look_for_exist():
    values = all_values()
    found = re.findall(
        r"""(?:set_props\(|getElementById\(|\$\(|querySelector\(["']#)["']?([a-z]+(?:-[a-z]+)+)["']""", SCRIPTS
    )
    assert found
    for name in found:
        made_by_script = re.search(rf"""\bid\s*[:=]\s*["']{name}["']""", SCRIPTS)
        assert name in values or made_by_script, f"a script looks for {name}"


def callbacks() -> Iterator[tuple[str, ast.FunctionDef, list[ast.Call]]]:
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "app.callback":
                        given = [arg for arg in decorator.args if isinstance(arg, ast.Call)]
                        yield f"{path.parent.name}/{path.name}:{node.name}", node, given


def test_callbacks_are_short():
    """At most 12 lines of body, at most 6 inputs and states."""
    found = list(callbacks())
    assert len(found) > 10
    for where, node, given in found:
        lines = node.body[-1].end_lineno - node.body[0].lineno + 1
        assert lines <= 12, f"{where} has {lines} lines"
        fed = [call for call in given if isinstance(call.func, ast.Name) and call.func.id in {"Input", "State"}]
        assert 1 <= len(fed) <= 6, f"{where} has {len(fed)} inputs and states"


def test_pages_do_not_use_the_global_callback():
    for path in sources():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom) and node.module == "dash":
                assert not {"callback", "clientside_callback", "register_page"} & {
                    alias.name for alias in node.names
                }, path
