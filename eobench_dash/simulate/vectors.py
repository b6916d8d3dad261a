"""Feature vectors for tests of scale: a Gaussian mixture on a low-dimensional sheet, in blocks, seeded."""

import numpy as np
import numpy.typing as npt

BLOCK = 65_536
LATENT = 12


def simulated_features(
    count: int, dim: int, classes: int = 10, seed: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """(features (count, dim) float32, class of each row (count,)). A longer run begins with the rows of a shorter one.

    The classes have LATENT dimensions and shapes of their own; neighbours overlap a little; noise fills all ``dim``.
    """
    setup = np.random.default_rng([seed, 0])
    latent = min(LATENT, dim)
    centres = setup.normal(scale=2.2, size=(classes, latent)).astype(np.float32)
    spread = setup.uniform(0.3, 1.2, size=(classes, latent)).astype(np.float32)
    to_features = setup.normal(scale=latent**-0.5, size=(latent, dim)).astype(np.float32)
    features = np.empty((count, dim), dtype=np.float32)
    labels = np.empty(count, dtype=np.int64)
    for number, start in enumerate(range(0, count, BLOCK)):
        rng = np.random.default_rng([seed, 1, number])
        here = slice(start, min(start + BLOCK, count))
        size = here.stop - start
        # always whole blocks are drawn, so that where the run ends changes nothing before it
        kind = rng.integers(0, classes, size=BLOCK)
        inner = rng.standard_normal((BLOCK, latent), dtype=np.float32) * spread[kind] + centres[kind]
        noise = rng.standard_normal((BLOCK, dim), dtype=np.float32) if size == BLOCK else _first_rows(rng, size, dim)
        labels[here] = kind[:size]
        np.matmul(inner[:size], to_features, out=features[here])
        features[here] += np.float32(0.25) * noise[:size]
    return features, labels


def _first_rows(rng: np.random.Generator, size: int, dim: int) -> npt.NDArray[np.float32]:
    """The rows that a whole block would begin with: draws come in order."""
    return rng.standard_normal((size, dim), dtype=np.float32)
