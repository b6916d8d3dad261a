"""What the map's services answer when people, labels and jobs meet at the wrong moment, and when input is odd."""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager

import numpy as np
import pytest
from lakes import Lakes
from sqlalchemy import func, select, update
from structured import add_structured, blobs

from eobench_dash.db.models import ClusterSet, Dataset, Embedding, FeatureSet, Job, MetricRun, Patch, SavedSelection
from eobench_dash.domain.jobs import JobKind
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import ANONYMOUS
from eobench_dash.domain.wire import unpack_column
from eobench_dash.errors import BadInput, Conflict, EOBenchError, NotAllowed, NotFound
from eobench_dash.jobs.inline import run_inline
from eobench_dash.services import (
    analytics,
    annotate,
    changes,
    clusters,
    columns,
    datasets,
    embeddings,
    labels,
    selections,
    sheets,
    vocabulary,
)
from eobench_dash.store.arrays import save_array, save_arrays


# -- somebody changes the labels while somebody else reads them --------------------------------------------------------
@pytest.mark.parametrize("asked", ["labels", "imported", "suspicion", "moves"])
def test_a_label_made_while_labels_are_read_breaks_no_answer(lakes, monkeypatch, asked) -> None:
    """A read sees one moment: a label made and given between its first and its last query is not half there."""
    ben, ws = lakes.who["ben"], lakes.ws
    add_run(lakes)
    done = []

    def meanwhile() -> None:
        if not done:
            done.append(1)
            other = threading.Thread(
                target=lambda: annotate.relabel(
                    ws, ben, dataset_id=lakes.id, ordinals=[0, 1], label="Pond", create=True
                )
            )
            other.start()
            other.join()

    from eobench_dash.services import column_sources

    for module, name in (
        (changes, "codes_by_id"),
        (column_sources, "heirs"),
        (analytics, "visible_dataset"),
    ):
        original = getattr(module, name)

        def later(*args, original=original, **more):
            found = original(*args, **more)
            session = args[0]
            list(session.scalars(select(Dataset)))
            meanwhile()
            return found

        monkeypatch.setattr(module, name, later)
    if asked == "labels":
        codes, _ = changes.label_codes(ws, ben, dataset_id=lakes.id)
        assert codes.tolist() in ([0] * 5 + [1] * 4 + [2] * 2 + [NO_LABEL], [3, 3] + [0] * 3 + [1] * 4 + [2] * 2 + [NO_LABEL])
    elif asked == "moves":
        assert sum(move.patches for move in analytics.before_after(ws, ben, dataset_id=lakes.id)) == 12
    else:
        told, _ = unpack_column(columns.column_bytes(ws, ben, dataset_id=lakes.id, name=asked)[0])
        assert told["name"] == asked
    assert done or asked == "imported"


def add_run(lakes: Lakes) -> None:
    with lakes.ws.db.write() as session:
        session.add(MetricRun(dataset_id=lakes.id, fingerprint="f" * 64, artefact="predictions-1"))
    save_arrays(
        lakes.ws.store.artefact_path(lakes.id, "predictions-1", ".npz"),
        rows=np.arange(11, dtype=np.uint32), predicted=np.zeros(11, np.uint16),
        codes=np.arange(3, dtype=np.uint16), probabilities=np.full((11, 3), 1 / 3, np.float16),
    )  # fmt: skip
