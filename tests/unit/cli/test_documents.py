"""What README.md and .env.example say is what there is."""

import os
import re
from pathlib import Path

from eobench_dash.cli.main import COMMANDS
from eobench_dash.settings import Settings

ROOT = Path(__file__).parents[3]


def test_the_example_of_settings_names_each_and_holds_the_defaults(monkeypatch) -> None:
    for name in [name for name in os.environ if name.startswith("EOBENCH_")]:
        monkeypatch.delenv(name)
    named = re.findall(r"^#? ?EOBENCH_(\w+)=", (ROOT / ".env.example").read_text(), re.M)
    assert sorted(name.lower() for name in named) == sorted(Settings.model_fields)
    assert Settings(_env_file=ROOT / ".env.example") == Settings(_env_file=None)


def test_the_readme_names_each_command_and_only_settings_that_exist() -> None:
    readme = (ROOT / "README.md").read_text()
    missing = [name for name in COMMANDS if not re.search(rf"`(eobench )?{name}\b", readme)]
    assert missing == []
    known = {f"EOBENCH_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"EOBENCH_[A-Z_]+", readme)) <= known


def test_every_pin_is_one_exact_version() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines and all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines)
