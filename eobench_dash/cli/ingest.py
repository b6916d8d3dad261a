"""The command ``ingest``: from products to patches."""

import json
from pathlib import Path
from typing import Any

import click

from eobench_dash.cli.common import answer, json_option, operator, run_each, run_job, table, workspace
from eobench_dash.domain.areas import MAX_CORNERS
from eobench_dash.domain.ingesting import (
    FLAGS,
    LIMITABLE,
    USUAL_LIMITS,
    IngestEstimate,
    IngestPlan,
    IngestReport,
    refusal_words,
)
from eobench_dash.domain.people import Principal
from eobench_dash.domain.products import ReadOptions
from eobench_dash.errors import BadInput
from eobench_dash.services import estimating, ingesting
from eobench_dash.services import features as feature_service
from eobench_dash.services.workspace import Workspace

MAX_AREA_BYTES = 200 * MAX_CORNERS
_LISTED = 10


def _limits(command: Any) -> Any:
    """``--max-nodata 0.2`` and the like, one for each flag that can have a limit; the usual ones hold unless told."""
    for name in reversed(LIMITABLE):
        words = FLAGS[name].help[0].lower() + FLAGS[name].help[1:]
        if usual := USUAL_LIMITS.get(name):
            words += f" {usual:g} unless told, as on the page; 1 refuses none."
        option = click.option(
            f"--max-{name.replace('_', '-')}",
            f"max_{name}",
            type=float,
            default=USUAL_LIMITS.get(name),
            metavar="SHARE",
            help=f"Refuse patches with more: {words}",
        )
        command = option(command)
    return command


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH…")
@click.option("--name", required=True, help="What the new dataset is called.")
@click.option("--patch-size", default="64", show_default=True, metavar="SIZE", help="Pixels, or metres as 640m.")
@click.option("--stride", default=None, metavar="SIZE", help="From patch to patch; the patch size unless told.")
@click.option("--scales", default="", metavar="SIZE,…", help="Further sizes, with the same relative overlap.")
@click.option("--bands", default="", metavar="NAME,…", help="Which bands, such as B02,B03,B04; all unless told.")
@click.option("--resolution", type=float, metavar="METRES", help="Resample to pixels of this size.")
@click.option("--grid", is_flag=True, help="Resample Sentinel-1 north-up onto UTM.")
@click.option("--modality", type=click.Choice(["optical", "sar"]), help="Take only these; others are left out.")
@click.option("--shows", type=click.Choice(["optical", "sar"]), help="What plain rasters show, if they do not say.")
@click.option("--unit", default="auto", show_default=True, help="What plain rasters hold, such as dB or reflectance.")
@click.option("--aoi", default=None, metavar="FILE|W,S,E,N", help="Only patches whose middle lies in this area.")
@_limits
@click.option("--feature", "kinds", multiple=True, metavar="KIND", help="Describe the patches by it; may be repeated.")
@click.option("--attribution", default="", help="Whom the data is owed to; shown on pages and in reports.")
@click.option("--estimate", "only_estimate", is_flag=True, help="Say what it would take, and stop.")
@json_option
def ingest(
    paths: tuple[Path, ...],
    name: str,
    patch_size: str,
    stride: str | None,
    scales: str,
    bands: str,
    resolution: float | None,
    grid: bool,
    modality: str | None,
    shows: str | None,
    unit: str,
    aoi: str | None,
    kinds: tuple[str, ...],
    attribution: str,
    only_estimate: bool,
    as_json: bool,
    **limits: float | None,
) -> None:
    """Cut Sentinel products and other rasters into patches."""
    plan = IngestPlan.from_dict(
        {
            "patch": patch_size,
            "stride": stride,
            "scales": _words(scales),
            "area": _area(aoi),
            "limits": {name.removeprefix("max_"): most for name, most in limits.items()},
        }
    )
    options = ReadOptions(
        bands=tuple(_words(bands)), resolution=resolution, grid=grid, unit=unit, modality=shows or "auto"
    )
    with workspace() as ws:
        who = operator(ws)
        asked: dict[str, Any] = {
            "paths": [str(path) for path in paths],
            "plan": plan,
            "options": options,
            "only": modality,
            "features": kinds,
        }
        if only_estimate:
            told = estimating.estimate(ws, who, **asked)
            answer(told, as_json=as_json, text=lambda: _estimate_text(told))
            return
        job_id = ingesting.start_ingest(ws, who, name=name, attribution=attribution, map_first=False, **asked)
        done = run_job(ws, job_id, quiet=as_json)
        try:
            run_each(ws, done["feature_jobs"], quiet=as_json)
        finally:  # the patches are there, whatever becomes of their descriptors
            _tell(ws, who, name, done["dataset_id"], as_json=as_json)


def _tell(ws: Workspace, who: Principal, name: str, dataset_id: int, *, as_json: bool) -> None:
    described = _described(ws, who, dataset_id)
    report = ingesting.ingest_report(ws, who, dataset_id=dataset_id) or IngestReport(products=())
    answer(
        {"dataset_id": dataset_id, "features": described, **report.to_dict()},
        as_json=as_json,
        text=lambda: "\n".join([_report_text(name, dataset_id, report), *described]),
    )


def _described(ws: Workspace, who: Principal, dataset_id: int) -> list[str]:
    made = feature_service.list_feature_sets(ws, who, dataset_id=dataset_id)
    return [f"  {f.rows:,} × {f.dim} features of kind {f.kind}" for f in reversed(made)]


def _words(raw: str) -> list[str]:
    return [word.strip() for word in raw.split(",") if word.strip()]


def _area(raw: str | None) -> Any:
    """A box as it is; a file's GeoJSON."""
    if raw is None or raw.count(",") == 3:
        return raw
    path = Path(raw)
    try:
        if path.stat().st_size > MAX_AREA_BYTES:
            raise BadInput(f"{path.name} is larger than an area of interest may be; simplify its polygons.")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{raw[:200]!r} is no box (west,south,east,north), and no file: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} is not JSON; give a GeoJSON file or a box: west,south,east,north.") from error


def _estimate_text(told: IngestEstimate) -> str:
    about = "about " if told.about else ""
    lines = [
        f"{about}{told.total:,} patches ({', '.join(told.scales)}) of {_counted(told.products, 'products')}",
        f"  cutting: about {_time(told.seconds)}; disk: about {told.bytes / 1e6:,.0f} MB",
        *(f"  {kind}: about {_time(seconds)}" for kind, seconds in told.feature_seconds.items()),
        *(f"  note: {note}" for note in told.notes),
    ]
    return "\n".join(lines)


def _counted(count: int, things: str) -> str:
    return f"{count:,} {things if count != 1 else things.removesuffix('s')}"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _report_text(name: str, dataset_id: int, report: IngestReport) -> str:
    used = [tally for tally in report.products if not tally.error]
    pace = f" in {_time(report.seconds)}" if report.seconds >= 1 else ""
    lines = [f"{name}: {report.patches:,} patches from {_counted(len(used), 'products')}{pace} (dataset {dataset_id})."]
    if len(report.scales) > 1:
        lines.append("  " + ", ".join(f"{count:,} of {size} px" for size, count in report.scales.items()))
    lines += [f"  refused, {refusal_words(reason)}: {count:,}" for reason, count in report.refused.items()]
    lines += [f"  left out: {_counted(count, what)}" for what, count in report.skipped.items()]
    lines += [f"  could not be used: {tally.name or tally.path}: {tally.error}" for tally in report.failed[:_LISTED]]
    if (more := len(report.failed) - _LISTED) > 0:
        lines.append(f"  … and {more:,} more products that could not be used")
    rows = [
        {
            "flag": FLAGS[flag].title,
            "mean": f"{v['mean']:.3f}",
            "p95": f"{v['p95']:.3f}",
            "notable": f"{v['over']:,} above {FLAGS[flag].notable:g}",
        }
        for flag, v in report.flags.items()
    ]
    lines += ["  " + line for line in table(rows).splitlines()]
    return "\n".join(lines + [f"  note: {note}" for note in report.notes])


COMMANDS = (ingest,)
