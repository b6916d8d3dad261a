"""Simulated Sentinel-like patches, made on demand and the same for ever for one (seed, ordinal).

Three in four blocks of SCENE_PATCHES ordinals are scenes: neighbouring patches whose land cover changes smoothly from
one to the next, and which mix where it changes. The others lie alone. SAR patches carry multiplicative speckle: gamma
distributed with mean 1 and shape = number of looks, the usual model of multi-looked intensity.
"""

from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import BadInput
from eobench_dash.simulate.covers import COVERS, NAMES, PLACES, SHARES, Cover
from eobench_dash.simulate.textures import Field, parcels, smooth, speckle_table, upsampling, waves

SCENE_SIDE = 20
SCENE_PATCHES = SCENE_SIDE * SCENE_SIDE
SCENES_OF_FOUR = 3
LOOKS = 4.4
"""Equivalent number of looks of a Sentinel-1 IW GRD product."""
METRES_A_PIXEL = 10.0
METRES_A_DEGREE = 111_320.0

Modality = Literal["optical", "sar"]
Pixels = npt.NDArray[Any]
_U64 = np.uint64


class SimulatedScenes:
    """``count`` simulated patches of ``size`` by ``size`` pixels at 10 m.

    ``optical``: 13 bands in Sentinel-2's order, uint16, reflectance times 10,000. ``sar``: VV and VH, float32, linear
    sigma nought. ``label_noise`` is the share of patches whose given label is wrong (``true_labels`` tells the truth).
    """

    def __init__(
        self, seed: int, count: int, *, modality: Modality = "optical", size: int = 64, label_noise: float = 0.0
    ) -> None:
        if modality not in ("optical", "sar"):
            raise BadInput(f"Simulated patches are 'optical' or 'sar', not {modality[:20]!r}.")
        if count < 0 or not 8 <= size <= 1024 or not 0 <= label_noise <= 1:
            raise BadInput("Simulated patches: count from 0, size 8 to 1024 pixels, label noise 0 to 1.")
        self.seed, self.count, self.modality, self.size, self.label_noise = seed, count, modality, size, label_noise

    @property
    def label_names(self) -> tuple[str, ...]:
        """The land covers."""
        return NAMES

    def pixels(self, ordinals: npt.ArrayLike) -> Pixels:
        """Patches (n, bands, size, size). BadInput for ordinals out of range."""
        wanted = self._checked(ordinals)
        bands, kind = (13, np.uint16) if self.modality == "optical" else (2, np.float32)
        out = np.empty((len(wanted), bands, self.size, self.size), dtype=kind)
        bits = np.random.PCG64(0)
        rng = np.random.Generator(bits)
        states = _hash(self.seed, wanted, 1).tolist(), _hash(self.seed, wanted, 2).tolist()
        first, second = self._covers(wanted)
        work = np.empty((2, bands, self.size * self.size), dtype=np.float32)
        for i, (high, low) in enumerate(zip(*states, strict=True)):
            # setting the state is several times quicker than making a generator a patch
            bits.state = {
                "bit_generator": "PCG64",
                "state": {"state": (high << 64) | low, "inc": 0xDA3E39CB94B95BDB << 1 | 1},
                "has_uint32": 0,
                "uinteger": 0,
            }
            _draw_patch(rng, COVERS[first[i]], COVERS[second[i]], out[i], work)
        return out

    def codes(self, ordinals: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Given labels as indices of ``label_names``, wrong for a share ``label_noise`` of the patches."""
        wanted = self._checked(ordinals)
        truth = self._covers(wanted)[0]
        wrong = _unit(self.seed, wanted, 5) < self.label_noise
        shift = 1 + (_hash(self.seed, wanted, 6) % _U64(len(COVERS) - 1)).astype(np.int64)
        return np.where(wrong, (truth + shift) % len(COVERS), truth)

    def labels(self, ordinals: npt.ArrayLike) -> list[str]:
        """Given labels as names."""
        return [NAMES[code] for code in self.codes(ordinals)]

    def true_labels(self, ordinals: npt.ArrayLike) -> list[str]:
        """The land cover that fills most of each patch."""
        return [NAMES[code] for code in self._covers(self._checked(ordinals))[0]]

    def lonlat(self, ordinals: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Centres of the patches (n, 2): longitude, latitude in degrees."""
        wanted = self._checked(ordinals)
        scene, inside, in_scene = _scene_of(wanted)
        group = np.where(in_scene, scene, wanted + (1 << 40))
        place = np.array(PLACES)[(_hash(self.seed, group, 7) % _U64(len(PLACES))).astype(np.int64)]
        reach = np.where(in_scene, 1.5, 4.0)
        lon = place[:, 0] + reach * (2 * _unit(self.seed, group, 8) - 1)
        lat = place[:, 1] + reach * (2 * _unit(self.seed, group, 9) - 1)
        metres = self.size * METRES_A_PIXEL
        south = np.where(in_scene, inside // SCENE_SIDE, 0) * metres / METRES_A_DEGREE
        east = np.where(in_scene, inside % SCENE_SIDE, 0) * metres / (METRES_A_DEGREE * np.cos(np.radians(lat)))
        return np.column_stack([lon + east, lat - south])

    def scene(self, ordinals: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The scene each patch lies in; -1 for those that lie alone."""
        number, _, in_scene = _scene_of(self._checked(ordinals))
        return np.where(in_scene, number, -1)

    def _covers(self, wanted: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Primary and secondary cover of each patch (the same where it is pure)."""
        scene, inside, in_scene = _scene_of(wanted)
        alone = np.searchsorted(np.cumsum(SHARES), _unit(self.seed, wanted, 3), side="right")
        first = np.minimum(alone, len(COVERS) - 1).astype(np.int64)
        other = (_hash(self.seed, wanted, 4) >> _U64(8)) % _U64(len(COVERS))
        mixed = _unit(self.seed, wanted, 10)
        second = np.where(mixed < 0.1, other.astype(np.int64), first)
        members = np.flatnonzero(in_scene)
        members = members[np.argsort(scene[members], kind="stable")]
        for here in np.split(members, np.flatnonzero(np.diff(scene[members])) + 1):
            if len(here):
                grid, beside = _scene_covers(self.seed, int(scene[here[0]]))
                first[here] = grid[inside[here]]
                second[here] = np.where(mixed[here] < 0.5, beside[inside[here]], first[here])
        return first, second

    def _checked(self, ordinals: npt.ArrayLike) -> npt.NDArray[np.int64]:
        wanted = np.asarray(ordinals, dtype=np.int64).reshape(-1)
        if len(wanted) and (wanted.min() < 0 or wanted.max() >= self.count):
            raise BadInput(f"There are simulated patches 0 to {self.count - 1} only.")
        return wanted


def _draw_patch(rng: np.random.Generator, first: Cover, second: Cover, out: Pixels, work: Field) -> None:
    """Fill ``out`` (bands, size, size) with the first cover and, on 15 to 45 % of it, the second.

    ``work`` (2, bands, pixels) is scratch memory: fresh memory for every patch would cost more than the drawing.
    """
    size = out.shape[-1]
    draw = _optical if out.dtype == np.uint16 else _sar
    values = work[0]
    draw(rng, first, size, values)
    if second is not first:
        edge = smooth(rng, size, (1.0, 0.4)).reshape(-1)
        rank = int((0.15 + 0.3 * rng.random()) * edge.size)
        draw(rng, second, size, work[1])
        np.copyto(values, work[1], where=edge < np.partition(edge, rank)[rank])
    np.copyto(out.reshape(len(out), -1), values, casting="unsafe")


def _structure(rng: np.random.Generator, cover: Cover, size: int) -> tuple[Field, Field, npt.NDArray[np.bool_] | None]:
    """(brightness field, composition field, borders) of a cover; both fields about N(0, 1)."""
    brightness = smooth(rng, size, cover.octaves)
    composition = smooth(rng, size, (1.0, 0.5))
    border = None
    if cover.structure == "waves":
        brightness = np.float32(0.6) * brightness + np.float32(0.9) * waves(rng, size)
    elif cover.structure == "parcels":
        values, border = parcels(rng, size, smallest=14, largest=34)
        composition = np.float32(0.3) * composition + values
    elif cover.structure == "blocks":
        values, border = parcels(rng, size, smallest=5, largest=11)
        brightness = np.float32(0.6) * brightness + values
    return brightness, composition, border


def _optical(rng: np.random.Generator, cover: Cover, size: int, out: Field) -> None:
    """Reflectance (13, pixels) times 10,000: spectrum, season and light of the patch, texture, sensor noise."""
    brightness, composition, border = _structure(rng, cover, size)
    light, season = 1 + 0.07 * rng.standard_normal(), 0.8 * rng.standard_normal()
    spectrum, vary = np.array((cover.reflectance, cover.vary), dtype=np.float32) * np.float32(100 * light)
    if border is not None:
        brightness[border] -= np.float32(1.2)
    fields = np.stack([np.ones_like(brightness), brightness, composition]).reshape(3, -1)
    mixing = np.stack([spectrum + np.float32(season) * vary, np.float32(cover.roughness) * spectrum, vary], axis=1)
    np.matmul(mixing, fields, out=out)
    out += np.frombuffer(rng.bytes(out.size), dtype=np.uint8).reshape(out.shape) & 63
    np.maximum(out, 1, out=out)
    np.minimum(out, 12_000, out=out)


def _sar(rng: np.random.Generator, cover: Cover, size: int, out: Field) -> None:
    """Linear sigma nought (2, pixels): mean of the cover, texture, speckle; bright corners in towns."""
    brightness, composition, border = _structure(rng, cover, size)
    level = rng.standard_normal(2) * 0.8
    decibel = np.float32(12 * cover.roughness) * brightness + np.float32(0.7) * composition
    if border is not None:
        decibel[border] -= np.float32(2.0)
    if cover.structure == "blocks":
        corners = rng.integers(0, size * size, size=size // 2)
        decibel.reshape(-1)[corners] += np.float32(12.0)
    means = np.array([cover.vv + level[0], cover.vh + level[0] + level[1] / 2], dtype=np.float32)
    np.add(decibel.reshape(1, -1), means[:, None], out=out)
    out *= np.float32(np.log(10) / 10)
    np.exp(out, out=out)
    speckle = rng.integers(0, 1 << 16, size=out.size, dtype=np.uint16)
    out *= speckle_table(LOOKS)[speckle].reshape(out.shape)


@lru_cache(maxsize=4096)
def _scene_covers(seed: int, number: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Land cover of a scene's cells, and that of each cell's most different neighbour (itself inside one cover)."""
    rng = np.random.default_rng([abs(seed), number, 77])
    up = upsampling(SCENE_SIDE, 6)
    strength = np.stack([up @ rng.standard_normal((6, 6), dtype=np.float32) @ up.T for _ in COVERS])
    grid = (strength + np.log(SHARES)[:, None, None] * 0.5).argmax(axis=0).astype(np.int64)
    beside = grid.copy()
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        neighbour = np.roll(grid, step, axis=axis)
        edge = np.zeros_like(grid, dtype=bool)
        np.moveaxis(edge, axis, 0)[0 if step == 1 else -1] = True
        beside = np.where((beside == grid) & ~edge, neighbour, beside)
    return grid.reshape(-1), beside.reshape(-1)


def _scene_of(
    wanted: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """(block number, place inside it, whether the block is a scene)."""
    number, inside = np.divmod(wanted, SCENE_PATCHES)
    return number, inside, number % 4 < SCENES_OF_FOUR


def _hash(seed: int, values: npt.NDArray[np.int64], stream: int) -> npt.NDArray[np.uint64]:
    """Well-mixed 64-bit numbers (the finaliser of SplitMix64; Steele, Lea, Flood 2014)."""
    salt = (seed * 0x9E3779B97F4A7C15 + stream * 0xD1B54A32D192ED03) & (2**64 - 1)
    mixed = values.astype(np.uint64) * _U64(0x9E3779B97F4A7C15) ^ _U64(salt)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> _U64(shift))) * _U64(factor)
    return mixed ^ (mixed >> _U64(31))


def _unit(seed: int, values: npt.NDArray[np.int64], stream: int) -> npt.NDArray[np.float64]:
    """Uniform numbers in [0, 1)."""
    return (_hash(seed, values, stream) >> _U64(11)).astype(np.float64) * 2.0**-53
