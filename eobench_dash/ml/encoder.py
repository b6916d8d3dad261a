"""An encoder of the user's own: arrays of pixels in, vectors out, by a model in the ONNX format.

onnxruntime is an optional extra (``pip install 'eobench-dash[onnx]'``) and is loaded on first use. A model is data and
runs no program of its own; it gets one input (patches, bands, height, width) in floating point, and its vectors are its
first output: (patches, numbers) as they are; (patches, tokens, numbers) or (patches, numbers, height, width) averaged
over tokens or places.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.resampling import resize
from eobench_dash.errors import BadInput, UnsupportedPatch

FULL_SCALE = {"uint8": 255.0, "uint16": 10000.0, "float32": 1.0}
"""The value taken as 1 before mean and std are applied: as the descriptors do it (ml.features)."""
MAX_MODEL_BYTES = 2 << 30
MAX_DIM = 16_384
BATCH = 32
Vectors = npt.NDArray[np.float32]


class Encoder(Protocol):
    """Anything that turns patches into vectors."""

    dim: int | None
    """The length of the vectors, known once some patches were encoded."""

    def encode(self, pixels: npt.NDArray[Any]) -> Vectors:
        """(n, bands, height, width) uint8, uint16 or float32 → (n, dim). UnsupportedPatch for what it cannot take."""


class OnnxEncoder:
    """A model of the user's own.

    ``mean`` and ``std``: one number, or one a band, in units of full scale (reflectance, 0..1 of 8-bit pictures, linear
    power); a patch is encoded as (pixels − mean) / std. NaN becomes the mean. Where the model has a fixed size, patches
    are brought to it bilinearly. BadInput where the model cannot be used.
    """

    def __init__(
        self, model: bytes, *, mean: Sequence[float] = (0.0,), std: Sequence[float] = (1.0,), threads: int = 1
    ) -> None:
        if len(model) > MAX_MODEL_BYTES:
            raise BadInput(f"The model is larger than {MAX_MODEL_BYTES >> 30} GB.")
        self._errors, self._session = _session(model, threads)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in _TYPES:
            told = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)[:200]
            raise BadInput(
                f"The model has to take one input (patches, bands, height, width) of floats; it takes {told}."
            )
        self._input, self._output = inputs[0].name, outputs[0].name
        self._kind = _TYPES[inputs[0].type]
        batch, bands, height, width = (n if isinstance(n, int) and n > 0 else None for n in inputs[0].shape)
        self._batch, self.bands, self._size = batch, bands, (height, width)
        self._mean, self._std = (np.asarray(list(values), dtype=np.float32) for values in (mean, std))
        if not (np.isfinite(self._mean).all() and np.isfinite(self._std).all() and (self._std > 0).all()):
            raise BadInput("Mean and standard deviation are finite numbers, the latter above zero.")
        for name, values in (("mean", self._mean), ("std", self._std)):
            if values.size not in {1, bands or values.size}:
                raise BadInput(f"The {name} has {values.size} numbers; give one, or one for each of {bands} bands.")
        self.dim: int | None = None

    def encode(self, pixels: npt.NDArray[Any]) -> Vectors:
        """(n, bands, height, width), n at least 1 → (n, dim) float32."""
        if pixels.ndim != 4 or not len(pixels) or pixels.dtype.name not in FULL_SCALE:
            raise UnsupportedPatch("The model takes patches (n, bands, height, width) of uint8, uint16 or float32.")
        if self.bands is not None and pixels.shape[1] != self.bands:
            raise UnsupportedPatch(f"The model takes {self.bands} bands; these patches have {pixels.shape[1]}.")
        if max(self._mean.size, self._std.size) not in {1, pixels.shape[1]}:
            raise UnsupportedPatch(
                f"Mean and std are given for other than the {pixels.shape[1]} bands of these patches."
            )
        height, width = (fixed or own for fixed, own in zip(self._size, pixels.shape[2:], strict=True))
        parts = []
        step = self._batch or BATCH
        for start in range(0, len(pixels), step):
            values = pixels[start : start + step].astype(np.float32) / np.float32(FULL_SCALE[pixels.dtype.name])
            values = resize((values - self._mean[:, None, None]) / self._std[:, None, None], height, width)
            values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
            parts.append(self._run(values))
        vectors = np.concatenate(parts)
        if self.dim not in {None, vectors.shape[1]}:
            raise UnsupportedPatch(f"The model gave vectors of {self.dim} and of {vectors.shape[1]} numbers.")
        self.dim = int(vectors.shape[1])
        return vectors

    def _run(self, values: Vectors) -> Vectors:
        count = len(values)
        if self._batch is not None and count < self._batch:  # a model for whole batches: the last one is filled up
            values = np.concatenate([values, np.zeros((self._batch - count, *values.shape[1:]), np.float32)])
        try:
            (out,) = self._session.run([self._output], {self._input: values.astype(self._kind, copy=False)})
        except self._errors as error:
            raise UnsupportedPatch(
                f"The model cannot encode patches of {values.shape[1]} bands and {values.shape[3]} × {values.shape[2]} "
                f"pixels ({str(error).splitlines()[0][:160]})."
            ) from error
        vectors = _flat(np.asarray(out))[:count]
        if len(vectors) != count or not 1 <= vectors.shape[1] <= MAX_DIM:
            raise UnsupportedPatch(
                f"The model gave {np.shape(out)} for {count} patches; vectors are (patches, numbers)."
            )
        if not np.isfinite(vectors).all():
            raise UnsupportedPatch("The model gave NaN or infinity; check mean and std.")
        return vectors


def describe_with(
    model: bytes, pixels: npt.NDArray[Any], *, mean: Sequence[float] = (0.0,), std: Sequence[float] = (1.0,)
) -> Vectors:
    """Vectors (n, dim) of patches (n, bands, height, width) by a model: an OnnxEncoder used once."""
    return OnnxEncoder(model, mean=mean, std=std).encode(pixels)


_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


def _session(model: bytes, threads: int) -> tuple[tuple[type[Exception], ...], Any]:
    """(what onnxruntime raises, a session on the processor). BadInput without onnxruntime, or for no model."""
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state
    except ImportError:
        raise BadInput("Models need onnxruntime, which is not installed: pip install 'eobench-dash[onnx]'.") from None
    found = (value for value in vars(state).values() if isinstance(value, type) and issubclass(value, Exception))
    errors: tuple[type[Exception], ...] = (*found, RuntimeError, ValueError)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    try:
        return errors, onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except errors as error:
        raise BadInput(f"This is no ONNX model that can be run ({str(error).splitlines()[0][:200]}).") from error


def _flat(out: npt.NDArray[Any]) -> Vectors:
    if out.ndim == 3:
        out = out.mean(axis=1)
    elif out.ndim == 4:
        out = out.mean(axis=(2, 3))
    if out.ndim != 2 or out.dtype.kind != "f":
        raise UnsupportedPatch(
            f"The model gives {out.dtype} of {out.ndim} axes; vectors are floats (patches, numbers)."
        )
    return out.astype(np.float32)
