"""What a dataset is, and where it stands on its way."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from eobench_dash.errors import BadInput


class DatasetState(StrEnum):
    """``importing`` datasets are seen by nobody but their job; ``deleting`` ones are on their way out."""

    IMPORTING = "importing"
    READY = "ready"
    DELETING = "deleting"


class SourceKind(StrEnum):
    """Where a dataset's pixels come from."""

    FILES = "files"  # image files below the dataset's root
    PRODUCTS = "products"  # windows into Sentinel products and other rasters below the dataset's root
    SIMULATED = "simulated"  # made on demand by the seeded simulator
    NONE = "none"  # vectors only


class Modality(StrEnum):
    """What the pixels measure: it decides which descriptors fit."""

    OPTICAL = "optical"
    SAR = "sar"


class Step(StrEnum):
    """The steps of the way, in order."""

    IMPORTED = "imported"
    DESCRIBED = "described"
    MAPPED = "mapped"
    CLEANED = "cleaned"
    VERIFIED = "verified"


@dataclass(frozen=True)
class DatasetSummary:
    """One dataset as the home page shows it."""

    id: int
    name: str
    description: str
    state: DatasetState
    simulated: bool
    public: bool
    modality: Modality
    patch_count: int
    labelled_count: int
    label_count: int
    changed_count: int
    steps: frozenset[Step]
    created_at: datetime
    updated_at: datetime
    attribution: str
    pictures: bool = True
    """Whether its patches can be shown and described; False where only vectors and labels came in."""
    from_products: bool = False
    """Whether its patches are windows into products: then it has scenes and an ingest report."""


MAX_PROSE = 20_000


def clean_prose(raw: str) -> str:
    """A description or attribution, without the white space around it; BadInput where it cannot be kept."""
    if len(raw) > MAX_PROSE:
        raise BadInput(f"A description or attribution has at most {MAX_PROSE:,} characters; shorten it.")
    if "\0" in raw or any("\ud800" <= c <= "\udfff" for c in raw):
        raise BadInput("The description or attribution holds characters that cannot be kept; type it again.")
    return raw.strip()


def clean_dataset_name(raw: str) -> str:
    """A dataset's name: 1-80 printable characters, white space collapsed, no slash; BadInput otherwise."""
    name = re.sub(r"\s+", " ", unicodedata.normalize("NFC", raw)).strip()
    if not 1 <= len(name) <= 80:
        raise BadInput("A dataset's name has 1 to 80 characters.")
    if any(unicodedata.category(c).startswith("C") or c in "/\\" for c in name):
        raise BadInput("A dataset's name cannot hold slashes or control characters.")
    return name
