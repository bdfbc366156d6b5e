"""A perfectly segmented tumour in a CT of the user's own: an array, a NIfTI file, a DICOM folder.

The lesion is the one that a rendered patient gets: the form of a real outline at an exact long
axis, drawn into the real lung around it. Lungs of a foreign CT are found by thresholding.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from alignment.noise import Noise
from modalities.imaging import (
    dicom,
    fit,
    insert_files,
    insert_texture,
    lesions,
    looks,
    lungs,
    shapes,
)
from modalities.imaging.contours import Ratings
from modalities.imaging.diffusion import sampler
from modalities.imaging.diffusion.sampler import Key
from modalities.imaging.diffusion.tissue import Regions
from modalities.imaging.insert_files import Ct
from ontology.errors import ConsilienceError

ANYWHERE = ("anywhere", "right lung", "left lung")
_SPARE_MM = 3.0
_IN_LUNG = 0.6
_RATED = {"texture": 5, "spiculation": 5, "lobulation": 5, "margin": 5, "calcification": 6}
_FLAGS = ("halo", "cavity", "pleural_tag")
_MOST_CLIPPED_HU = 50.0


@dataclass(frozen=True)
class LesionSpec:
    """What to insert. Ratings are those of LIDC: 1 to 5, calcification 6 for none.

    long_mm, short_mm: axial diameters (RECIST 1.1); short_mm by default 0.75 of the long one.
    centre: ``anywhere``, ``right lung``, ``left lung``, or three numbers (z, y, x), in voxels of
    the array or, with ``centre_in="mm"``, in mm from its first voxel. texture: 1 ground-glass,
    3 part-solid, 5 solid. margin: 5 sharp. solid_hu: mean of the solid part.
    """

    long_mm: float
    short_mm: float | None = None
    centre: str | tuple[float, float, float] = "anywhere"
    centre_in: str = "voxel"
    texture: int = 5
    spiculation: int = 2
    lobulation: int = 2
    margin: int = 4
    calcification: int = 6
    halo: bool = False
    cavity: bool = False
    pleural_tag: bool = True
    solid_hu: float = 50.0

    def __post_init__(self) -> None:
        wrong = []
        long = _number(self.long_mm)
        if not 3.0 <= long <= 150.0:
            wrong.append(f"long_mm {self.long_mm!r} (3 to 150)")
        short = None if self.short_mm is None else _number(self.short_mm)
        if short is not None and not 0.3 * long <= short <= long:
            wrong.append(f"short_mm {self.short_mm!r} (0.3 to 1 of long_mm)")
        rated = {name: _number(getattr(self, name)) for name in _RATED}
        for name, most in _RATED.items():
            if rated[name] not in range(1, most + 1):
                wrong.append(f"{name} {getattr(self, name)!r} (1 to {most})")
        centre = _centre_of(self.centre)
        if centre is None:
            wrong.append(
                f"centre {self.centre!r} ({', '.join(ANYWHERE)}, or three numbers: z, y, x)"
            )
        if self.centre_in not in ("voxel", "mm"):
            wrong.append(f"centre_in {self.centre_in!r} (voxel or mm)")
        solid = _number(self.solid_hu)
        if not -50.0 <= solid <= 200.0:
            wrong.append(f"solid_hu {self.solid_hu!r} (-50 to 200)")
        flags = {name: getattr(self, name) for name in _FLAGS}
        for name, flag in flags.items():
            if not isinstance(flag, bool | np.bool_):
                wrong.append(f"{name} {flag!r} (True or False)")
        if wrong:
            raise ConsilienceError(
                "a lesion that cannot be made", where="spec", got="; ".join(wrong)
            )
        # Plain numbers: a size of 20, 20.0 or numpy's is one and the same in records and UIDs.
        plain = {"long_mm": long, "short_mm": short, "centre": centre, "solid_hu": solid}
        plain |= {name: int(value) for name, value in rated.items()}
        plain |= {name: bool(flag) for name, flag in flags.items()}
        for name, value in plain.items():
            object.__setattr__(self, name, value)


def _number(value: object) -> float:
    """NaN, which no range holds, for what is no finite number."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        return math.nan
    made = float(value)
    return made if math.isfinite(made) else math.nan


def _centre_of(value: object) -> str | tuple[float, float, float] | None:
    """A place by name or by three numbers; None for anything else."""
    if isinstance(value, str):
        return value if value in ANYWHERE else None
    if not isinstance(value, tuple | list | np.ndarray) or len(value) != 3:
        return None
    z, y, x = (_number(v) for v in value)
    return None if math.isnan(z + y + x) else (z, y, x)


@dataclass(frozen=True, eq=False)
class Inserted:
    """hu: the CT with the lesion, int16; mask: bool; both in the input's own axes.

    share: float32, tissue of the lesion in each voxel, spicules and halo included. long_mm,
    short_mm: of the mask, between pixel centres plus a pixel. centre_voxel: of the long axis, in
    the input's axes. description: look, and at what size of voxel the network worked if not at
    that of the CT. files: what was written.
    """

    hu: NDArray[np.int16]
    mask: NDArray[np.bool_]
    share: NDArray[np.float32]
    long_mm: float
    short_mm: float
    centre_voxel: tuple[float, float, float]
    description: str
    files: tuple[Path, ...] = field(default=())


def insert_lesion(
    ct: NDArray[Any] | str | Path,
    spec: LesionSpec | Mapping[str, Any],
    seed: int,
    *,
    spacing: tuple[float, float, float] | None = None,
    network: bool | str | Path = True,
    out: str | Path | None = None,
) -> Inserted:
    """The CT with a lesion in it; same arguments, same voxels.

    ct: (slices, rows, columns) HU, lowest slice first, rows to the back, columns to the patient's
    left, with ``spacing`` (z, y, x) in mm; or the path of a NIfTI file, or of a folder with one
    DICOM series. ``network``: the diffusion network gives the drawn voxels the texture of CT;
    a path names weights of one's own. ``out``: a new folder for files of the same kind, and the
    mask; the record, and with it the UIDs, hold the digest of the weights and the renderer's
    version.

    Raises ConsilienceError for a CT without spacing, with gantry tilt, colour pixels, no lungs or
    values that are not HU, for a lesion that does not fit, and for a file that holds no weights.
    """
    wanted = spec if isinstance(spec, LesionSpec) else _spec_of(spec)
    weights = _weights(network)
    source = insert_files.read(ct, spacing)
    made = _insert(source, wanted, seed, weights)
    if out is None:
        return made
    record = {
        **dataclasses.asdict(wanted),
        "seed": seed,
        "network": "none" if weights is None else sampler.digest(weights),
        "renderer": dicom.SOFTWARE,
    }
    files = insert_files.write(source, made.hu, made.mask, Path(out), record, made.description)
    return dataclasses.replace(made, files=files)


def _weights(network: bool | str | Path) -> Path | None:
    """The weights' file, read once to see that it is one; None for no network."""
    if not isinstance(network, str | Path):
        return sampler.WEIGHTS if network else None
    path = Path(network)
    try:
        sampler.flow(path)
    except ConsilienceError:
        raise
    except (SafetensorError, RuntimeError, KeyError, ValueError) as error:
        raise ConsilienceError("not weights of this CT network", where=path, got=error) from error
    return path


def _spec_of(given: Mapping[str, Any]) -> LesionSpec:
    known = {f.name for f in dataclasses.fields(LesionSpec)}
    unknown = sorted(set(given) - known)
    if unknown or "long_mm" not in given:
        raise ConsilienceError(
            "a lesion that cannot be made", where="spec",
            got=f"unknown {', '.join(unknown)}" if unknown else "no long_mm",
            wanted=", ".join(sorted(known)),
        )  # fmt: skip
    return LesionSpec(**given)


def _insert(source: Ct, spec: LesionSpec, seed: int, weights: Path | None) -> Inserted:
    hu = source.hu
    grid = fit.Grid((hu.shape[0], hu.shape[1], hu.shape[2]), np.zeros(3), source.spacing)
    found = lungs.find(hu, source.spacing)
    noise = Noise(seed, "imaging.insert")
    look = _look(spec, noise)
    shape = shapes.choose(seed, 0, "inserted", look.ratings)
    long, short = spec.long_mm, spec.short_mm or 0.75 * spec.long_mm
    centre = _centre(source, spec, found, noise)
    centre[0] = round(centre[0] / grid.spacing[0]) * grid.spacing[0]
    sized, centre, miss = fit.fitted(shape, long, short, centre, grid)
    box = fit.box_of(centre, sized.reach_mm, grid)
    if box is None:
        raise _unfit(spec, "it would reach beyond the scan")
    mask = sized.inside(fit.offsets_of(box, centre, grid)) > 0
    inside = float(found.without_airways()[box][mask].mean()) if mask.any() else 0.0
    if inside < _IN_LUNG:
        raise _unfit(spec, f"{inside:.0%} of it would lie in the lung and outside its airways, "
                     f"at least {_IN_LUNG:.0%} must")  # fmt: skip
    if miss > fit.HALF_PX:
        raise _unfit(spec, "the pixels cannot show its size within half of one")
    wide = fit.widened(box, lesions.REACH_MM, grid)
    whole = np.zeros(hu.shape, dtype=bool)
    whole[box] = mask
    lung = found.sides[wide] > 0
    bone = (hu[wide] > 200) & ~lung
    painted = lesions.paint(look, sized, (centre, grid, wide), hu[wide].astype(np.float32),
                            whole[wide], lung, bone)  # fmt: skip
    drawn, share = hu.copy(), np.zeros(hu.shape, np.float32)
    # Voxels that hold nothing of the lesion stay as they were, to the last bit.
    own = (painted.share > 1e-3) | whole[wide]
    rendered, described = painted.hu, [look.describe()]
    if weights is not None:
        regions = Regions(np.ones(own.shape, bool), lung | whole[wide], painted.share)
        rendered = insert_texture.textured(
            painted.hu, regions, own, source.spacing, Key(seed, 0, 0), weights
        )
        described += insert_texture.notes(own.shape, source.spacing)
    drawn[wide] = np.where(own, _storable(source, rendered, own), hu[wide])
    share[wide] = painted.share
    long_px, short_px = fit.pixel_axes(mask)
    pixel = float(source.spacing[1])
    a, b, c = (float(v) for v in source.to_own_index(centre / source.spacing))
    return Inserted(
        source.to_own(drawn), source.to_own(whole), source.to_own(share),
        long_px * pixel, short_px * pixel, (a, b, c), ", ".join(described),
    )  # fmt: skip


def _storable(source: Ct, hu: NDArray[np.float32], own: NDArray[np.bool_]) -> NDArray[np.int16]:
    """HU within what the source's files can hold; raises if the lesion would lose by that."""
    low, high = source.limits
    held = np.rint(hu).clip(low, high)
    lost = float(np.abs(held - hu)[own].max(initial=0.0))
    if lost > _MOST_CLIPPED_HU:
        raise ConsilienceError(
            "the CT's stored values cannot hold the lesion", where="ct",
            got=f"HU {low:g} to {high:g}; {lost:.0f} HU would be cut off",
            remedy="store the CT with 12 bits or more, or choose a lesion of another density",
        )  # fmt: skip
    return np.asarray(held, dtype=np.int16)


def _look(spec: LesionSpec, noise: Noise) -> looks.Look:
    ratings = Ratings(0, spec.texture, spec.spiculation, spec.lobulation, spec.margin, 5,
                      spec.calcification, 1, spec.long_mm)  # fmt: skip
    made = looks.make(ratings, noise, 0, histology="", contrast=True)
    return dataclasses.replace(
        made, solid_hu=spec.solid_hu, halo=spec.halo, cavity=spec.cavity, tag=spec.pleural_tag
    )


def _centre(source: Ct, spec: LesionSpec, found: lungs.Lungs, noise: Noise) -> NDArray[np.float64]:
    """mm from the first voxel of the array as it is drawn in."""
    if not isinstance(spec.centre, str):
        given = np.array(spec.centre, dtype=np.float64)
        voxel = given if spec.centre_in == "voxel" else given / source.own_spacing
        centre = source.from_own_index(voxel) * source.spacing
        if (centre < 0).any() or (centre > (np.array(source.hu.shape) - 1) * source.spacing).any():
            raise _unfit(spec, "its centre lies outside the scan")
        return centre
    side = {"right lung": lungs.RIGHT, "left lung": lungs.LEFT}.get(spec.centre)
    lung = found.sides > 0 if side is None else found.sides == side
    room = found.room(lung)
    radius = spec.long_mm / 2
    if not lung.any() or float(room.max()) < 0.6 * radius:
        raise _unfit(spec, f"the most room is {2 * float(room.max()):.0f} mm across")
    spots = np.argwhere(room >= min(radius + _SPARE_MM, 0.9 * float(room.max())))
    pick = spots[int(float(noise.uniform(0, 1)[0]) * len(spots))]
    return np.asarray(pick * found.step * source.spacing)


def _unfit(spec: LesionSpec, why: str) -> ConsilienceError:
    return ConsilienceError(
        "the lesion does not fit", where=f"centre {spec.centre}", got=f"{spec.long_mm:g} mm: {why}",
        remedy="choose another centre, 'right lung' or 'left lung', or a smaller lesion",
    )  # fmt: skip
