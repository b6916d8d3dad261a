"""Advice on labels: which hold several structures, which cannot be told apart. Arrays in, measures out.

Importing this package costs next to nothing: scikit-learn loads on first use.
"""

from collections.abc import Mapping
from types import MappingProxyType

SPLIT: Mapping[str, float] = MappingProxyType(
    {"separation": 0.2, "separation_many": 0.4, "stability": 0.5, "bic_gain": 0.0}
)
"""What the parts of a label have to reach (``separation_many``: where they are more than two, which has to be plainer:
the more parts, the more ways to see a valley by chance). Tuned on one half of EuroSAT; ``bench/advice.py`` reports the
other."""
MERGE: Mapping[str, float] = MappingProxyType({"error": 0.25})
"""Two labels cannot be told apart where the lower end of the error's interval is above this (0.5 is a coin)."""
MIN_SPLIT = 60
"""Fewer patches of a label are not looked into."""
MIN_MERGE = 15

__all__ = ["MERGE", "MIN_MERGE", "MIN_SPLIT", "SPLIT"]
