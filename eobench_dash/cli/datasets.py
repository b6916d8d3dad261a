"""Commands on a dataset itself: import, list, relabel, delete."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from eobench_dash.cli.common import answer, json_option, operator, run_job, table, workspace
from eobench_dash.domain.annotations import EventSource
from eobench_dash.domain.datasets import Step
from eobench_dash.domain.importing import UNITS, ImportOptions
from eobench_dash.formats import FORMATS
from eobench_dash.services import annotate, datasets, importing


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="What the dataset is called; an existing one is appended to with --append.")
@click.option("--format", "format_", type=click.Choice(["auto", *FORMATS]), default="auto", show_default=True)
@click.option("--modality", type=click.Choice(["optical", "sar"]), default="optical", show_default=True)
@click.option("--attribution", default="", help="Whom the data is owed to; shown on pages and in reports.")
@click.option("--append", is_flag=True, help="Add to the dataset of that name.")
@click.option("--no-images", is_flag=True, help="Take vectors and labels only; do not look for the pictures.")
@click.option("--unit", type=click.Choice(UNITS), default="auto", show_default=True, help="What float pixels hold.")
@click.option("--bands", default="", help="Names of the pictures' bands in their order, such as B02,B03,B04.")
@click.option("--patch-size", type=int, help="Pixels a patch, for rasters of vectors (64 unless told).")
@click.option("--stride", type=int, help="Pixels from patch to patch (the patch size unless told).")
@click.option("--source", default="", help="Where vectors come from: model, version, data.")
@json_option
def import_(
    path: Path,
    name: str,
    format_: str,
    modality: str,
    attribution: str,
    append: bool,
    no_images: bool,
    unit: str,
    bands: str,
    patch_size: int | None,
    stride: int | None,
    source: str,
    as_json: bool,
) -> None:
    """Import images, patch folders, JSON, or vectors computed elsewhere."""
    named = tuple(name.strip() for name in bands.split(",") if name.strip())
    options = ImportOptions(patch_size=patch_size, stride=stride, unit=unit, bands=named, source=source.strip())
    with workspace() as ws:
        who = operator(ws)
        target = datasets.find_dataset(ws, who, name=name).id if append else None
        job_id = importing.start_import(
            ws, who, path=str(path), name=name, format=format_, modality=modality, attribution=attribution,
            append_to=target, images=not no_images, follow_up=False, options=options,
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


@click.command()
@click.option("--name", required=True, help="What the dataset is called.")
@click.option("--count", type=int, default=3000, show_default=True, help="How many patches.")
@click.option("--modality", type=click.Choice(["optical", "sar"]), default="optical", show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Equal seeds give equal datasets.")
@json_option
def simulate(name: str, count: int, modality: str, seed: int, as_json: bool) -> None:
    """Make a simulated dataset of any size, to try things on."""
    with workspace() as ws:
        job_id = importing.start_simulation(
            ws, operator(ws), name=name, modality=modality, count=count, seed=seed, follow_up=False
        )
        done = run_job(ws, job_id, quiet=as_json)
        answer(done, as_json=as_json, text=lambda: f"{name}: {done['imported']:,} simulated patches.")


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
                "steps": [step.value for step in Step if step in d.steps],
            }
            for d in found
        ]
        answer(rows, as_json=as_json, text=lambda: table(rows))


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
@click.option("--confirm", required=True, help="The dataset's name again, to be sure.")
def delete(name: str, confirm: str) -> None:
    """Delete a dataset, its labels and its history for good."""
    with workspace() as ws:
        who = operator(ws)
        dataset = datasets.find_dataset(ws, who, name=name)
        run_job(ws, datasets.delete_dataset(ws, who, dataset_id=dataset.id, typed_name=confirm))
        click.echo(f"{name} is deleted.")


COMMANDS = (import_, simulate, list_, relabel, delete)
