"""Clusters and advice in JSON, for the page's scripts. An error is ``{"error": sentence}``, with its own status."""

from typing import Annotated

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, Field

from eobench_dash.auth import current_principal, rule
from eobench_dash.domain.clusters import NO_CLUSTER, ClusterSetInfo
from eobench_dash.routes.answers import answer_relabel, refuse_in_json, workspace
from eobench_dash.routes.bodies import Event, Text, body
from eobench_dash.services import advice, clusters

blueprint = Blueprint("clusters", __name__, url_prefix="/api/datasets/<int(max=2147483647):dataset_id>")
refuse_in_json(blueprint)

SET = "/clusters/<int(max=2147483647):cluster_set_id>"

Number = Annotated[int, Field(ge=0, le=2**32 - 1)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Start(_Strict):
    """``k`` null: choose it; ``min_size``: HDBSCAN only; ``label``: of this group only."""

    method: Text = "gmm"
    k: Number | None = None
    min_size: Number | None = None
    feature: Text | None = None
    label: Text | None = None
    seed: Number = 0


class Rename(_Strict):
    cluster: Number
    name: Text


class SplitOff(_Strict):
    """``seen``: the last event the page knows of."""

    cluster: Number
    label: Text
    create: bool = True
    why: Text = ""
    seen: Event | None = None


class Ask(_Strict):
    feature: Text | None = None
    seed: Number = 0


@blueprint.get("/clusters")
@rule("reader")
def list_sets(dataset_id: int) -> Response:
    """``{"sets": […]}``, newest first."""
    return jsonify(
        sets=[_plain(s) for s in clusters.list_cluster_sets(workspace(), current_principal(), dataset_id=dataset_id)]
    )


@blueprint.post("/clusters")
@rule("member")
def start(dataset_id: int) -> Response:
    """Queue a clustering: ``{"job": id}``; the finished job's result holds ``cluster_set_id``."""
    asked = body(Start).model_dump()
    return jsonify(job=clusters.start_clusters(workspace(), current_principal(), dataset_id=dataset_id, **asked))


@blueprint.get(SET)
@rule("reader")
def get(dataset_id: int, cluster_set_id: int) -> Response:
    """``{"set": …}``."""
    where = {"dataset_id": dataset_id, "cluster_set_id": cluster_set_id}
    return jsonify(set=_plain(clusters.get_cluster_set(workspace(), current_principal(), **where)))


@blueprint.delete(SET)
@rule("member")
def delete(dataset_id: int, cluster_set_id: int) -> Response:
    """Remove a cluster set; labels made from it stay."""
    clusters.delete_cluster_set(workspace(), current_principal(), dataset_id=dataset_id, cluster_set_id=cluster_set_id)
    return jsonify({})


@blueprint.get(f"{SET}/members/<int(max={NO_CLUSTER}):cluster>")
@rule("reader")
def members(dataset_id: int, cluster_set_id: int, cluster: int) -> Response:
    """``{"ordinals": […]}``, ascending; cluster 65535: the patches in no cluster."""
    where = {"dataset_id": dataset_id, "cluster_set_id": cluster_set_id, "cluster": cluster}
    return jsonify(ordinals=clusters.cluster_members(workspace(), current_principal(), **where).tolist())


@blueprint.post(f"{SET}/rename")
@rule("member")
def rename(dataset_id: int, cluster_set_id: int) -> Response:
    """Give a cluster another name: ``{"set": …}``."""
    where = {"dataset_id": dataset_id, "cluster_set_id": cluster_set_id}
    asked = body(Rename)
    named = clusters.rename_cluster(workspace(), current_principal(), **where, cluster=asked.cluster, name=asked.name)
    return jsonify(set=_plain(named))


@blueprint.post(f"{SET}/split-off")
@rule("member")
def split_off(dataset_id: int, cluster_set_id: int) -> Response:
    """Give every member of a cluster a label: answered as a relabel is."""
    asked = body(SplitOff)
    result = clusters.split_off(
        workspace(),
        current_principal(),
        dataset_id=dataset_id,
        cluster_set_id=cluster_set_id,
        cluster=asked.cluster,
        label_name=asked.label,
        create=asked.create,
        why=asked.why,
        seen_event=asked.seen,
    )
    return answer_relabel(result)


@blueprint.get("/advice")
@rule("reader")
def latest(dataset_id: int) -> Response:
    """``{"advice": …}``, or null where nobody has asked yet."""
    found = advice.latest_advice(workspace(), current_principal(), dataset_id=dataset_id)
    return jsonify(advice=None if found is None else {**vars(found), "created_at": found.created_at.isoformat()})


@blueprint.post("/advice")
@rule("member")
def ask(dataset_id: int) -> Response:
    """Queue a look at every label: ``{"job": id}``."""
    asked = body(Ask).model_dump()
    return jsonify(job=advice.start_advice(workspace(), current_principal(), dataset_id=dataset_id, **asked))


def _plain(found: ClusterSetInfo) -> dict[str, object]:
    return {**vars(found), "created_at": found.created_at.isoformat()}
