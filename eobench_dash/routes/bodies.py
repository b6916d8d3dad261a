"""What requests may hold: their bodies as strict models (a field too many is an error), their query strings as numbers.

Bodies are JSON objects (``Content-Type: application/json``) of at most 1 MiB.
"""

from typing import Annotated, Any, Literal, TypeVar

from flask import request
from pydantic import BaseModel, ConfigDict, FailFast, Field, RootModel, ValidationError
from pydantic_core import from_json

from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.errors import BadInput

MAX_BODY = 2**20
MAX_FIELDS = 20
"""No request has so many: who sends a million wrong ones is not answered with a million complaints."""
MAX_ASKED = 500
"""The most numbers in a list of the query string."""

Event = Annotated[int, Field(ge=0, le=2**53)]
Code = Annotated[int, Field(ge=0, lt=NO_LABEL)]
Text = Annotated[str, Field(max_length=5000)]
"""Bounds what is read at all; the services say what is too long in the end."""
Ordinals = Annotated[list[int], FailFast()]
"""Numbers of patches, the first wrong one is complained about: a complaint takes more room than a number."""
Body = TypeVar("Body", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Relabel(_Strict):
    """``seen``: the last event the page knows of."""

    ordinals: Ordinals
    label: Text | None
    why: Text = ""
    create: bool = False
    seen: Event | None = None


class Mark(_Strict):
    """``None``: leave that mark as it is. ``seen``: the last event the page knows of."""

    ordinals: Ordinals
    unsure: bool | None = None
    excluded: bool | None = None
    why: Text = ""
    seen: Event | None = None


class GridWanted(_Strict):
    """The grid of one product; ``form``: what the ingest page has filled in (domain.ingest_form)."""

    path: Text
    form: dict[str, Any]


class AreaDrawn(GridWanted):
    """``box``: row, column, height and width in pixels of the reading grid."""

    box: tuple[float, float, float, float] = Field(strict=False)


class Undo(_Strict):
    """``batch``: a step from history; else the newest step of this browser."""

    batch: Event | None = None


class Redo(_Strict):
    """Nothing to say: the newest undo of this browser is meant."""


class Create(_Strict):
    action: Literal["create"]
    name: Text
    color: Text | None = None
    description: Text = ""


class Rename(_Strict):
    action: Literal["rename"]
    code: Code
    name: Text


class Recolour(_Strict):
    action: Literal["recolour"]
    code: Code
    color: Text


class Describe(_Strict):
    action: Literal["describe"]
    code: Code
    description: Text


class Merge(_Strict):
    action: Literal["merge"]
    source: Code
    target: Code
    why: Text = ""


class LabelChange(RootModel[Annotated[Create | Rename | Recolour | Describe | Merge, Field(discriminator="action")]]):
    """One change of the table of labels."""


def body(model: type[Body], *, limit: int = MAX_BODY) -> Body:
    """The request's JSON as ``model``; BadInput says which field is wrong. Nothing is read beyond ``limit`` bytes."""
    request.max_content_length = limit
    if not request.is_json:
        raise BadInput("Send the request as JSON (Content-Type: application/json).")
    try:
        sent = from_json(request.get_data())
    except ValueError as error:
        raise BadInput(f"The request cannot be used: it is no JSON ({error}).") from error
    if not isinstance(sent, dict) or len(sent) > MAX_FIELDS:
        raise BadInput("The request cannot be used: it is a JSON object of the fields that this address knows.")
    try:
        return model.model_validate(sent)
    except ValidationError as error:
        raise BadInput(f"The request cannot be used. {_sentence(error)}") from error


def _sentence(error: ValidationError) -> str:
    wrong = [
        (".".join(str(part) for part in e["loc"]) or "the body", e["msg"]) for e in error.errors(include_url=False)[:3]
    ]
    return "; ".join(f"{where[:60]}: {what}" for where, what in wrong)


def whole_number(name: str, default: int, *, high: int) -> int:
    """A whole number of the query string, 0..``high``."""
    raw = request.args.get(name, str(default))
    if not (raw.isascii() and raw.isdecimal() and len(raw) <= 16 and int(raw) <= high):
        raise BadInput(f"{name} is a whole number from 0 to {high}; {raw[:20]!r} is not.")
    return int(raw)


def whole_numbers(name: str) -> list[int]:
    """A comma-separated list of the query string."""
    parts = request.args.get(name, "").split(",")
    if len(parts) > MAX_ASKED or not all(part.isascii() and part.isdecimal() and len(part) <= 10 for part in parts):
        raise BadInput(f"{name} is a list of 1 to {MAX_ASKED} whole numbers, as in {name}=1,2,3.")
    return [int(part) for part in parts]
