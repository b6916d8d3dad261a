"""How a map can be made: the methods, and what each of their parameters does to the picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class EmbeddingParam:
    """One number that can be set. ``name`` is the field's own word, ``title`` a plain one; ``help`` says in a sentence
    what a change does to the map. A whole-number ``default`` takes whole numbers only. ``advanced``: rarely needed.
    """

    name: str
    title: str
    help: str
    default: float
    low: float
    high: float
    step: float
    advanced: bool = False

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are taken."""
        return isinstance(self.default, int)


@dataclass(frozen=True)
class EmbeddingMethod:
    """One way to make a map. ``version`` rises when equal parameters give another map than before."""

    name: str
    title: str
    version: int
    summary: str
    params: tuple[EmbeddingParam, ...]

    @property
    def defaults(self) -> Mapping[str, float]:
        """Every parameter's default, by name."""
        return MappingProxyType({param.name: param.default for param in self.params})
