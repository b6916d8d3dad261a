"""Commands that take a dataset along its way: import, describe, map, look, correct, report, take home."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from eobench_dash.cli.common import answer, json_option, operator, run_job, table, workspace
from eobench_dash.domain.annotations import EventSource
from eobench_dash.errors import BadInput, EOBenchError
from eobench_dash.formats import FORMATS
from eobench_dash.ml.embedding import METHODS
from eobench_dash.ml.features import KINDS
from eobench_dash.services import (
    annotate,
    datasets,
    embeddings,
    exporting,
    features,
    importing,
    neighbours,
    reports,
    verification,
)

Writable = click.Path(dir_okay=False, path_type=Path)


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="What the dataset is called; an existing one is appended to with --append.")
@click.option("--format", "format_", type=click.Choice(["auto", *FORMATS]), default="auto", show_default=True)
@click.option("--modality", type=click.Choice(["optical", "sar"]), default="optical", show_default=True)
@click.option("--attribution", default="", help="Whom the data is owed to; shown on pages and in reports.")
@click.option("--append", is_flag=True, help="Add to the dataset of that name.")
@click.option("--no-images", is_flag=True, help="Take vectors and labels only; do not look for the pictures.")
@json_option
def import_(
    path: Path,
    name: str,
    format_: str,
    modality: str,
    attribution: str,
    append: bool,
    no_images: bool,
    as_json: bool,
) -> None:
    """Import a folder of images (class = folder) or the paper's JSON."""
    with workspace() as ws:
        who = operator(ws)
        target = datasets.find_dataset(ws, who, name=name).id if append else None
        job_id = importing.start_import(
            ws, who, path=str(path), name=name, format=format_, modality=modality, attribution=attribution,
            append_to=target, images=not no_images, follow_up=False,
        )  # fmt: skip
        done = run_job(ws, job_id, quiet=as_json)
        report = importing.import_report(ws, who, dataset_id=done["dataset_id"])
        answer(
            {"dataset_id": done["dataset_id"], **report},
            as_json=as_json,
            text=lambda: _import_text(name, report, done),
        )


def _import_text(name: str, report: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    bad = {kind: n for kind, n in report.get("counts", {}).items() if n}
    lines = [f"{name}: {result['imported']:,} patches imported (dataset {result['dataset_id']})."]
    lines += [f"  not imported, {kind.replace('_', ' ')}: {n:,}" for kind, n in bad.items()]
    lines += [f"    {issue['where']}: {issue['message']}" for issue in report.get("issues", [])[:5]]
    return "\n".join(lines + [f"  note: {note}" for note in report.get("notes", [])])


@click.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the datasets and where each stands."""
    with workspace() as ws:
        found = datasets.list_datasets(ws, operator(ws))
        rows = [
            {
                "id": d.id,
                "name": d.name,
                "patches": d.patch_count,
                "labels": d.label_count,
                "changed": d.changed_count,
                "steps": " ".join(sorted(d.steps)),
            }
            for d in found
        ]
        answer(rows, as_json=as_json, text=lambda: table(list(rows)))


@click.command("features")
@click.argument("name")
@click.option("--kind", type=click.Choice(list(KINDS)), default="all", show_default=True)
@json_option
def features_(name: str, kind: str, as_json: bool) -> None:
    """Compute a descriptor for every patch."""
    with workspace() as ws:
        who = operator(ws)
        dataset = datasets.find_dataset(ws, who, name=name)
        run_job(ws, features.start_features(ws, who, dataset_id=dataset.id, kind=kind), quiet=as_json)
        made = next(f for f in features.list_feature_sets(ws, who, dataset_id=dataset.id) if f.kind == kind)
        answer(made, as_json=as_json, text=lambda: f"{name}: {made.rows:,} × {made.dim} features of kind {kind}.")


@click.command()
@click.argument("name")
@click.option("--method", type=click.Choice(list(METHODS)), default="umap", show_default=True)
@click.option("--feature", default=None, help="Which features; default: all, or the imported ones.")
@click.option("--label", default=None, help="Map only this label's group.")
@click.option("--seed", type=int, default=42, show_default=True, help="Equal seeds give equal maps.")
@json_option
def embed(name: str, method: str, feature: str | None, label: str | None, seed: int, as_json: bool) -> None:
    """Compute a 2-D map of the patches."""
    with workspace() as ws:
        who = operator(ws)
        dataset = datasets.find_dataset(ws, who, name=name)
        job_id = embeddings.start_embedding(
            ws, who, dataset_id=dataset.id, method=method, feature=feature, label=label, seed=seed
        )
        done = run_job(ws, job_id, quiet=as_json)
        found = embeddings.list_embeddings(ws, who, dataset_id=dataset.id)
        made = next(e for e in found if e.id == done["embedding_id"])
        quality = ", ".join(f"{key.replace('_', ' ')} {value:.3f}" for key, value in made.quality.items())
        answer(made, as_json=as_json, text=lambda: f"{name}: {method} map of {made.rows:,} patches. {quality}")


@click.command("neighbours")
@click.argument("name")
@click.option("--patch", type=int, required=True, help="The patch's number.")
@click.option("-k", type=int, default=20, show_default=True)
@click.option("--feature", default=None)
@json_option
def neighbours_(name: str, patch: int, k: int, feature: str | None, as_json: bool) -> None:
    """List the nearest neighbours of a patch."""
    with workspace() as ws:
        who = operator(ws)
        dataset = datasets.find_dataset(ws, who, name=name)
        found = neighbours.neighbours(ws, who, dataset_id=dataset.id, ordinal=patch, k=k, feature=feature)
        rows = [
            {"rank": n.rank, "patch": n.ordinal, "distance": round(n.distance, 4), "label": n.label, "path": n.path}
            for n in found
        ]
        answer(rows, as_json=as_json, text=lambda: table(list(rows)))


@click.command()
@click.argument("name")
@click.option("--patch", "patches", type=int, multiple=True, required=True, help="The patch's number; may be repeated.")
@click.option("--label", required=True, help="The new label (use --create for one that does not exist yet).")
@click.option("--user", "user_name", required=True, help="Who says so.")
@click.option("--reason", default="", help="Why; kept in the history.")
@click.option("--create", is_flag=True, help="Make the label if there is none of that name.")
@json_option
def relabel(
    name: str, patches: tuple[int, ...], label: str, user_name: str, reason: str, create: bool, as_json: bool
) -> None:
    """Give patches another label, as one transaction."""
    with workspace() as ws:
        who = operator(ws, user_name)
        dataset = datasets.find_dataset(ws, who, name=name)
        result = annotate.relabel(
            ws, who, dataset_id=dataset.id, ordinals=patches, label=label, why=reason,
            source=EventSource.COMMAND, create=create,
        )  # fmt: skip
        answer(result, as_json=as_json, text=lambda: result.summary or f"{len(result.changes)} patches changed.")


@click.command()
@click.argument("name")
@click.option("--pdf", type=Writable, help="Write the report here.")
@click.option("--csv", "csv_", type=Writable, help="Write its numbers here.")
@click.option("--feature", default=None, help="Which features to measure on.")
@click.option("--again", is_flag=True, help="Measure again even if nothing has changed since the last time.")
def report(name: str, pdf: Path | None, csv_: Path | None, feature: str | None, again: bool) -> None:
    """Verify the labels and write the report as PDF and CSV."""
    if pdf is None and csv_ is None:
        raise BadInput("Say where to write: --pdf FILE, --csv FILE, or both.")
    with workspace() as ws:
        who = operator(ws)
        dataset = datasets.find_dataset(ws, who, name=name)
        latest = verification.latest_verification(ws, who, dataset_id=dataset.id)
        _, newest = annotate.label_codes(ws, who, dataset_id=dataset.id)
        if again or latest is None or latest.last_event != newest or feature not in {None, latest.feature_kind}:
            run_job(ws, verification.start_verification(ws, who, dataset_id=dataset.id, feature=feature))
        for file, make in ((pdf, reports.report_pdf), (csv_, reports.report_csv)):
            if file is not None:
                _write(file, make(ws, who, dataset_id=dataset.id))


@click.command()
@click.argument("name")
@click.option("--format", "format_", type=click.Choice(list(exporting.EXPORTS)), default="paper-json", show_default=True)
@click.option("--out", type=Writable, required=True, help="The file to write.")
@click.option("--feature", default=None, help="Which features go in.")
def export(name: str, format_: str, out: Path, feature: str | None) -> None:
    """Write a dataset to a file that other tools read."""
    with workspace() as ws:
        who = operator(ws)
        dataset = datasets.find_dataset(ws, who, name=name)
        count = exporting.export_dataset(ws, who, dataset_id=dataset.id, format=format_, out=out, feature=feature)
        click.echo(f"{out}: {count:,} patches of {name}.")


@click.command()
@click.argument("name")
@click.option("--confirm", required=True, help="The dataset's name again, to be sure.")
def delete(name: str, confirm: str) -> None:
    """Delete a dataset, its labels and its history for good."""
    with workspace() as ws:
        who = operator(ws)
        dataset = datasets.find_dataset(ws, who, name=name)
        run_job(ws, datasets.delete_dataset(ws, who, dataset_id=dataset.id, typed_name=confirm))
        click.echo(f"{name} is deleted.")


def _write(file: Path, content: bytes) -> None:
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_bytes(content)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise EOBenchError(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(f"{file}: {len(content):,} bytes.")


COMMANDS = (import_, list_, features_, embed, neighbours_, relabel, report, export, delete)
