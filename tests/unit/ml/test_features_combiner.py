"""Blocks to one vector: equal weight of blocks, the same projection for patches that come later, refusals."""

import numpy as np
import pytest

from eobench_dash.errors import BadInput
from eobench_dash.ml.features import Combiner, combine
from eobench_dash.ml.features import combiner as module


def blocks(n=300, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "wld144": rng.dirichlet(np.ones(20), n).astype(np.float32),
        "color_stats": (rng.normal(size=(n, 9)) @ rng.normal(size=(9, 9)) * 50).astype(np.float32),
        "gabor": rng.gamma(2, 0.01, (n, 6)).astype(np.float32),
        "own": rng.normal(5, 2, (n, 4)).astype(np.float32),
    }


def straightforward(parts, dim):
    """The same, from scikit-learn's parts."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    by_hand = {
        "wld144": np.sqrt,
        "color_stats": lambda x: np.sign(x) * np.sqrt(abs(x)),
        "gabor": lambda x: np.log(x + 1e-4),
        "own": lambda x: x,
    }
    columns = []
    for name, block in parts.items():
        z = np.clip(StandardScaler().fit_transform(by_hand[name](block.astype(np.float64))), -3, 3)
        columns.append(z / np.sqrt(z.var(axis=0).sum()))
    return PCA(dim, svd_solver="full").fit_transform(np.hstack(columns))


def test_same_as_scikit_learn_up_to_signs():
    ours, theirs = combine(blocks(), dim=12), straightforward(blocks(), 12)
    signs = np.sign((ours * theirs).sum(axis=0))
    np.testing.assert_allclose(ours, theirs * signs, atol=2e-5)


def test_every_block_weighs_the_same():
    fitted = Combiner.fit(blocks(), dim=500)
    assert fitted.dim == 39
    table = fitted.transform(blocks()) @ fitted.components
    start = 0
    for size in fitted.sizes:
        assert table[:, start : start + size].var(axis=0).sum() == pytest.approx(1, rel=1e-4)
        start += size


def test_later_patches_land_in_the_same_space():
    fitted = Combiner.fit(blocks(), dim=10)
    all_rows = fitted.transform(blocks())
    some = {name: block[17:40] for name, block in blocks().items()}
    np.testing.assert_allclose(fitted.transform(some), all_rows[17:40], atol=1e-6)
    extreme = {name: block[:1] * 1000 for name, block in blocks().items()}
    assert np.linalg.norm(fitted.transform(extreme)) < 100  # clipped


def test_stored_and_read_back(tmp_path):
    fitted = Combiner.fit(blocks(), dim=10)
    np.savez(tmp_path / "c.npz", **fitted.to_arrays())
    with np.load(tmp_path / "c.npz", allow_pickle=False) as stored:
        again = Combiner.from_arrays(stored)
    assert (again.names, again.sizes) == (fitted.names, fitted.sizes)
    np.testing.assert_array_equal(again.transform(blocks()), fitted.transform(blocks()))


def test_the_same_seed_gives_the_same_projection_from_a_sample():
    first, same, other = (Combiner.fit(blocks(), dim=5, seed=s, sample=100) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.components, same.components)
    assert not np.array_equal(first.components, other.components)


def test_a_row_depends_on_itself_only():
    """In the shape of ``all``: also where few rows are transformed at once, in another order, or after others."""
    rng = np.random.default_rng(0)
    many = {"rcf": rng.random((700, 900), dtype=np.float32), "gabor": rng.random((700, 48), dtype=np.float32)}
    fitted = Combiner.fit(many)
    together = fitted.transform(many)
    for rows in (slice(0, 1), slice(5, 14), slice(250, 601), slice(None, None, -1), slice(690, 700)):
        part = fitted.transform({name: block[rows] for name, block in many.items()})
        assert part.tobytes() == np.ascontiguousarray(together[rows]).tobytes()


def test_memory_maps_go_through_in_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ROWS", 64)
    plain = blocks()
    mapped = {}
    for name, block in plain.items():
        np.save(tmp_path / f"{name}.npy", block)
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    fitted = Combiner.fit(mapped, dim=8)
    out = np.lib.format.open_memmap(tmp_path / "out.npy", "w+", np.float32, (300, 8))
    assert fitted.transform(mapped, out=out) is out
    np.testing.assert_allclose(out, combine(plain, dim=8), atol=1e-6)


def test_constant_columns_and_few_rows():
    constant = {"wld144": np.full((7, 5), 0.2, np.float32), "gabor": blocks(7)["gabor"]}
    vectors = combine(constant)
    assert vectors.shape == (7, 6)
    assert np.isfinite(vectors).all()
    for n in (1, 2):
        assert combine(blocks(n)).shape == (n, 1)
    assert not combine({"own": np.ones((5, 3), np.float32)}).any()


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({}, "no descriptor blocks"),
        ({"own": np.ones((0, 3), np.float32)}, "at least one described patch"),
        ({"a": np.ones((3, 2), np.float32), "b": np.ones((4, 2), np.float32)}, "equally many rows"),
        ({"a": np.ones(3, np.float32)}, "equally many rows"),
        ({"a": np.full((3, 2), np.nan, np.float32)}, "a vectors hold NaN"),
    ],
)
def test_refusals(parts, sentence):
    with pytest.raises(BadInput, match=sentence):
        combine(parts)


def test_other_blocks_are_refused_later():
    fitted = Combiner.fit(blocks(), dim=5)
    wrong = blocks() | {"gabor": np.ones((300, 5), np.float32)}
    with pytest.raises(BadInput, match="made with 6 numbers of gabor; these patches have 5"):
        fitted.transform(wrong)
    without = {name: block for name, block in blocks().items() if name != "own"}
    with pytest.raises(BadInput, match="made with 4 numbers of own"):
        fitted.transform(without)


@pytest.mark.parametrize("spoil", [lambda a: a.pop("mean"), lambda a: a.update(sizes=np.array([1, 2]))])
def test_a_spoilt_file_is_refused(spoil):
    arrays = Combiner.fit(blocks(), dim=5).to_arrays()
    spoil(arrays)
    with pytest.raises(BadInput, match="compute the features again"):
        Combiner.from_arrays(arrays)
