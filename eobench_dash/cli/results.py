"""Commands that compute from a dataset, look at what was computed, and take it home."""

from contextlib import suppress
from pathlib import Path

import click

from eobench_dash.cli.common import answer, json_option, operator, run_job, table, workspace
from eobench_dash.domain.embeddings import EmbeddingParam
from eobench_dash.errors import BadInput, EOBenchError
from eobench_dash.ml.embedding import METHODS
from eobench_dash.ml.features import KINDS, find
from eobench_dash.services import (
    annotate,
    datasets,
    embeddings,
    encoding,
    exporting,
    features,
    neighbours,
    reports,
    verification,
)

Writable = click.Path(dir_okay=False, path_type=Path)
FORMATS = click.Choice(list(exporting.EXPORTS))


@click.command("features")
@click.argument("name")
@click.option(
    "--kind",
    metavar="KIND[+KIND]…",
    default="all",
    show_default=True,
    help=f"One of {', '.join(KINDS)}; or several as one; or onnx, with --model.",
)
@click.option("--model", type=click.Path(path_type=Path), help="An ONNX model of your own, for --kind onnx.")
@click.option("--mean", default="0", show_default=True, help="Taken from the pixels (0..1): one number, or one a band.")
@click.option("--std", default="1", show_default=True, help="What they are divided by then: one number, or one a band.")
@json_option
def features_(name: str, kind: str, model: Path | None, mean: str, std: str, as_json: bool) -> None:
    """Compute a descriptor for every patch. Stopped by Ctrl-C, it goes on from the finished blocks when asked again."""
    if (kind == encoding.KIND) != (model is not None):
        raise BadInput("A model of your own goes with --kind onnx, and that kind needs it: --kind onnx --model FILE.")
    kind = kind if model else find(kind).name
    with workspace() as ws:
        who = operator(ws)
        dataset = datasets.find_dataset(ws, who, name=name)
        if model:
            scale = {"mean": _numbers(mean), "std": _numbers(std)}
            job_id, kind = encoding.start_encoding(ws, who, dataset_id=dataset.id, model=model, **scale)
        else:
            job_id = features.start_features(ws, who, dataset_id=dataset.id, kind=kind)
        run_job(ws, job_id, quiet=as_json)
        made = next(f for f in features.list_feature_sets(ws, who, dataset_id=dataset.id) if f.kind == kind)
        answer(made, as_json=as_json, text=lambda: f"{name}: {made.rows:,} × {made.dim} features of kind {kind}.")


def _numbers(raw: str) -> list[float]:
    try:
        return [float(part) for part in raw.split(",")]
    except ValueError:
        raise BadInput(f"{raw[:60]!r} are no numbers; write them as 0.1,0.2,0.3.") from None


@click.command()
@click.argument("name")
@click.option("--method", type=click.Choice(list(METHODS)), default="umap", show_default=True)
@click.option("--feature", default=None, help="Which features; default: all, or the imported ones.")
@click.option("--label", default=None, help="Map only this label's group.")
@click.option("--seed", type=int, default=42, show_default=True, help="Equal seeds give equal maps.")
@click.option(
    "--param", "given", multiple=True, metavar="NAME=VALUE", help="A parameter of the method; may be repeated."
)
@click.option("--list-params", is_flag=True, help="Say what the method's parameters do, and stop.")
@json_option
def embed(
    name: str, method: str, feature: str | None, label: str | None, seed: int, given: tuple[str, ...],
    list_params: bool, as_json: bool,
) -> None:  # fmt: skip
    """Compute a 2-D map of the patches."""
    if list_params:
        chosen = METHODS[method].params
        answer(chosen, as_json=as_json, text=lambda: "\n".join(map(_param_text, chosen)))
        return
    with workspace() as ws:
        who = operator(ws)
        dataset = datasets.find_dataset(ws, who, name=name)
        job_id = embeddings.start_embedding(
            ws, who, dataset_id=dataset.id, method=method, feature=feature, label=label, seed=seed,
            params=_params(given),
        )  # fmt: skip
        done = run_job(ws, job_id, quiet=as_json)
        found = embeddings.list_embeddings(ws, who, dataset_id=dataset.id)
        made = next(e for e in found if e.id == done["embedding_id"])
        quality = "".join(f", {key.replace('_', ' ')} {value:.3f}" for key, value in made.quality.items())
        answer(made, as_json=as_json, text=lambda: f"{name}: {method} map of {made.rows:,} patches{quality}.")


def _params(given: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE`` arguments as a mapping; BadInput for one without an equals sign."""
    for text in given:
        if "=" not in text:
            raise BadInput(f"{text!r} is not of the form NAME=VALUE, for example n_neighbors=30.")
    return {name.strip(): value.strip() for name, value in (text.split("=", 1) for text in given)}


def _param_text(param: EmbeddingParam) -> str:
    return f"{param.name} ({param.low:g} to {param.high:g}, usually {param.default:g}): {param.title}. {param.help}"


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
        answer(rows, as_json=as_json, text=lambda: table(rows))


@click.command()
@click.argument("name")
@click.option("--pdf", type=Writable, help="Write the report here.")
@click.option("--csv", "csv_", type=Writable, help="Write its numbers here.")
@click.option("--feature", default=None, help="Which features to measure on.")
@click.option("--again", is_flag=True, help="Measure again even if nothing has changed since the last time.")
@json_option
def report(name: str, pdf: Path | None, csv_: Path | None, feature: str | None, again: bool, as_json: bool) -> None:
    """Verify the labels and write the report as PDF and CSV."""
    wanted = [(file, make) for file, make in ((pdf, reports.report_pdf), (csv_, reports.report_csv)) if file]
    if not wanted and not as_json:
        raise BadInput("Say where to write: --pdf FILE, --csv FILE, or both; or --json to print the numbers.")
    for file, _ in wanted:
        _check_folder(file)
    with workspace() as ws:
        who = operator(ws)
        dataset = datasets.find_dataset(ws, who, name=name)
        latest = verification.latest_verification(ws, who, dataset_id=dataset.id)
        _, newest = annotate.label_codes(ws, who, dataset_id=dataset.id)
        if again or latest is None or latest.last_event != newest or feature not in {None, latest.feature_kind}:
            job_id = verification.start_verification(ws, who, dataset_id=dataset.id, feature=feature)
            run_job(ws, job_id, quiet=as_json)
            latest = verification.latest_verification(ws, who, dataset_id=dataset.id)
        sizes = {str(file): _write(file, make(ws, who, dataset_id=dataset.id)) for file, make in wanted}
        answer(
            latest.to_dict() if latest else {},
            as_json=as_json,
            text=lambda: "\n".join(f"{file}: {size:,} bytes." for file, size in sizes.items()),
        )


@click.command()
@click.argument("name")
@click.option("--format", "format_", type=FORMATS, default="paper-json", show_default=True)
@click.option("--out", type=Writable, required=True, help="The file to write.")
@click.option("--feature", default=None, help="Which features go in.")
def export(name: str, format_: str, out: Path, feature: str | None) -> None:
    """Write a dataset to a file that other tools read."""
    _check_folder(out)
    with workspace() as ws:
        who = operator(ws)
        dataset = datasets.find_dataset(ws, who, name=name)
        count = exporting.export_dataset(ws, who, dataset_id=dataset.id, format=format_, out=out, feature=feature)
        click.echo(f"{out}: {count:,} patches of {name}.")


def _check_folder(file: Path) -> None:
    """BadInput where the file's folder is not there: said before work is done, not after."""
    folder = file.resolve().parent
    if not folder.is_dir():
        raise BadInput(f"{file} cannot be written: there is no folder {folder}.")


def _write(file: Path, content: bytes) -> int:
    """Write the file, whole or not at all; its size in bytes."""
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_bytes(content)
        part.replace(file)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise EOBenchError(f"{file} cannot be written: {error.strerror}.") from error
    return len(content)


COMMANDS = (features_, embed, neighbours_, report, export)
