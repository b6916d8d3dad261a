"""Look at every label: does it hold several structures, and which pairs of labels cannot be told apart."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from eobench_dash.db.models import Advice, ClusterSet, Dataset, FeatureSet, Label, Patch
from eobench_dash.db.queries import clusters as queries
from eobench_dash.db.queries.labels import live_labels
from eobench_dash.domain.clusters import (
    Cluster,
    ClusterMethod,
    MergeAdvice,
    Part,
    SplitAdvice,
    advice_to_plain,
    cluster_from,
)
from eobench_dash.domain.labels import NO_LABEL, default_color
from eobench_dash.errors import BadInput, PatchUnreadable, PathRefused
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.ml import clusters as ml
from eobench_dash.ml.advice import MERGE, MIN_SPLIT, SPLIT
from eobench_dash.ml.advice.merge import Pair, confused_pairs
from eobench_dash.ml.advice.naming import part_names, traits
from eobench_dash.ml.advice.split import Parts, find_parts, least_separation
from eobench_dash.ml.clusters.quality import typical_rows
from eobench_dash.services.access import default_feature_set
from eobench_dash.services.batches import newest_event
from eobench_dash.services.clusters import cluster_key
from eobench_dash.services.neighbours import space_dir
from eobench_dash.services.pixels import open_pixels
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.features import FeatureArray
from eobench_dash.tasks.clustering import save_codes, store_set

VERSION = 1
LOOKED_AT = 24
"""Pictures of each part that its name is made from."""
TYPICAL = 6

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Group:
    """One label, its patches that are not excluded (ascending ordinals), and the parts they fall into."""

    label: Label
    members: Rows
    parts: Parts


@dataclass(frozen=True, eq=False)
class Split:
    """The advice on a group, and its clusters (none where no split is advised) as they will be stored."""

    advice: SplitAdvice
    clusters: tuple[Cluster, ...] = ()
    key: str = ""
    artefact: str = ""


def run(ws: Workspace, job: JobHandle) -> None:
    """Look at the labels as they are now, and store what is advised; parts of an advised split are a cluster set."""
    with ws.db.read() as session:
        dataset = session.get_one(Dataset, job.dataset_id)
        features = default_feature_set(session, dataset.id, job.args["feature"])
        if features.rows < dataset.patch_count:
            raise BadInput("Patches were appended after these features were computed; compute the features again.")
        last_event = newest_event(session, dataset.id)
        label_ids = queries.label_ids(session, dataset)
        label_ids[queries.excluded_patches(session, dataset)] = 0
        labels = list(session.scalars(live_labels(dataset.id)))
    seed = job.args["seed"]
    x = FeatureArray(space_dir(ws, features)).as_array()[: dataset.patch_count]
    members = {label.id: np.flatnonzero(label_ids == label.id) for label in labels}
    if not any(len(rows) >= MIN_SPLIT for rows in members.values()):
        raise BadInput(f"Advice needs a label with at least {MIN_SPLIT} patches; annotate more first.")
    groups = _groups(job, x, labels, members, seed=seed)
    centres = {label.name: x[members[label.id]].mean(axis=0) for label in labels if len(members[label.id])}
    splits = [_split(ws, dataset, features, group, x, centres, seed=seed) for group in groups]
    codes = np.full(dataset.patch_count, NO_LABEL, np.int64)
    for label in labels:
        codes[members[label.id]] = label.code
    pairs = confused_pairs(x, codes, seed=seed, progress=lambda f, m: job.progress(0.65 + 0.33 * f, m))
    by_code = {label.code: label for label in labels}
    merges = tuple(_merge(pair, by_code) for pair in pairs)
    small = sum(0 < len(rows) < MIN_SPLIT for rows in members.values())
    notes = (f"{small} labels have fewer than {MIN_SPLIT} patches: no split was looked for.",) if small else ()
    with ws.db.write() as session:
        job.fence(session)
        told = [
            _stored(session, dataset, features, split, group, job) for split, group in zip(splits, groups, strict=True)
        ]
        row = Advice(
            dataset_id=dataset.id,
            feature_set_id=features.id,
            last_event_id=last_event,
            params={"seed": seed, "version": VERSION},
            result=advice_to_plain(_ranked(told), merges, thresholds={**SPLIT, **MERGE}, notes=notes),
            job_id=job.id,
        )
        session.add(row)
        session.flush()
        job.mark_done_in(session, {"advice_id": row.id})


def _groups(
    job: JobHandle, x: npt.NDArray[np.float32], labels: Sequence[Label], members: Mapping[int, Rows], *, seed: int
) -> list[Group]:
    found = []
    for done, label in enumerate(labels):

        def progress(fraction: float, message: str, done: int = done, name: str = label.name) -> None:
            job.progress(0.6 * (done + fraction) / len(labels), f"{name}: {message}")

        progress(0.0, "looking for parts")
        try:
            parts = find_parts(x[members[label.id]], seed=seed, progress=progress)
        except BadInput as error:
            raise BadInput(f"{label.name}: {error}") from error
        if parts is not None:
            found.append(Group(label, members[label.id], parts))
    return found


def _split(
    ws: Workspace,
    dataset: Dataset,
    features: FeatureSet,
    group: Group,
    x: npt.NDArray[np.float32],
    centres: Mapping[str, npt.NDArray[np.float32]],
    *,
    seed: int,
) -> Split:
    measures, name = group.parts.chosen, group.label.name
    advice = SplitAdvice(
        label=name, code=group.label.code, size=len(group.members), advised=group.parts.advised, k=measures.k,
        stability=measures.stability, silhouette=measures.silhouette, bic_gain=measures.bic_gain,
        separation=measures.separation, why=_why_split(group.parts),
    )  # fmt: skip
    codes = group.parts.codes
    if codes is None:
        return Split(advice)
    typical = typical_rows(group.parts.z, codes.astype(np.uint16), measures.k, most=TYPICAL)
    others = {other: centre for other, centre in centres.items() if other != name}
    nearest = [_nearest(x[group.members[codes == part]].mean(axis=0), others) for part in range(measures.k)]
    rng = np.random.default_rng(seed)
    looked = np.concatenate([rng.permutation(np.flatnonzero(codes == part))[:LOOKED_AT] for part in range(measures.k)])
    seen = _traits(ws, dataset, group.members[looked], codes[looked])
    called = part_names(name, *seen, k=measures.k, nearest=nearest)
    sizes = np.bincount(codes, minlength=measures.k).tolist()
    clusters = tuple(
        Cluster(part, called[part][0], default_color(part), sizes[part],
                tuple(group.members[list(typical[part])].tolist()), name, 1.0)
        for part in range(measures.k)
    )  # fmt: skip
    of = hashlib.sha256(group.members.astype("<u4").tobytes()).hexdigest()[:16]
    key = cluster_key(
        f"{features.fingerprint}/{group.label.id}/{of}",
        method="advice",
        version=VERSION,
        params={"k": measures.k, "seed": seed, "gmm": ml.METHODS[ClusterMethod.GMM].version},
    )
    parts = tuple(Part(c.index, c.name, c.size, c.typical, called[c.index][1]) for c in clusters)
    artefact = save_codes(ws, dataset, key, group.members, codes.astype(np.uint16))
    return Split(replace(advice, parts=parts), clusters, key, artefact)


def _stored(
    session: Session, dataset: Dataset, features: FeatureSet, split: Split, group: Group, job: JobHandle
) -> SplitAdvice:
    """The advice with the id of its stored clusters; names that somebody gave the same clusters before are kept."""
    if not split.clusters:
        return split.advice
    known = session.scalar(select(ClusterSet).where(ClusterSet.dataset_id == dataset.id, ClusterSet.key == split.key))
    if known is not None:
        named = {data["index"]: cluster_from(data) for data in known.clusters}
        parts = tuple(replace(part, name=named[part.index].name) for part in split.advice.parts)
        return replace(split.advice, parts=parts, cluster_set_id=known.id)
    measures = group.parts.chosen
    quality = {
        "silhouette": measures.silhouette, "stability": measures.stability, "separation": measures.separation,
        "curve": [], "curve_of": "", "components": group.parts.z.shape[1], "notes": [split.advice.why],
    }  # fmt: skip
    row = store_set(
        session, dataset, features, key=split.key, label_id=group.label.id, method=ClusterMethod.GMM,
        version=VERSION, params={"advised": True, "k": measures.k, "seed": job.args["seed"]},
        rows=len(group.members), artefact=split.artefact, clusters=split.clusters, quality=quality, job=job,
    )  # fmt: skip
    return replace(split.advice, cluster_set_id=row.id)


def _traits(
    ws: Workspace, dataset: Dataset, ordinals: Rows, parts: npt.NDArray[np.int64]
) -> tuple[dict[str, npt.NDArray[np.float64]], npt.NDArray[np.int64]]:
    """Traits of those of the patches whose pictures can be read, and the part of each."""
    with ws.db.read() as session:
        query = select(Patch.ordinal, Patch.path).where(
            Patch.dataset_id == dataset.id, Patch.ordinal.in_(ordinals.tolist())
        )
        paths = {row.ordinal: row.path for row in session.execute(query)}
    pixels, read = [], []
    try:
        source = open_pixels(dataset, ws.settings)
    except PatchUnreadable:  # vectors only: named without a look
        return {}, parts[:0]
    for place, ordinal in enumerate(ordinals.tolist()):
        try:
            pixels.append(source.read(ordinal, paths[ordinal]))
            read.append(place)
        except (PatchUnreadable, PathRefused):  # one missing picture does not matter here
            continue
    return traits(pixels, modality=dataset.modality), parts[read]


def _nearest(centre: npt.NDArray[np.float32], others: Mapping[str, npt.NDArray[np.float32]]) -> str | None:
    return min(others, key=lambda name: float(np.linalg.norm(others[name] - centre)), default=None)


def _merge(pair: Pair, labels: Mapping[int, Label]) -> MergeAdvice:
    said = (
        f"A classifier that sees only these two is wrong for {pair.error:.0%} of {pair.n:,} patches that it never saw"
    )
    coin = "no better than a coin" if pair.high >= 0.5 else "a coin is wrong for 50%"
    return MergeAdvice(
        first=labels[pair.first].name,
        second=labels[pair.second].name,
        first_code=pair.first,
        second_code=pair.second,
        advised=pair.advised,
        error=pair.error,
        low=pair.low,
        high=pair.high,
        n=pair.n,
        why=f"{said} ({pair.low:.0%} to {pair.high:.0%}); {coin}.",
        first_examples=pair.first_rows,
        second_examples=pair.second_rows,
    )


def _why_split(parts: Parts) -> str:
    measures = parts.chosen
    stable = measures.stability or 0.0
    if parts.advised:
        return (
            f"{measures.k} parts with a gap between them ({measures.separation:.2f} of 1), and random samples of the "
            f"patches give the same parts (agreement {stable:.2f} of 1)."
        )
    if measures.separation < least_separation(measures.k):
        return "One structure: wherever the group is cut, the cut runs through the midst of it."
    if stable < SPLIT["stability"]:
        return f"No parts that last: other random samples give other parts (agreement {stable:.2f} of 1)."
    return "One structure describes the group as well as several do."


def _ranked(told: Sequence[SplitAdvice]) -> tuple[SplitAdvice, ...]:
    """Advised splits first, the plainest of them first."""
    return tuple(sorted(told, key=lambda s: (not s.advised, -(s.separation or 0.0) * (s.stability or 0.0), s.label)))
