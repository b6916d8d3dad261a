"""What a describing job computes: which patches, in which blocks, continuing what; and what kinds that learn learn."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from eobench_dash.db.models import Dataset, FeatureSet
from eobench_dash.domain.pixels import PixelSpec
from eobench_dash.errors import PatchUnreadable
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.ml import features as ml
from eobench_dash.services.block_vectors import stacked
from eobench_dash.services.pixels import open_spec, pixel_spec
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import load_arrays, save_arrays
from eobench_dash.store.blocks import BlockFolder, block_key
from eobench_dash.tasks.patch_blocks import PatchBlocks, cut_blocks, paths_of

BLOCK_ROWS = (64, 2048)
BLOCK_BYTES = 64 * 2**20
BATCH_BYTES = 16 * 2**20
LEARN_PATCHES = 2_000
LEARN_BYTES = 256 * 2**20
STATE = "state.npz"
"""What was fitted, beside the vectors of the space: ``combiner.*``, and ``<kind>.*`` of kinds that learn."""
States = dict[str, dict[str, npt.NDArray[Any]]]


@dataclass(frozen=True)
class Plan:
    """What one job computes: patches ``first`` … ``count - 1``, in ``blocks``.

    ``base``: the set that is continued, None for a new one.
    """

    kind: ml.FeatureKind
    names: tuple[str, ...]
    spec: PixelSpec
    dataset_id: int
    first: int
    count: int
    blocks: PatchBlocks
    batch: int
    base: FeatureSet | None

    @property
    def folder(self) -> str:
        """The name of the blocks' folder: equal exactly when the blocks are."""
        key = block_key(
            kind=self.kind.name,
            version=self.kind.version,
            params=dict(self.kind.params),
            names=self.names,
            first=self.first,
            count=self.count,
            blocks=self.blocks.bounds,
            modality=self.spec.modality,
            root=self.spec.root,
            source=dict(self.spec.params),
            base=self.base and self.base.fingerprint,
        )
        return f"{folder_prefix(self.kind)}{key}"


def folder_prefix(kind: ml.FeatureKind) -> str:
    """Of the folders of a kind's blocks."""
    return f"features-{kind.folder}-"


def known_set(ws: Workspace, dataset_id: int, kind: ml.FeatureKind) -> tuple[FeatureSet | None, bool]:
    """The dataset's set of this kind, and whether it is complete."""
    with ws.db.read() as session:
        dataset = session.get_one(Dataset, dataset_id)
        query = select(FeatureSet).where(FeatureSet.dataset_id == dataset.id, FeatureSet.kind == kind.name)
        known = session.scalar(query)
    whole = known is not None and (known.rows, known.version) == (dataset.patch_count, kind.version)
    return known, whole and dataset.patch_count > 0


def plan_for(ws: Workspace, dataset_id: int, kind: ml.FeatureKind) -> Plan:
    """What is left to compute. PatchUnreadable where there is no patch, or the first one cannot be read."""
    known, _ = known_set(ws, dataset_id, kind)
    with ws.db.read() as session:
        dataset = session.get_one(Dataset, dataset_id)
    if dataset.patch_count == 0:
        raise PatchUnreadable("The dataset holds no patch.")
    spec = pixel_spec(dataset, ws.settings)
    names = kind.blocks_for(dataset.modality) or (kind.name,)
    base = known if known is not None and _continues(ws, known, kind, names, dataset.patch_count) else None
    first = base.rows if base is not None else 0
    pixels, _ = open_spec(spec).read_masked([first], paths_of(ws, dataset.id, first, first + 1))[0]
    few, many = BLOCK_ROWS
    return Plan(
        kind=kind,
        names=names,
        spec=spec,
        dataset_id=dataset.id,
        first=first,
        count=dataset.patch_count,
        blocks=cut_blocks(ws, dataset, first=first, few=few, many=many, light=BLOCK_BYTES // pixels.nbytes),
        batch=max(8, min(256, BATCH_BYTES // pixels.nbytes)),
        base=base,
    )


def plan_beside(ws: Workspace, plan: Plan, kind: ml.FeatureKind) -> Plan | None:
    """The plan of another kind on the same patches in the same blocks; None where it has other ones left to do."""
    known, whole = known_set(ws, plan.dataset_id, kind)
    names = kind.blocks_for(plan.spec.modality) or (kind.name,)
    if whole or plan.base is not None:
        return None
    if known is not None and _continues(ws, known, kind, names, plan.count):
        return None
    return replace(plan, kind=kind, names=names)


def _continues(ws: Workspace, known: FeatureSet, kind: ml.FeatureKind, names: tuple[str, ...], count: int) -> bool:
    """Whether the set can be appended to. One fitted to less than half of the patches is rather fitted again."""
    same = known.version == kind.version and tuple(known.params.get("blocks", ())) == names
    space = ws.store.feature_dir(known.dataset_id, known.params.get("space", known.folder))
    return same and count / 2 <= known.rows < count and (space / STATE).exists()


def states_for(ws: Workspace, plan: Plan, folder: BlockFolder, job: JobHandle) -> States:
    """What the kinds that learn have learned: with the set that is continued, in an earlier attempt, or now."""
    learners = [name for name in plan.names if ml.needs_fit(name)]
    if not learners:
        return {}
    if plan.base is not None:
        found = load_state(space_dir(ws, plan.base))
        return {name: found[name] for name in learners}
    kept = folder.directory / STATE
    if not kept.exists():
        save_arrays(kept, **flat({name: _learn(ws, plan, name, job) for name in learners}))
    return load_state(folder.directory)


def _learn(ws: Workspace, plan: Plan, name: str, job: JobHandle) -> dict[str, npt.NDArray[Any]]:
    """Fit one kind to a seeded sample of patches of one shape."""
    source = open_spec(plan.spec)
    size = source.read_masked([0], paths_of(ws, plan.dataset_id, 0, 1))[0][0].nbytes
    wanted = min(plan.count, LEARN_PATCHES, max(16, LEARN_BYTES // size))
    chosen = np.sort(np.random.default_rng(0).choice(plan.count, wanted, replace=False)).tolist()
    patches = []
    for done, ordinal in enumerate(chosen):
        job.progress(0.0, f"learning {name} from {done:,} of {wanted:,} patches")
        patches += source.read_masked([ordinal], paths_of(ws, plan.dataset_id, ordinal, ordinal + 1))
    kinds = [(pixels.dtype.str, pixels.shape) for pixels, _ in patches]
    usual = max(kinds, key=kinds.count)
    pixels, nodata = stacked([patch for patch, kind in zip(patches, kinds, strict=True) if kind == usual])
    learned = ml.fit(
        name, pixels, modality=plan.spec.modality, nodata=nodata, band_names=plan.spec.band_names, seed=0
    )  # fmt: skip
    return learned or {}


def space_dir(ws: Workspace, features: FeatureSet) -> Path:
    """Where the vectors are in which distances are measured."""
    return ws.store.feature_dir(features.dataset_id, features.params.get("space", features.folder))


def flat(states: States) -> dict[str, npt.NDArray[Any]]:
    """As arrays of one file, ``<owner>.<name>``; ``load_state`` reads them again."""
    return {f"{name}.{key}": array for name, arrays in states.items() for key, array in arrays.items()}


def load_state(folder: Path) -> States:
    """What was fitted, by owner: ``combiner`` or a kind that learns."""
    states: States = {}
    for name, array in load_arrays(folder / STATE).items():
        owner, _, key = name.partition(".")
        states.setdefault(owner, {})[key] = array
    return states
