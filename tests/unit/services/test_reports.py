"""A report is gathered from the database as it is, and says when it is out of date."""

import io

import pandas as pd
import pytest
from lakes import Lakes, add_crew, add_lakes
from pypdf import PdfReader
from sqlalchemy import delete
from verified import FINGERPRINT, add_features, add_map, add_verification

from eobench_dash.db.models import Dataset, Patch
from eobench_dash.domain.people import ANONYMOUS
from eobench_dash.domain.report import Move
from eobench_dash.errors import BadInput, Conflict, NotFound
from eobench_dash.services import annotate, publishing, reports, undo


@pytest.fixture
def lakes(workspace) -> Lakes:
    return add_lakes(workspace, add_crew(workspace))


def relabel(lakes: Lakes, ordinals: list[int], label: str, by: str = "ben") -> None:
    annotate.relabel(lakes.ws, lakes.who[by], dataset_id=lakes.id, ordinals=ordinals, label=label)


def text_of(pdf: bytes) -> str:
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_no_report_before_the_first_verification(lakes: Lakes) -> None:
    rob = lakes.who["rob"]
    assert reports.find_report(lakes.ws, rob, dataset_id=lakes.id) is None
    for make in (reports.report_pdf, reports.report_csv):
        with pytest.raises(Conflict, match="Run the verification first"):
            make(lakes.ws, rob, dataset_id=lakes.id)


def test_gathers_numbers_people_and_moves(lakes: Lakes) -> None:
    relabel(lakes, [0, 1], "Lake")
    relabel(lakes, [11], "Sea", by="ada")
    relabel(lakes, [2], "Sea", by="ada")
    undo.undo(lakes.ws, lakes.who["ada"], dataset_id=lakes.id)
    made = add_verification(lakes.ws, lakes.id, lakes.who["ben"])
    report = reports.find_report(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
    assert report.verification.to_dict() == made.to_dict()
    assert not report.since.stale and report.map is None and report.made_by == "lake-rob"
    cleaning = report.cleaning
    assert cleaning.changed == 3
    assert cleaning.moves == (Move("River", "Lake", 2), Move(None, "Sea", 1))
    by = {c.who: (c.batches, c.changes, c.undone) for c in cleaning.contributions}
    assert by == {"lake-ada": (2, 2, 1), "lake-ben": (1, 2, 0)}


def test_goes_stale_with_labels_and_with_patches(lakes: Lakes) -> None:
    add_verification(lakes.ws, lakes.id, lakes.who["ben"])
    relabel(lakes, [0, 1, 2], "Lake")
    since = reports.find_report(lakes.ws, lakes.who["rob"], dataset_id=lakes.id).since
    assert (since.events, since.patches) == (3, 0) and since.words == "3 label events"
    with lakes.ws.db.write() as session:
        session.get_one(Dataset, lakes.id).patch_count -= 1
    since = reports.find_report(lakes.ws, lakes.who["rob"], dataset_id=lakes.id).since
    assert since.words == "3 label events and -1 patch"
    assert "Out of date" in text_of(reports.report_pdf(lakes.ws, lakes.who["rob"], dataset_id=lakes.id))


def test_pdf_and_csv(lakes: Lakes) -> None:
    add_map(lakes.ws, lakes.id, add_features(lakes.ws, lakes.id))
    add_verification(lakes.ws, lakes.id, lakes.who["ben"])
    words = text_of(reports.report_pdf(lakes.ws, lakes.who["rob"], dataset_id=lakes.id))
    assert "Lakes" in words and FINGERPRINT in words and "UMAP of 12 patches" in words and "90.0" in words
    table = pd.read_csv(io.BytesIO(reports.report_csv(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)))
    assert table[table.measure == "overall accuracy"].value.iloc[0] == pytest.approx(0.9)


def test_a_lost_map_file_leaves_the_report_without_map(lakes: Lakes) -> None:
    add_map(lakes.ws, lakes.id, add_features(lakes.ws, lakes.id))
    add_verification(lakes.ws, lakes.id, lakes.who["ben"])
    lakes.ws.store.artefact_path(lakes.id, "k1", ".npz").unlink()
    assert "UMAP" not in text_of(reports.report_pdf(lakes.ws, lakes.who["rob"], dataset_id=lakes.id))


def test_one_label_is_reported_without_classifier(lakes: Lakes) -> None:
    add_verification(lakes.ws, lakes.id, lakes.who["ben"], classified=False)
    assert "there is one label" in text_of(reports.report_pdf(lakes.ws, lakes.who["rob"], dataset_id=lakes.id))


def test_strangers_see_nothing(lakes: Lakes) -> None:
    add_verification(lakes.ws, lakes.id, lakes.who["ben"])
    for ask in (reports.find_report, reports.report_pdf, reports.report_csv, reports.readiness):
        with pytest.raises(NotFound):
            ask(lakes.ws, ANONYMOUS, dataset_id=lakes.id)
    with pytest.raises(NotFound):
        publishing.prepare_export(lakes.ws, ANONYMOUS, dataset_id=lakes.id, format="index-csv")


def test_readiness_counts(lakes: Lakes) -> None:
    eva = lakes.who["ben"]
    annotate.mark(lakes.ws, eva, dataset_id=lakes.id, ordinals=[0, 1], unsure=True)
    annotate.mark(lakes.ws, eva, dataset_id=lakes.id, ordinals=[3], excluded=True)
    ready = reports.readiness(lakes.ws, eva, dataset_id=lakes.id)
    assert (ready.patches, ready.unlabelled, ready.unsure, ready.excluded, ready.published) == (12, 1, 2, 1, 11)
    assert ready.since is None and not ready.described and not ready.attributed
    add_features(lakes.ws, lakes.id)
    add_verification(lakes.ws, lakes.id, eva)
    ready = reports.readiness(lakes.ws, eva, dataset_id=lakes.id)
    assert ready.described and ready.since is not None and not ready.since.stale


def test_an_export_is_made_once_per_state(lakes: Lakes) -> None:
    rob = lakes.who["rob"]
    assert publishing.find_export(lakes.ws, rob, dataset_id=lakes.id, format="index-csv") is None
    first = publishing.prepare_export(lakes.ws, rob, dataset_id=lakes.id, format="index-csv")
    again = publishing.prepare_export(lakes.ws, rob, dataset_id=lakes.id, format="index-csv")
    assert first == again and first.patches == 12 and first.filename == "Lakes.csv"
    assert first.path.stat().st_size == first.size
    assert publishing.find_export(lakes.ws, rob, dataset_id=lakes.id, format="index-csv") == first
    relabel(lakes, [0], "Sea")
    assert publishing.find_export(lakes.ws, rob, dataset_id=lakes.id, format="index-csv") is None
    second = publishing.prepare_export(lakes.ws, rob, dataset_id=lakes.id, format="index-csv")
    assert second.sha256 != first.sha256 and not first.path.exists()
    assert lakes.ws.store.tmp_jobs() == ()


def test_an_export_whose_dataset_never_rests_is_refused(lakes: Lakes, monkeypatch: pytest.MonkeyPatch) -> None:
    real = publishing.export_dataset
    labels = iter(["Sea", "Lake", "River"] * 3)

    def busy(*args, **options):
        relabel(lakes, [5], next(labels))
        return real(*args, **options)

    monkeypatch.setattr(publishing, "export_dataset", busy)
    with pytest.raises(Conflict, match="being changed"):
        publishing.prepare_export(lakes.ws, lakes.who["rob"], dataset_id=lakes.id, format="index-csv")
    assert lakes.ws.store.tmp_jobs() == ()


def test_unknown_format(lakes: Lakes) -> None:
    with pytest.raises(BadInput, match="not known"):
        publishing.prepare_export(lakes.ws, lakes.who["rob"], dataset_id=lakes.id, format="../../etc")


def test_a_damaged_export_is_made_again(lakes: Lakes) -> None:
    rob = lakes.who["rob"]
    first = publishing.prepare_export(lakes.ws, rob, dataset_id=lakes.id, format="index-csv")
    first.path.write_bytes(b"short")
    assert publishing.prepare_export(lakes.ws, rob, dataset_id=lakes.id, format="index-csv").sha256 == first.sha256


def test_an_empty_dataset_is_reported(lakes: Lakes) -> None:
    with lakes.ws.db.write() as session:
        session.execute(delete(Patch).where(Patch.dataset_id == lakes.id))
        session.get_one(Dataset, lakes.id).patch_count = 0
    ready = reports.readiness(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
    assert ready.patches == ready.published == 0


@pytest.mark.parametrize(
    ("name", "stem"), [("EuroSAT 2017", "EuroSAT-2017"), ("../../x", "x"), ("Лес", "Лес"), ("...", "dataset")]
)
def test_file_names(name: str, stem: str) -> None:
    assert publishing.file_stem(name) == stem
