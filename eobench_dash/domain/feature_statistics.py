"""What a feature set's numbers look like."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FeatureStatistics:
    """Of ``dim`` numbers for each of ``rows`` patches, measured on ``sample`` of them.

    ``lowest`` and ``highest`` of all numbers; ``constant``: columns that are the same for every patch; ``not_finite``:
    numbers that are none; ``effective``: to how many independent columns the set amounts (participation ratio).
    """

    rows: int
    sample: int
    dim: int
    lowest: float
    highest: float
    constant: int
    not_finite: int
    effective: float
