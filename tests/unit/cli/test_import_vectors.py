"""Vectors computed elsewhere, from the command line to a map."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def clusters() -> tuple[np.ndarray, list[str]]:
    """Three clouds of 40 vectors, and their names."""
    rng = np.random.default_rng(0)
    centres = rng.normal(scale=8, size=(3, 16))
    vectors = np.concatenate([centre + rng.normal(size=(40, 16)) for centre in centres]).astype(np.float32)
    return vectors, [name for name in ("sea", "land", "wood") for _ in range(40)]


def as_npz(path: Path) -> None:
    vectors, labels = clusters()
    np.savez(path, X=vectors, y=labels)


def as_csv(path: Path) -> None:
    vectors, labels = clusters()
    head = ",".join([*(f"f{i}" for i in range(16)), "label"])
    rows = (",".join([*map(str, row), label]) for row, label in zip(vectors.tolist(), labels, strict=True))
    path.write_text("\n".join([head, *rows]))


def as_parquet(path: Path) -> None:
    vectors, labels = clusters()
    pq.write_table(pa.table({"embedding": pa.array(list(vectors)), "label": labels}), path)


@pytest.mark.parametrize(("format", "write"), [("npz", as_npz), ("csv", as_csv), ("parquet", as_parquet)])
def test_from_a_file_to_a_map(admin, tmp_path: Path, monkeypatch, format: str, write) -> None:
    path = tmp_path / f"vectors.{format}"
    write(path)
    monkeypatch.setenv("EOBENCH_DATA_ROOTS", str(tmp_path))
    done = admin("import", str(path), "--name", "Vectors", "--format", format, "--source", "a model", "--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert (report["imported"], report["vector_dim"], report["labels"]) == (
        120,
        16,
        {"sea": 40, "land": 40, "wood": 40},
    )
    assert any(note.startswith("Vectors: a model, ") for note in report["notes"])
    answer = admin("embed", "Vectors", "--method", "tsne", "--seed", "1")
    assert answer.code == 0 and "tsne map of 120 patches, trustworthiness 0.9" in answer.out, answer


def test_what_cannot_be_told_is_said_at_once(admin, data: Path) -> None:
    answer = admin("import", str(data / "patches"), "--name", "X", "--patch-size", "0")
    assert (answer.code, answer.err) == (2, "eobench: The patch size is a whole number of pixels from 1 to 1,024.\n")
    answer = admin("import", str(data / "patches"), "--name", "X", "--bands", "B02,B02")
    assert answer.code == 2 and "A band name occurs twice" in answer.err
    answer = admin("import", str(data / "patches"), "--name", "X", "--format", "parquet")
    assert answer.code == 1 and "patches is not a file; choose the file that holds the vectors." in answer.err


def test_a_model_of_one_s_own_describes_and_maps(tiny, home: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[16, 16], strides=[16, 16]),
         helper.make_node("Flatten", ["y"], ["z"])],
        "g", [helper.make_tensor_value_info("x", kind, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("z", kind, [None, None])],
    )  # fmt: skip
    path = tmp_path / "My Pool.onnx"
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    answer = tiny("features", "Tiny", "--kind", "onnx", "--model", str(path), "--mean", "0.3,0.4,0.5")
    assert (answer.code, answer.out) == (0, "Tiny: 36 × 12 features of kind onnx-my-pool.\n"), answer
    path.unlink()
    assert len(list((home / "models").glob("*.onnx"))) == 1, "the workspace keeps the model"
    answer = tiny("embed", "Tiny", "--feature", "onnx-my-pool", "--method", "tsne")
    assert answer.code == 0 and "tsne map of 36 patches" in answer.out, answer


def test_a_model_and_its_kind_go_together(tiny, tmp_path: Path) -> None:
    for args in (["--kind", "onnx"], ["--kind", "wld144", "--model", "m.onnx"]):
        answer = tiny("features", "Tiny", *args)
        assert answer.code == 2 and "--kind onnx --model FILE" in answer.err
    answer = tiny("features", "Tiny", "--kind", "onnx", "--model", str(tmp_path / "gone.onnx"))
    assert answer.code == 1 and "There is no model file at" in answer.err
    (tmp_path / "m.onnx").write_bytes(b"no model")
    answer = tiny("features", "Tiny", "--kind", "onnx", "--model", str(tmp_path / "m.onnx"), "--std", "a")
    assert answer.code == 2 and "'a' are no numbers" in answer.err
    answer = tiny("features", "Tiny", "--kind", "onnx", "--model", str(tmp_path / "m.onnx"))
    assert answer.code == 1 and "This is no ONNX model that can be run" in answer.err
