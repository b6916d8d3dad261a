"""Every command that does not serve: what it answers, and the sentence where it cannot."""

import csv
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from pypdf import PdfReader

from eobench_dash.cli.main import COMMANDS, cli

GIVEN = "correct horse battery\n"
HEAVY = ("sqlalchemy", "numpy", "pandas", "numba", "sklearn", "dash", "rasterio")


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from eobench_dash.cli.main import cli; cli(['--help'], standalone_mode=False); "
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


def test_each_command_has_one_line_of_help_and_it_is_the_command_s_own() -> None:
    for name, (_, line) in COMMANDS.items():
        command = cli.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        assert command.get_short_help_str(100) == line
        assert len(line) <= 80


def test_no_command_line_command_loads_what_only_workers_and_pages_need() -> None:
    code = (
        "import sys; from eobench_dash.cli.main import COMMANDS, cli; "
        "[cli.get_command(None, name) for name in COMMANDS]; "
        "print([m for m in ('numba', 'sklearn', 'umap', 'openTSNE', 'dash') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


def test_without_an_admin_each_command_says_how_to_make_one(eobench) -> None:
    assert eobench("init").code == 0
    for args in (["list"], ["user", "list"], ["features", "Tiny"], ["import", "x", "--name", "X"]):
        answer = eobench(*args)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err == "eobench: There is no admin yet. Make one first: eobench user add NAME --role admin\n"


def test_people_come_change_and_go(admin) -> None:
    assert admin("user", "add", "Eva", "--role", "expert", "--password-stdin", input="another long one\n").code == 0
    assert (
        admin("user", "passwd", "eva", "--password-stdin", input="yet another one\n").out
        == "The password of eva is set.\n"
    )
    assert admin("user", "disable", "eva").code == 0
    people = json.loads(admin("user", "list", "--json").out)
    assert people == [
        {"name": "ada", "role": "admin", "disabled": False, "id": 1},
        {"name": "eva", "role": "expert", "disabled": True, "id": 2},
    ]
    assert re.search(r"^eva +expert +yes +2$", admin("user", "list").out, re.M)
    assert admin("user", "disable", "eva", "--undo").code == 0
    assert not json.loads(admin("user", "list", "--json").out)[1]["disabled"]


@pytest.mark.parametrize(
    ("args", "given", "code", "says"),
    [
        (["add", "ada", "--role", "admin", "--password-stdin"], GIVEN, 1, "already a user called ada"),
        (["add", "bo", "--role", "admin", "--password-stdin"], "short\n", 2, "at least 10 characters"),
        (["add", "bo", "--role", "admin", "--password-stdin"], "", 2, "Standard input holds no password"),
        (["add", "bo", "--role", "admin"], "", 2, "--password-stdin"),
        (["add", "bo", "--role", "king"], "", 2, "'king' is not one of"),
        (["add", "b o!", "--role", "admin", "--password-stdin"], GIVEN, 2, "A log-in name has"),
        (["passwd", "zoe", "--password-stdin"], GIVEN, 1, "no user called 'zoe'"),
        (["disable", "zoe"], "", 1, "no user called 'zoe'"),
        (["disable", "ada"], "", 1, "last admin"),
    ],
)
def test_people_that_cannot_be(admin, args: list[str], given: str, code: int, says: str) -> None:
    answer = admin("user", *args, input=given)
    assert answer.code == code
    assert says in answer.err and "Traceback" not in answer.err


def test_the_whole_way(tiny, tmp_path: Path, data: Path) -> None:
    again = json.loads(tiny("import", str(data / "patches"), "--name", "Twin", "--json").out)
    assert (again["imported"], again["labels"]) == (36, {"city": 12, "forest": 12, "sea": 12})
    assert [(i["where"], sum(again["counts"].values())) for i in again["issues"]] == [("sea/broken.png", 1)]

    made = json.loads(tiny("embed", "Tiny", "--json").out)
    assert (made["method"], made["feature_kind"], made["rows"]) == ("umap", "color_stats", 36)
    closer = json.loads(tiny("embed", "Tiny", "--param", "n_neighbors=5", "--param", "min_dist=0", "--json").out)
    assert closer["id"] != made["id"] and (closer["params"]["n_neighbors"], closer["params"]["min_dist"]) == (5, 0.0)
    told = tiny("embed", "Tiny", "--method", "tsne", "--list-params").out
    assert told.startswith("perplexity (1 to 100, usually 30): Perplexity. About how many neighbours")
    assert "tsne map of 12 patches" in tiny("embed", "Tiny", "--method", "tsne", "--label", "sea").out

    found = json.loads(tiny("neighbours", "Tiny", "--patch", "3", "-k", "5", "--json").out)
    assert [n["rank"] for n in found] == [1, 2, 3, 4, 5]
    assert [n["distance"] for n in found] == sorted(n["distance"] for n in found)
    assert all(n["label"] == n["path"].split("/")[0] for n in found) and 3 not in {n["patch"] for n in found}

    change = ["relabel", "Tiny", "--patch", "3", "--patch", "4", "--user", "ada"]
    assert "no label 'lake'" in tiny(*change, "--label", "lake").err
    changed = json.loads(tiny(*change, "--label", "lake", "--create", "--reason", "calm", "--json").out)
    assert (len(changed["changes"]), changed["summary"]) == (2, "2 patches city → lake")

    pdf, table, out = tmp_path / "r.pdf", tmp_path / "r.csv", tmp_path / "out.json"
    assert tiny("report", "Tiny", "--pdf", str(pdf), "--csv", str(table)).code == 0
    assert "Tiny" in PdfReader(pdf).pages[0].extract_text()
    assert list(csv.reader(table.read_text(encoding="utf-8-sig").splitlines()))
    numbers = json.loads(tiny("report", "Tiny", "--json").out)
    assert numbers["dataset_name"] == "Tiny" and {row["name"] for row in numbers["labels"]} >= {"lake", "sea"}

    assert tiny("export", "Tiny", "--out", str(out)).out == f"{out}: 36 patches of Tiny.\n"
    assert json.loads(out.read_text())["labels"].count("lake") == 2

    rows = json.loads(tiny("list", "--json").out)
    assert {row["name"]: (row["patches"], row["changed"]) for row in rows} == {"Tiny": (36, 2), "Twin": (36, 0)}
    assert rows[0]["steps"] == ["imported", "described", "mapped", "cleaned", "verified"]

    assert "type its name exactly" in tiny("delete", "Twin", "--confirm", "twin").err
    assert tiny("delete", "Twin", "--confirm", "Twin").out == "Twin is deleted.\n"
    assert [row["name"] for row in json.loads(tiny("list", "--json").out)] == ["Tiny"]


def test_simulated_datasets_say_so_and_are_seeded(admin) -> None:
    assert (
        admin("simulate", "--name", "Radar", "--count", "40", "--modality", "sar").out
        == "Radar: 40 simulated patches.\n"
    )
    assert "1 to 10,000,000" in admin("simulate", "--name", "None", "--count", "0").err
    assert admin("features", "Radar", "--kind", "sar_wld144").code == 0
    report = json.loads(admin("report", "Radar", "--json").out)
    assert report["simulated"] is True


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["features", "Nope"], 1, "no dataset called 'Nope'. Datasets: 'Tiny'"),
        (["import", "DATA/patches", "--name", "Nope", "--append"], 1, "no dataset called 'Nope'"),
        (["import", "DATA/patches", "--name", "Tiny"], 1, "already a dataset called 'Tiny'"),
        (["import", "DATA/nothing", "--name", "A"], 1, "There is nothing at"),
        (["import", "/usr", "--name", "A"], 2, "EOBENCH_DATA_ROOTS=/usr"),
        (["import", "DATA/patches/sea/broken.png", "--name", "A"], 2, "broken.png"),
        (["features", "Tiny", "--kind", "sar_wld144"], 2, "does not fit optical"),
        (["features", "Tiny", "--kind", "magic"], 2, "no descriptor 'magic'; choose one of: all"),
        (["embed", "Tiny", "--param", "epochs"], 2, "'epochs' is not of the form NAME=VALUE"),
        (["embed", "Tiny", "--param", "epochs=-1"], 2, "Rounds (epochs) must be a whole number from 0"),
        (["embed", "Tiny", "--label", "lake"], 1, "no label 'lake'"),
        (["embed", "Tiny", "--feature", "gabor"], 2, "it has: color_stats"),
        (["neighbours", "Tiny", "--patch", "36"], 1, "patches are 0 to 35"),
        (["neighbours", "Tiny", "--patch", "-1"], 1, "patches are 0 to 35"),
        (["neighbours", "Tiny", "--patch", "3", "-k", "0"], 2, "1 to 1000"),
        (["relabel", "Tiny", "--patch", "3", "--label", "sea", "--user", "rob"], 1, "you are reader"),
        (["relabel", "Tiny", "--patch", "3", "--label", "sea", "--user", "zoe"], 2, "no user 'zoe'"),
        (["relabel", "Tiny", "--patch", "99", "--label", "sea", "--user", "ada"], 2, "patches are 0 to 35"),
        (["report", "Tiny"], 2, "--pdf FILE"),
        (["report", "Tiny", "--pdf", "/nonexistent/r.pdf"], 2, "there is no folder /nonexistent"),
        (["export", "Tiny", "--out", "/nonexistent/o.json"], 2, "there is no folder /nonexistent"),
        (["export", "Tiny", "--out", "x", "--format", "xml"], 2, "'xml' is not one of"),
        (["delete", "Tiny"], 2, "--confirm"),
        (["frobnicate"], 2, "No such command"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_a_code(tiny, data: Path, args: list[str], code: int, says: str) -> None:
    answer = tiny(*[arg.replace("DATA", str(data)) for arg in args])
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err and "Traceback" not in answer.err
    assert "Tiny" in tiny("list").out, "nothing is harmed"


@pytest.mark.parametrize(
    ("name", "value", "code", "says"),
    [
        ("EOBENCH_PORT", "99999", 2, "EOBENCH_PORT: "),
        ("EOBENCH_LOG_LEVEL", "loud", 2, "EOBENCH_LOG_LEVEL: "),
        ("EOBENCH_DATABASE_URL", "mysql://x", 2, "must begin with sqlite:/// or postgresql://"),
        ("EOBENCH_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x", 1, "The database cannot be used: "),
        ("EOBENCH_DEMO_DATA", "/nonexistent", 2, "which is not a folder"),
        ("EOBENCH_HOME", "/dev/null", 1, "The system refused /dev/null"),
    ],
)
def test_bad_settings_are_one_sentence_and_a_code(
    eobench, monkeypatch, name: str, value: str, code: int, says: str
) -> None:
    monkeypatch.setenv(name, value)
    answer = eobench("list")
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err and len(answer.err.splitlines()) == 1


def test_the_demo_makes_an_admin_once_and_data_once(eobench, home: Path) -> None:
    first = eobench("demo", "--no-serve")
    assert first.code == 0
    shown = re.search(r"the password is {2}(\S{16,}) {2}\(shown only this once\)", first.out)
    assert shown is not None and "Simulated" in first.out
    second = eobench("demo", "--no-serve")
    assert second.code == 0
    assert shown[1] not in second.out + second.err and "nothing is added" in second.out
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert kept and not any(shown[1].encode() in path.read_bytes() for path in kept)


def test_the_demo_takes_a_folder_and_a_password_file(eobench, monkeypatch, data: Path, tmp_path: Path) -> None:
    monkeypatch.setenv("EOBENCH_ADMIN_PASSWORD_FILE", str(tmp_path / "password"))
    missing = eobench("demo", "--no-serve")
    assert missing.code == 2 and "EOBENCH_ADMIN_PASSWORD_FILE" in missing.err
    (tmp_path / "password").write_text("from a file 123\n")
    monkeypatch.setenv("EOBENCH_DEMO_DATA", str(data / "patches"))
    answer = eobench("demo", "--no-serve")
    assert answer.code == 0 and "from a file 123" not in answer.out
    assert "patches is being imported" in answer.out
    assert eobench("worker", "--once").code == 0
    (row,) = json.loads(eobench("list", "--json").out)
    assert (row["name"], row["patches"], row["steps"]) == ("patches", 36, ["imported", "described", "mapped"])


def test_a_demo_that_waits_for_its_download_can_be_started_again(eobench, home: Path) -> None:
    for _ in range(2):
        answer = eobench("demo", "--download", "--no-serve")
        assert answer.code == 0 and "being downloaded" in answer.out
    with closing(sqlite3.connect(home / "eobench.sqlite")) as database:
        assert database.execute("SELECT kind, state FROM job").fetchall() == [("download", "queued")]
