"""The sections of the PDF, each a function from the report to what is set on the page; an empty list leaves it out."""

import io

import numpy as np
from reportlab.lib.colors import HexColor, white
from reportlab.platypus import Flowable, Image, KeepTogether, Spacer, Table, TableStyle

from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.labels import LabelInfo
from eobench_dash.domain.quality import Confusion, PerClass
from eobench_dash.domain.readings import (
    CAUTION,
    balance_reading,
    headlines,
    method_notes,
    name_of,
    number,
    patches,
    protocol,
    share,
    weakest_reading,
)
from eobench_dash.domain.report import SIMULATED, DatasetReport, MapData, most_confused, top_confusions
from eobench_dash.reports import map_picture
from eobench_dash.reports.matrix import MAX_CLASSES, ConfusionTable
from eobench_dash.reports.style import (
    ACCENT,
    BORDER,
    CARD_NAME,
    CARD_VALUE,
    CELL,
    GROUND,
    HEADING,
    PAGE_HEIGHT,
    QUIET,
    TEXT,
    TITLE,
    WIDTH,
    Bar,
    Swatch,
    notice,
    para,
    section,
    table,
)
from eobench_dash.reports.text import draw, fit, width

MAX_ROWS = 60
"""Longest table of labels; the CSV has them all."""
DAY = "%Y-%m-%d %H:%M UTC"


def title(report: DatasetReport) -> list[Flowable]:
    """Name, what and whose it is, and what nobody may overlook."""
    v = report.verification
    facts = [
        ("Patches", f"{v.patch_count:,} ({'radar' if report.modality == Modality.SAR else 'optical'})"),
        ("Labels", f"{len(v.balance.codes):,} in use, {v.balance.labelled:,} patches labelled"),
        ("Verified", f"{v.created_at.strftime(DAY)} by {v.who}"),
        ("Report made", f"{report.made_at.strftime(DAY)} by {report.made_by}"),
        ("Features", f"{v.feature_kind}, version {v.feature_version}, {v.feature_dim:,} numbers a patch"),
        ("Program", f"EO Bench {v.program_version}"),
        ("Fingerprint", f"SHA-256 {v.fingerprint}"),
    ]
    rows = [[para(name, QUIET), para(value, CELL)] for name, value in facts]
    grid = Table(
        rows, colWidths=[68, WIDTH - 68], style=[("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding(0, 1.2)], hAlign="LEFT"
    )
    found: list[Flowable] = [para("EO Bench · dataset report", QUIET), para(report.name, TITLE), Spacer(1, 5), grid]
    if report.description:
        found += [Spacer(1, 5), para(report.description[:1500])]
    if report.simulated:
        found.append(notice(SIMULATED))
    if report.since.stale:
        found.append(notice(f"Out of date: the dataset has changed since it was verified ({report.since.words})."))
    return found


def summary(report: DatasetReport) -> list[Flowable]:
    """The headline numbers as cards, with their reading."""
    v = report.verification
    cards = []
    for line in headlines(v):
        cards.append([para(line.name, CARD_NAME), para(line.value, CARD_VALUE), para(line.detail, CARD_NAME)])
    found = section("In short")
    if cards:
        rules = [("BACKGROUND", (0, 0), (-1, -1), GROUND), ("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding(8, 6)]
        rules += [("LINEAFTER", (0, 0), (-2, -1), 4, white), ("LINEABOVE", (0, 0), (-1, 0), 1.6, ACCENT)]
        found.append(Table([cards], colWidths=[WIDTH / len(cards)] * len(cards), style=TableStyle(rules)))
    found.append(Spacer(1, 8))
    found += [para(line.reading, lead=line.name) for line in headlines(v)]
    found.append(para(balance_reading(v.balance), lead="Balance"))
    if v.classification is not None:
        found.append(para(weakest_reading(v.classification, report.labels), lead="Next"))
        found.append(para(CAUTION, lead="Caution"))
    return [*found, *(para(text, lead="Note") for text in v.notes)]


def label_table(report: DatasetReport) -> list[Flowable]:
    """Counts of all labels as table and bars."""
    used = sorted((x for x in report.verification.labels if x.count), key=lambda x: (-x.count, x.name.casefold()))
    if not used:
        return []
    largest, total = used[0].count, sum(x.count for x in used)
    rows = [
        [
            Swatch(x.color),
            para(x.name, CELL),
            f"{x.count:,}",
            share(x.count / total),
            Bar(x.count / largest, 180, HexColor(x.color)),
        ]
        for x in used[:MAX_ROWS]
    ]
    widths = [14, WIDTH - 14 - 52 - 46 - 190, 52, 46, 190]
    listed = table(["", "Label", "Patches", "Share", ""], rows, widths, numbers=(2, 3))
    return [*section("Labels"), listed, *_more(len(used), "labels")]


def confusion(report: DatasetReport) -> list[Flowable]:
    """The confusion matrix, and the pairs of labels that are confused most."""
    scores = report.verification.classification
    if scores is None:
        return []
    labels, shown = report.labels, _by_size(scores.confusion)
    k = len(shown.codes)
    note = "Each row is the label patches have, each column the label foretold; numbers are counts and % of the row."
    if k > MAX_CLASSES:
        shown = most_confused(shown, limit=MAX_CLASSES)
        note = f"The {MAX_CLASSES} of {k} labels with most errors, in % of each label's patches; the CSV has all."
    total = dict(zip(scores.confusion.codes.tolist(), scores.confusion.counts.sum(axis=1).tolist(), strict=True))
    codes = shown.codes.tolist()
    names, totals = [name_of(labels, code) for code in codes], np.array([total[code] for code in codes])
    matrix = ConfusionTable(shown.counts, totals, names, room=WIDTH, limit=PAGE_HEIGHT - 190)
    found: list[Flowable] = [KeepTogether([para("Labels against a classifier", HEADING), para(note, QUIET), matrix])]
    pairs = [
        [name_of(labels, p.reference), name_of(labels, p.predicted), f"{p.count:,}", share(p.share)]
        for p in top_confusions(scores.confusion, limit=10)
    ]
    if pairs:
        half = (WIDTH - 110) / 2
        head = ["Label in the dataset", "Foretold instead", "Patches", "of label"]
        listed = table(head, pairs, [half, half, 55, 55], numbers=(2, 3))
        found += [*section("Confused most"), listed]
    return found


def class_table(report: DatasetReport) -> list[Flowable]:
    """One line per label, weakest first."""
    scores, v = report.verification.classification, report.verification
    if scores is None:
        return []
    purity, silhouette = _values(v.purity), _values(v.silhouette)
    codes = scores.confusion.codes.tolist()
    rows = []
    for i in np.argsort(np.nan_to_num(scores.f1, nan=2.0), kind="stable")[:MAX_ROWS].tolist():
        rows.append([
            name_of(report.labels, codes[i]), f"{scores.support[i]:,}", number(scores.precision[i]),
            number(scores.recall[i]), number(scores.f1[i]), Bar(float(np.nan_to_num(scores.f1[i])), 66),
            number(purity.get(codes[i], np.nan)), number(silhouette.get(codes[i], np.nan)),
        ])  # fmt: skip
    widths = [WIDTH - 48 - 3 * 52 - 76 - 2 * 50, 48, 52, 52, 52, 76, 50, 50]
    head = ["Label, weakest first", "Patches", "Precision", "Recall", "F1", "", "Purity", "Silhouette"]
    listed = table(head, rows, widths, numbers=(1, 2, 3, 4, 6, 7))
    more = (
        f"Macro F1 {number(scores.macro_f1)}, weighted F1 {number(scores.weighted_f1)}, MCC {number(scores.mcc)}; "
        f"quantity disagreement {share(scores.quantity_disagreement)}, allocation disagreement "
        f"{share(scores.allocation_disagreement)}; kappa {number(scores.kappa)} (no index of accuracy, see the notes)."
    )
    return [*section("Label by label"), listed, *_more(len(codes), "labels"), Spacer(1, 4), para(more, QUIET)]


def map_section(report: DatasetReport) -> list[Flowable]:
    """The map, with the names of its largest labels on it."""
    if report.map is None or not len(report.map.coords):
        return []
    m = report.map
    quality = "; ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in m.quality.items())
    note = (
        f"{m.method} of {len(m.coords):,} patches from the features {m.feature}{f' ({quality})' if quality else ''}. "
        "Near patches look alike; far distances and the axes mean nothing, and no number of this report is read off it."
    )
    picture = MapPicture(m, report.labels)
    return [KeepTogether([para("Map", HEADING), picture, Spacer(1, 3), para(note, QUIET)])]


def cleaning(report: DatasetReport) -> list[Flowable]:
    """Who changed what since the import."""
    c = report.cleaning
    if not c.contributions and not c.changed:
        return [*section("Cleaning history"), para("No label has been changed since the import.")]
    now = (
        f"{patches(c.changed)} with another label than at import; {c.unsure:,} marked unsure, {c.excluded:,} excluded."
    )
    found = [*section("Cleaning history"), para(now), Spacer(1, 4)]
    people = [
        [x.who, f"{x.changes:,}", f"{x.batches:,}", f"{x.undone:,}", x.last.strftime(DAY)] for x in c.contributions
    ]
    if people:
        head = ["Who", "Patches changed", "Actions", "Taken back", "Last"]
        found.append(table(head, people[:MAX_ROWS], [WIDTH - 345, 85, 60, 70, 130], numbers=(1, 2, 3)))
    moves = [[m.before or "no label", m.after or "no label", f"{m.patches:,}"] for m in c.moves[:15]]
    if moves:
        half = (WIDTH - 60) / 2
        found += [
            Spacer(1, 8),
            table(["Label at import", "Label now", "Patches"], moves, [half, half, 60], numbers=(2,)),
        ]
    return found


def methods(report: DatasetReport) -> list[Flowable]:
    """How each number was made."""
    rows = [[n.name, n.definition, n.measured, n.source] for n in method_notes(report.verification)]
    widths = [WIDTH * part for part in (0.17, 0.32, 0.29, 0.22)]
    listed = table(["Measure", "Definition", "Measured on", "Source"], rows, widths)
    found = section("How it was measured", room=160)
    if report.verification.classification is not None:
        found.append(para(protocol(report.verification)))
    return [*found, listed]


def licence(report: DatasetReport) -> list[Flowable]:
    """Whom the data are to be credited to."""
    return [KeepTogether([para("Attribution", HEADING), para(report.attribution[:4000])])]


class MapPicture(Flowable):  # type: ignore[misc]
    """The map as picture with label names set over it as text, so that they stay sharp and searchable."""

    def __init__(self, data: MapData, labels: dict[int, LabelInfo]) -> None:
        super().__init__()
        self.data, self.labels = data, labels
        self.width, self.height = WIDTH, WIDTH * 0.68

    def draw(self) -> None:
        pixels_wide, pixels_high = 1500, 1020
        colors = {code: label.color for code, label in self.labels.items()}
        png = map_picture.map_picture(self.data.coords, self.data.codes, colors, width=pixels_wide, height=pixels_high)
        Image(io.BytesIO(png), self.width, self.height).drawOn(self.canv, 0, 0)
        self.canv.setStrokeColor(BORDER)
        self.canv.rect(0, 0, self.width, self.height, stroke=1, fill=0)
        places = map_picture.label_places(self.data.coords, self.data.codes)
        at = map_picture.to_pixels(
            self.data.coords, width=pixels_wide, height=pixels_high, extra=np.array([p[1:] for p in places])
        )
        taken: list[tuple[float, float, float]] = []
        for (code, _, _), (px, py) in zip(places, at, strict=True):
            x, y = px * self.width / pixels_wide, self.height - py * self.height / pixels_high
            self._name(name_of(self.labels, code), x, y, taken)

    def _name(self, name: str, x: float, y: float, taken: list[tuple[float, float, float]]) -> None:
        """Write a name unless it would cover one already there (larger labels come first)."""
        short = fit(name, 7.5, 110)
        half = width(short, 7.5, bold=True) / 2 + 3
        x = min(max(x, half + 2), self.width - half - 2)
        if any(abs(x - other) < half + reach and abs(y - height) < 11 for other, height, reach in taken):
            return
        taken.append((x, y, half))
        self.canv.saveState()
        self.canv.setFillColor(white)
        self.canv.setFillAlpha(0.82)
        self.canv.roundRect(x - half, y - 4, 2 * half, 11, 2.5, stroke=0, fill=1)
        self.canv.restoreState()
        self.canv.setFillColor(TEXT)
        draw(self.canv, x, y - 1, short, 7.5, bold=True, align=0.5)


def _by_size(confusion: Confusion) -> Confusion:
    order = np.argsort(-confusion.counts.sum(axis=1), kind="stable")
    return Confusion(codes=confusion.codes[order], counts=confusion.counts[np.ix_(order, order)])


def _values(measure: PerClass | None) -> dict[int, float]:
    return {} if measure is None else dict(zip(measure.codes.tolist(), measure.values.tolist(), strict=True))


def _more(count: int, what: str) -> list[Flowable]:
    return [para(f"and {count - MAX_ROWS:,} more {what}; the CSV lists all.", QUIET)] if count > MAX_ROWS else []


def _padding(side: float, height: float) -> list[tuple[object, ...]]:
    every = ((0, 0), (-1, -1))
    return [("LEFTPADDING", *every, side), ("RIGHTPADDING", *every, side), ("TOPPADDING", *every, height),
            ("BOTTOMPADDING", *every, height)]  # fmt: skip
