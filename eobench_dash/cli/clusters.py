"""Commands that look for structure: clusters, and advice on which labels to split and which to merge."""

import click

from eobench_dash.cli.common import answer, json_option, operator, run_job, table, workspace
from eobench_dash.domain.clusters import AdviceReport, ClusterMethod, ClusterSetInfo
from eobench_dash.services import advice, clusters, datasets


@click.command()
@click.argument("name")
@click.option("--label", default=None, help="Cluster only this label's group.")
@click.option("--method", type=click.Choice([m.value for m in ClusterMethod]), default="gmm", show_default=True)
@click.option(
    "-k", type=int, default=None, help="How many clusters; default: chosen by BIC, or by silhouette (kmeans)."
)
@click.option("--min-size", type=int, default=None, help="HDBSCAN: the fewest patches of a cluster.")
@click.option("--feature", default=None, help="Which features; default: all, or the imported ones.")
@click.option("--seed", type=int, default=0, show_default=True, help="Equal seeds give equal clusters.")
@json_option
def cluster(
    name: str,
    label: str | None,
    method: str,
    k: int | None,
    min_size: int | None,
    feature: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Find clusters of patches in feature space."""
    with workspace() as ws:
        who = operator(ws)
        dataset = datasets.find_dataset(ws, who, name=name)
        job_id = clusters.start_clusters(
            ws,
            who,
            dataset_id=dataset.id,
            method=method,
            k=k,
            min_size=min_size,
            feature=feature,
            label=label,
            seed=seed,
        )
        done = run_job(ws, job_id, quiet=as_json)
        made = clusters.get_cluster_set(ws, who, dataset_id=dataset.id, cluster_set_id=done["cluster_set_id"])
        answer(made, as_json=as_json, text=lambda: _clusters(made))


@click.command()
@click.argument("name")
@click.option("--feature", default=None, help="Which features; default: all, or the imported ones.")
@click.option("--seed", type=int, default=0, show_default=True)
@json_option
def advise(name: str, feature: str | None, seed: int, as_json: bool) -> None:
    """Say which labels to split, and which to merge."""
    with workspace() as ws:
        who = operator(ws)
        dataset = datasets.find_dataset(ws, who, name=name)
        run_job(ws, advice.start_advice(ws, who, dataset_id=dataset.id, feature=feature, seed=seed), quiet=as_json)
        found = advice.latest_advice(ws, who, dataset_id=dataset.id)
        answer(found, as_json=as_json, text=lambda: _advice(found) if found else "(none)")


def _clusters(made: ClusterSetInfo) -> str:
    rows = [
        {
            "cluster": c.index,
            "name": c.name,
            "patches": c.size,
            "commonest label": c.label,
            "share": f"{c.share:.0%}",
            "typical": list(c.typical[:3]),
        }
        for c in made.clusters
    ]
    measured = {"silhouette": made.quality.get("silhouette"), "stability": made.quality.get("stability")}
    said = [f"{name} {value:.2f}" for name, value in measured.items() if value is not None]
    last = ", ".join([f"{made.rows:,} patches, {made.noise:,} in no cluster", *said])
    return "\n".join([f"{made.title}, set {made.id}", table(rows), last, *made.quality.get("notes", [])])


def _advice(found: AdviceReport) -> str:
    splits = [
        {
            "label": s.label,
            "patches": s.size,
            "split": f"into {s.k}" if s.advised else "",
            "gap": _number(s.separation),
            "stability": _number(s.stability),
            "silhouette": _number(s.silhouette),
            "parts": [f"{part.name}: {part.size:,}" for part in s.parts],
        }
        for s in found.splits
    ]
    merges = [
        {
            "labels": f"{m.first}, {m.second}",
            "merge": m.advised,
            "mistaken": f"{m.error:.0%} ({m.low:.0%} to {m.high:.0%})",
            "of": m.n,
        }
        for m in found.merges
    ]
    return "\n".join(["Split?", table(splits), "", "Merge?", table(merges), *found.notes])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


COMMANDS = (cluster, advise)
