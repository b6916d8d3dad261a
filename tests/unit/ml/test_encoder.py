"""An encoder of the user's own: tiny models made here, what they give, and the sentence where they cannot serve."""

import sys

import numpy as np
import pytest

from eobench_dash.errors import BadInput, UnsupportedPatch
from eobench_dash.ml.encoder import OnnxEncoder, describe_with

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
helper = onnx.helper


def model(*, shape=("n", 3, "h", "w"), op: str = "mean", kind=onnx.TensorProto.FLOAT) -> bytes:
    """A model whose output is, by ``op``: the mean of each band (a vector), the pixels (4 axes), or rows (3 axes)."""
    given = helper.make_tensor_value_info("pixels", kind, shape)
    nodes = {
        "mean": [helper.make_node("ReduceMean", ["pixels"], ["out"], axes=[2, 3], keepdims=0)],
        "pixels": [helper.make_node("Identity", ["pixels"], ["out"])],
        "rows": [helper.make_node("ReduceMean", ["pixels"], ["out"], axes=[3], keepdims=0)],
        "log": [
            helper.make_node("ReduceMean", ["pixels"], ["m"], axes=[2, 3], keepdims=0),
            helper.make_node("Log", ["m"], ["out"]),
        ],
    }[op]
    axes = {"mean": 2, "log": 2, "pixels": 4, "rows": 3}[op]
    out = helper.make_tensor_value_info("out", kind, [None] * axes)
    graph = helper.make_graph(nodes, "g", [given], [out])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return made.SerializeToString()


PIXELS = np.random.default_rng(0).integers(0, 255, (5, 3, 8, 6)).astype(np.uint8)
MEANS = PIXELS.astype(np.float64).mean(axis=(2, 3)) / 255


def test_vectors_are_the_model_s_own() -> None:
    encoder = OnnxEncoder(model())
    vectors = encoder.encode(PIXELS)
    assert vectors.dtype == np.float32 and encoder.dim == 3 and vectors == pytest.approx(MEANS, abs=1e-6)


@pytest.mark.parametrize(("dtype", "unit"), [("uint16", 10_000), ("float32", 1)])
def test_each_kind_of_pixel_comes_on_its_scale(dtype: str, unit: float) -> None:
    assert describe_with(model(), PIXELS.astype(dtype)) == pytest.approx(MEANS * 255 / unit, rel=1e-5)


def test_mean_and_std_are_applied_band_by_band() -> None:
    vectors = describe_with(model(), PIXELS, mean=[0.1, 0.2, 0.3], std=[0.5, 1, 2])
    assert vectors == pytest.approx((MEANS - [0.1, 0.2, 0.3]) / [0.5, 1, 2], abs=1e-5)


def test_maps_and_tokens_are_averaged() -> None:
    assert describe_with(model(op="pixels"), PIXELS) == pytest.approx(MEANS, abs=1e-6)
    rows = describe_with(model(op="rows"), PIXELS)
    assert rows == pytest.approx(PIXELS.mean(axis=(1, 3)) / 255, abs=1e-6)


def test_a_model_of_fixed_size_and_batch_gets_both() -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 8, dtype=np.float32), (5, 3, 8, 8))
    vectors = describe_with(model(shape=(2, 3, 16, 16)), np.ascontiguousarray(ramp))
    assert vectors.shape == (5, 3) and vectors == pytest.approx(np.full((5, 3), 0.5), abs=1e-6)


def test_gaps_become_the_mean() -> None:
    pixels = np.full((1, 3, 4, 4), 0.4, np.float32)
    pixels[:, :, :2] = np.nan
    assert describe_with(model(), pixels, mean=[0.4]) == pytest.approx(np.zeros((1, 3)), abs=1e-7)


def test_what_a_model_cannot_take() -> None:
    with pytest.raises(UnsupportedPatch, match="takes 3 bands; these patches have 2"):
        describe_with(model(), PIXELS[:, :2])
    with pytest.raises(UnsupportedPatch, match="NaN or infinity; check mean and std"):
        describe_with(model(op="log"), PIXELS * 0)
    with pytest.raises(UnsupportedPatch, match="uint8, uint16 or float32"):
        describe_with(model(), PIXELS.astype(np.int32))
    with pytest.raises(UnsupportedPatch, match="given for other than the 3 bands"):
        describe_with(model(shape=("n", "c", "h", "w")), PIXELS, mean=[0.1, 0.2])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"model": b"nonsense"}, "no ONNX model that can be run"),
        ({"model": b""}, "no ONNX model that can be run"),
        ({"model": model()[:40]}, "no ONNX model that can be run"),
        ({"model": model(shape=("n", 3, 8), op="pixels")}, "has to take one input|no ONNX model"),
        ({"model": model(kind=onnx.TensorProto.INT64, op="pixels")}, r"one input \(patches, bands, height, width\) of"),
        ({"model": model(), "std": [0]}, "the latter above zero"),
        ({"model": model(), "mean": [float("nan")]}, "finite numbers"),
        ({"model": model(), "mean": [1, 2]}, "The mean has 2 numbers; give one, or one for each of 3 bands"),
    ],
)
def test_models_that_cannot_be_used(given: dict, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        OnnxEncoder(given.pop("model"), **given)


def test_without_onnxruntime_it_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BadInput, match=r"pip install 'eobench-dash\[onnx\]'"):
        OnnxEncoder(model())
