"""Counting what an import does, row by row."""

from collections import Counter

from eobench_dash.domain.importing import MAX_ISSUES, ImportIssue, ImportReport, IssueKind
from eobench_dash.errors import BadInput


class RowProblem(BadInput):
    """One row cannot be imported; raised and counted inside this room."""

    path: str | None = None
    """The row's path, where it was read before the problem was met."""

    def __init__(self, kind: IssueKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Tally:
    """Collects rows, issues and notes, and turns them into a report."""

    def __init__(self) -> None:
        self.total = 0
        self.imported = 0
        self.unlabelled = 0
        self.labels: Counter[str] = Counter()
        self.counts: Counter[IssueKind] = Counter()
        self.issues: list[ImportIssue] = []
        self.vector_dim: int | None = None
        self._notes: dict[str, None] = {}

    def good(self, labels: tuple[str, ...]) -> None:
        """One row was imported; its primary label is counted."""
        self.imported += 1
        if labels:
            self.labels[labels[0]] += 1
        else:
            self.unlabelled += 1

    def bad(self, issue: ImportIssue) -> None:
        """One row was not."""
        self.counts[issue.kind] += 1
        if len(self.issues) < MAX_ISSUES:
            self.issues.append(issue)

    def note(self, sentence: str) -> None:
        """Something the user should know that is no row's fault; said once."""
        self._notes[sentence] = None

    def report(self) -> ImportReport:
        """The report so far; kinds in the order of IssueKind, labels in the order met."""
        return ImportReport(
            total=self.total,
            imported=self.imported,
            unlabelled=self.unlabelled,
            counts={kind: self.counts[kind] for kind in IssueKind if self.counts[kind]},
            issues=tuple(self.issues),
            labels=dict(self.labels),
            vector_dim=self.vector_dim,
            notes=tuple(self._notes),
        )
