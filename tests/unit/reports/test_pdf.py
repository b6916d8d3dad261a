"""The PDF: what it says, that nothing leaves the page, that it is the same twice, and that no name breaks it."""

import io
from dataclasses import replace

import numpy as np
import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from eobench_dash.domain.quality import Confusion
from eobench_dash.domain.report import Cleaning, Since
from eobench_dash.reports import text
from eobench_dash.reports.matrix import MAX_CLASSES, ConfusionTable
from eobench_dash.reports.pdf import report_pdf
from eobench_dash.reports.style import MARGIN, WIDTH

ODD = ["<b>bold & markup</b>", "Лес и кустарник", "Θάλασσα", "森林と湖", "도시", "very " * 20 + "long", "W" * 120, "🌲"]


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def ink(pdf: bytes, scale: float = 1.0) -> list[np.ndarray]:
    """Each page as booleans: where something is printed."""
    document = pypdfium2.PdfDocument(pdf)
    return [np.asarray(page.render(scale=scale).to_pil().convert("L")) < 250 for page in document]


@pytest.mark.parametrize("k", [2, 10, 45])
def test_says_the_numbers(make_report, k: int) -> None:
    report = make_report([f"class {i}" for i in range(k)])
    found = pages(report_pdf(report))
    words = " ".join(" ".join(found).split())
    accuracy = report.verification.classification.accuracy
    assert f"{100 * accuracy:.1f}\u00a0%" in words or f"{100 * accuracy:.1f} %" in words
    assert report.verification.fingerprint in words
    assert "Wilson" in words and "Copernicus Sentinel data" in words
    assert all(f"page {i} of {len(found)}" in page for i, page in enumerate(found, start=1))
    assert all(f"class {i}" in words for i in range(k))


@pytest.mark.parametrize("names", [["a", "b"], ODD, [f"{'long name ' * 6}{i}" for i in range(60)]])
def test_nothing_leaves_the_margins(make_report, names: list[str]) -> None:
    report = make_report(names)
    report = replace(report, name="Ж" * 80, description="word " * 400)
    edge = int(MARGIN) - 6
    for page in ink(report_pdf(report)):
        assert page.any()
        assert not page[:, :edge].any() and not page[:, -edge:].any()
        assert not page[: edge - 6].any() and not page[-edge + 14 :].any()


def test_same_report_same_bytes(make_report) -> None:
    report = make_report(["a", "b", "c"])
    assert report_pdf(report, invariant=True) == report_pdf(report, invariant=True)
    other = replace(report, name="another")
    assert report_pdf(report, invariant=True) != report_pdf(other, invariant=True)


def test_markup_in_names_is_shown_not_obeyed(make_report) -> None:
    words = " ".join(pages(report_pdf(make_report(ODD))))
    assert "<b>bold & markup</b>" in words
    assert "Лес и кустарник" in words and "Θάλασσα" in words


def test_simulated_and_stale_are_marked_on_every_page_or_the_first(make_report) -> None:
    report = replace(make_report(["a", "b"], simulated=True), since=Since(events=120, patches=0))
    found = pages(report_pdf(report))
    assert all("SIMULATED DATA" in page for page in found)
    assert "Out of date" in found[0] and "120 label events" in found[0]
    plain = " ".join(pages(report_pdf(make_report(["a", "b"]))))
    assert "SIMULATED" not in plain and "Out of date" not in plain


def test_what_could_not_be_measured_is_left_out_and_said(make_report) -> None:
    report = make_report(["a", "b"])
    bare = replace(
        report.verification, classification=None, purity=None, silhouette=None, notes=("No classifier was trained.",)
    )
    report = replace(report, verification=bare, map=None, cleaning=Cleaning(0, 0, 0, (), ()))
    words = " ".join(pages(report_pdf(report)))
    assert "No classifier was trained." in words
    assert "Labels against a classifier" not in words and "Overall accuracy" not in words
    assert "No label has been changed since the import." in words


def test_many_labels_show_the_most_confused(make_report) -> None:
    report = make_report([f"class {i}" for i in range(70)], per_label=12)
    words = " ".join(pages(report_pdf(report)))
    assert f"The {MAX_CLASSES} of 70 labels with most errors" in " ".join(words.split())
    assert "and 10 more labels" in words


@pytest.mark.parametrize("k", [2, 14, 15, 40])
def test_matrix_fits_its_room(k: int) -> None:
    counts = np.full((k, k), 123_456)
    table = ConfusionTable(counts, counts.sum(axis=1), ["W" * 120] * k, room=WIDTH, limit=600)
    assert table.name_room + 14 + k * table.cell <= WIDTH + 1e-6
    assert table.height <= 600 and table.cell > 7


def test_one_class_and_empty_matrix_do_not_break(make_report) -> None:
    report = make_report(["only"])
    assert report_pdf(report).startswith(b"%PDF")
    scores = report.verification.classification
    nothing = Confusion(np.zeros(0, np.int64), np.zeros((0, 0), np.int64))
    empty = np.zeros(0)
    scores = replace(scores, confusion=nothing, support=np.zeros(0, np.int64), precision=empty, recall=empty, f1=empty)
    bare = replace(report, verification=replace(report.verification, classification=scores))
    assert report_pdf(bare).startswith(b"%PDF")


@given(st.text(max_size=60), st.floats(20, 200))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_fit_is_at_most_as_wide_as_asked(name: str, room: float) -> None:
    text.register_fonts()
    short = text.fit(name, 8, room)
    assert text.width(short, 8) <= room + 1e-6
    assert short == name or short.endswith("…")


@given(st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_markup_never_holds_a_bare_bracket_of_the_text(name: str) -> None:
    shown = text.markup(name).replace("</font>", "")
    assert all(part.startswith('<font name="') for part in (f"<{p}" for p in shown.split("<")[1:]))


def test_without_dejavu_the_fonts_of_reportlab_serve(monkeypatch: pytest.MonkeyPatch, make_report) -> None:
    monkeypatch.setattr(text, "FONT_FOLDERS", ())
    text.register_fonts.cache_clear()
    text._font_of.cache_clear()
    try:
        assert text.register_fonts() == "Bitstream Vera Sans"
        assert report_pdf(make_report(ODD)).startswith(b"%PDF")
    finally:
        monkeypatch.undo()
        text.register_fonts.cache_clear()
        text._font_of.cache_clear()
        text.register_fonts()
