"""Rows of the imaging benchmark, part by part."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from results import Row
from scipy import ndimage, stats

from ct import (
    copies,
    detection,
    features,
    figures,
    identity,
    kernel,
    lesions,
    modes,
    patches,
    speed,
    tissue,
    volumes,
)
from ct.volumes import Scan

COMMAND = "python benchmarks/imaging.py"
SEED = 11
PATIENTS = 4
SIZES = (14.0, 24.0, 40.0)
PATCHES = 240
COPIES = 60
LESION_STUDIES = 16
CLEAN_STUDIES = {"first stage": 60, "diffusion": 24}
PAIRED_PATIENTS = 10
_SD_FACTOR = 1.25
_EDGE = ("edge_mm", "gradient")
_DESCRIBED = {
    "edge_mm": ("edge, three quarters to one quarter of the step", "mm"),
    "gradient": ("steepest fall across the border", "HU/mm"),
    "lobulation": ("lobulation, harmonics 3 to 6 of the radius", "1"),
    "spiculation": ("spiculation, harmonics 7 to 20 of the radius", "1"),
    "texture": ("SD inside", "HU"),
    "halo": ("halo 3 to 6 mm outside, above lung", "HU"),
    "strands": ("strands 3 to 6 mm outside, share of the ring", "1"),
}


@functools.lru_cache(maxsize=8)
def cohort(mode: str) -> tuple[Scan, ...]:
    """Scans of a few patients on the grid of the real ones, each with three lesions."""
    return tuple(modes.scans(mode, SEED, PATIENTS, SIZES))


def real(*names: str) -> tuple[Scan, ...]:
    """Real scans by name."""
    return tuple(volumes.load(name) for name in names)


def _sets(
    made: tuple[str, ...],
    cut: functools.partial[patches.Patches],
    seeds: int = 1,
) -> dict[str, patches.Patches]:
    """Patches of the held-out CT, of the real training CTs and of each mode."""
    found = {"held out": cut(real(volumes.HELD_OUT), seed=seeds)}
    found["real (atlas, lung1)"] = cut(real(*volumes.TRAINING), seed=seeds + 1)
    for mode in made:
        if any(scan.lesions for scan in cohort(mode)) or cut.func is patches.lung:
            found[mode] = cut(cohort(mode), seed=seeds + 2)
    return found


def _controls(hu: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """The held-out patches, spoiled."""
    rng = np.random.default_rng(SEED)
    spoiled = {
        "control: held out + noise of 20 HU": hu + rng.normal(0, 20, hu.shape),
        "control: held out, blurred by 1.5 mm": ndimage.gaussian_filter(hu, (0, 1, 1)),
        "control: white noise": rng.uniform(-1000, 200, hu.shape),
    }
    return {name: values.astype(np.float32) for name, values in spoiled.items()}


def distance_rows(made: tuple[str, ...]) -> list[Row]:
    """Kernel distance to the held-out CT: whole lung and lesions, two encoders."""
    rows: list[Row] = []
    whole = functools.partial(patches.lung, count=PATCHES)
    near = functools.partial(patches.lesion, per_slice=3, side=48)
    for what, cut in (("whole lung", whole), ("surroundings of lung2's one lesion", near)):
        sets = _sets(made, cut)
        count = min(len(found.hu) for found in sets.values())
        rng = np.random.default_rng(SEED)
        sets = {name: found.take(count, rng) for name, found in sets.items()}
        spoiled = _controls(sets["held out"].hu) if what == "whole lung" else {}
        rows += _distances(what, "EfficientNet-Lite0", features.efficientnet, sets, spoiled)
        if what == "whole lung":
            rows += _distances(what, "texture features", features.texture, sets, spoiled)
    return rows


def _distances(what, encoder, encode, sets, spoiled) -> Iterator[Row]:  # type: ignore[no-untyped-def]
    seen = {name: encode(found.hu) for name, found in sets.items()}
    seen |= {name: encode(hu) for name, hu in spoiled.items()}
    if encode is features.texture:
        seen = {name: features.standardised(seen["held out"], f) for name, f in seen.items()}
    against = seen.pop("held out")
    base = sets["held out"].block
    found = {
        name: kernel.distance(against, f, (base, sets[name].block if name in sets else base))
        for name, f in seen.items()
    }
    floor = _floor(against, base)
    yield _distance_row(f"{what}, {encoder}: two halves of the held-out CT", floor)
    for name, value in found.items():
        row = _distance_row(f"{what}, {encoder}: {name}", value)
        if name.startswith("control"):
            holds = value.value > found["real (atlas, lung1)"].value
            row = Row(**{**row.__dict__, "target": "> real", "met": holds})
        yield row


def _floor(found: NDArray[np.float32], block: NDArray[np.int64]) -> kernel.Distance:
    """Even against odd slices of one CT."""
    even, odd = (np.flatnonzero(block % 2 == rest) for rest in (0, 1))
    count = min(len(even), len(odd))
    even, odd = even[:count], odd[:count]
    return kernel.distance(found[even], found[odd], (block[even], block[odd]))


def _distance_row(name: str, found: kernel.Distance) -> Row:
    return Row(
        f"kernel distance to lung2, {name}", round(found.value, 4), "1", COMMAND,
        low=round(found.low, 4), high=round(found.high, 4),
        against=f"n = {found.n} each; interval: bootstrap over slices",
    )  # fmt: skip


def tissue_rows(made: tuple[str, ...]) -> list[Row]:
    """HU per tissue, noise and its spectrum, beside the held-out CT."""
    held = tissue.moments(list(real(volumes.HELD_OUT)))
    sources = {"real atlas": real("atlas"), "real lung1": real("lung1")}
    sources |= {mode: cohort(mode) for mode in made}
    found = {source: tissue.moments(list(scans)) for source, scans in sources.items()}
    rows = [
        Row(f"{name}: mean HU, real lung2", round(mean, 1), "HU", COMMAND,
            against=f"SD {sd:.1f} HU, {n:,} voxels")
        for name, (mean, sd, n) in held.items()
    ]  # fmt: skip
    for name, (wanted, spread, _) in held.items():
        spreads = [spread, found["real atlas"][name][1], found["real lung1"][name][1]]
        limits = min(spreads) / _SD_FACTOR, max(spreads) * _SD_FACTOR
        for source, moments in found.items():
            mean, sd, _ = moments[name]
            ours = not source.startswith("real")
            rows += [
                Row(f"{name}: mean HU, {source}", round(mean, 1), "HU", COMMAND,
                    target=f"{wanted - spread:.0f} to {wanted + spread:.0f}" if ours else None,
                    met=abs(mean - wanted) <= spread if ours else None),
                Row(f"{name}: SD of HU, {source}", round(sd, 1), "HU", COMMAND,
                    target=f"{limits[0]:.0f} to {limits[1]:.0f}" if ours else None,
                    met=limits[0] <= sd <= limits[1] if ours else None,
                    against="target: the three real CTs, with a quarter on either side"),
            ]  # fmt: skip
    against = tissue.soft(list(real(volumes.HELD_OUT)))
    rows += [
        Row(f"body outside the lungs, HU distribution: distance to lung2, {source}",
            round(float(stats.wasserstein_distance(tissue.soft(list(scans)), against)), 1), "HU",
            COMMAND, against="Wasserstein distance from -200 to 500 HU; no tissue is cut out by HU")
        for source, scans in sources.items()
    ]  # fmt: skip
    spectra = {}
    for source, scans in {"real lung2": real("lung2"), **sources}.items():
        regions = np.concatenate([tissue.even_regions(s, 40) for s in scans[:3]])
        if len(regions) == 0:
            continue
        found = spectra[source] = tissue.spectrum(regions, volumes.PIXEL_MM)
        rows.append(
            Row(f"soft tissue noise: SD, {source}", round(found.noise, 2), "HU", COMMAND,
                against=f"mean frequency {found.mean_frequency:.3f}/mm, {found.n} regions")
        )  # fmt: skip
    figures.spectra(spectra)
    return rows


def lesion_rows(made: tuple[str, ...]) -> list[Row]:
    """Borders, form and texture of drawn lesions beside the three real ones."""
    rows: list[Row] = []
    groups: dict[str, list[lesions.Description]] = {"real (three lesions)": []}
    for scan in real(*volumes.NAMES):
        groups["real (three lesions)"] += _described(scan)
    drawn = [mode for mode in made if any(scan.lesions for scan in cohort(mode))]
    for mode in drawn:
        groups[mode] = [found for scan in cohort(mode) for found in _described(scan)]
    for key, (label, unit) in _DESCRIBED.items():
        low, high = 0.0, 0.0
        for group, found in groups.items():
            values = np.array([getattr(one, key) for one in found])
            values = values[np.isfinite(values)]
            middle, spread = float(np.median(values)), (float(values.min()), float(values.max()))
            if group.startswith("real"):
                low, high = spread
            target = None if group.startswith("real") else f"{low:.3g} to {high:.3g}"
            met = None if group.startswith("real") else low <= middle <= high
            rows.append(
                Row(f"lesion {label}: {group}", round(middle, 4), unit, COMMAND,
                    low=round(spread[0], 4), high=round(spread[1], 4), target=target, met=met,
                    against=f"n = {len(values)}, on the widest slice")
            )  # fmt: skip
    figures.lesion_panel({"real": real(*volumes.NAMES), **{mode: cohort(mode) for mode in drawn}})
    return rows


def _described(scan: Scan) -> list[lesions.Description]:
    found = [lesions.describe(scan, mask) for mask in scan.lesions]
    return [one for one in found if one is not None]


def copy_rows(made: tuple[str, ...]) -> list[Row]:
    """Likeness of lung patches to the likest training patch."""
    training = real(*volumes.TRAINING)
    held = copies.nearest(copies.inside(real(volumes.HELD_OUT), COPIES, SEED), training)
    found = {"real, held out (lung2)": held}
    for mode in made:
        found[mode] = copies.nearest(copies.inside(cohort(mode), COPIES, SEED), training)
    rows = []
    for name, nearest in found.items():
        low, middle, high = np.percentile(nearest.correlation, (5, 50, 95))
        rows.append(
            Row(f"correlation with the likest training patch: {name}", round(float(middle), 3), "1",
                COMMAND, low=round(float(low), 3), high=round(float(high), 3),
                against=f"n = {len(nearest.correlation)}; interval: 5th to 95th centile")
        )  # fmt: skip
        if nearest is not held:
            rows.append(
                Row(f"copy rate: {name}", round(100 * nearest.copied(held), 1), "%", COMMAND,
                    against=f"likelier than {copies.CENTILE:g} % of held-out real patches, so real"
                            f" itself has {100 - copies.CENTILE:g} %")
            )  # fmt: skip
    return rows


def detection_rows(made: tuple[str, ...]) -> list[Row]:
    """What the classical detector finds, and what the evaluator measures, in re-read files."""
    rows: list[Row] = []
    for name in volumes.NAMES:
        lesions_of, found, elsewhere = detection.in_real(*real(name))
        rows.append(
            Row(f"real {name}: lesions that the detector finds", found, "1", COMMAND,
                against=f"of {lesions_of}; {elsewhere} marks elsewhere; made for CT with contrast,"
                        " which only the atlas has")
        )  # fmt: skip
    for mode in made:
        if mode in modes.PRODUCT:
            found_in = detection.measured(mode, LESION_STUDIES, CLEAN_STUDIES[mode])
            rows += _detected(mode, found_in[:LESION_STUDIES], found_in[LESION_STUDIES:])
    return rows


def _detected(
    mode: str, with_lesions: Sequence[detection.Result], clean: Sequence[detection.Result]
) -> Iterator[Row]:
    every = [lesion for result in with_lesions for lesion in result.lesions]
    drawn = [lesion for lesion in every if lesion.solid]
    undrawn = sum(result.undrawn for result in with_lesions)
    yield _share(f"{mode}: solid lesions of 10 to 80 mm that the detector finds",
                 [x.found for x in drawn], 95,
                 f"{len(drawn)} lesions; {undrawn} of the plans the renderer declined")  # fmt: skip
    yield _share(f"{mode}: part-solid and ground-glass lesions found",
                 [x.found for x in every if not x.solid], None,
                 "it looks for solid ones")  # fmt: skip
    yield _share(f"{mode}: studies without lesion that are clean",
                 [r.false_marks == 0 for r in clean], 98, f"{len(clean)} studies")  # fmt: skip
    false = float(np.mean([r.false_marks for r in (*with_lesions, *clean)]))
    yield Row(f"{mode}: false marks a study", round(false, 3), "1", COMMAND)
    free = [x for x in drawn if not x.limited]
    yield from _errors(f"{mode}: long axis in re-read pixels, absolute error", free, drawn)
    yield _share(f"{mode}: lesions on the right side", [x.side for x in every], 99, None)
    yield _share(f"{mode}: lesions most of which is in the planned lobe",
                 [x.lobe for x in every], None, "by the lobe SEG, re-read")  # fmt: skip


def _errors(
    name: str, free: Sequence[detection.Lesion], drawn: Sequence[detection.Lesion]
) -> Iterator[Row]:
    """In pixels, where the pixels alone tell the border; the others are counted."""
    off = [abs(x.pixels_mm - x.latent_mm) / x.pixel_mm for x in free if x.pixels_mm is not None]
    note = (
        f"n = {len(off)} solid lesions; {len(free) - len(off)} not measured and"
        f" {len(drawn) - len(free)} that touch tissue as dense, read up to the mask, are left out"
    )
    for centile, limit in ((50, 1.0), (95, 2.0)):
        value = float(np.percentile(off, centile))
        yield Row(f"{name}, {centile}th centile", round(value, 3), "pixels", COMMAND,
                  target=f"<= {limit:g}", met=value <= limit, against=note)  # fmt: skip


def _share(name: str, hits: Sequence[bool], target: float | None, against: str | None) -> Row:
    """Per cent with the exact 95 % interval."""
    interval = stats.binomtest(sum(hits), len(hits)).proportion_ci(method="exact")
    value = 100 * sum(hits) / len(hits)
    return Row(name, round(value, 1), "%", COMMAND, low=round(100 * interval.low, 1),
               high=round(100 * interval.high, 1),
               target=None if target is None else f">= {target:g}",
               met=None if target is None else value >= target, against=against)  # fmt: skip


def identity_rows(made: tuple[str, ...]) -> list[Row]:
    """Same or another patient, from bone."""
    rows = []
    for mode in made:
        if mode not in modes.PRODUCT:
            continue
        found = identity.pairs(mode, PAIRED_PATIENTS)
        note = (
            f"{len(found.same)} pairs of one patient (overlap {found.same.min():.3f} and more),"
            f" {len(found.other)} of two ({found.other.max():.3f} and less)"
        )
        told = f"{mode}: same or other patient from bone"
        rows += [
            Row(f"{told}, told right", round(100 * found.accuracy, 2), "%", COMMAND,
                target="> 99", met=found.accuracy > 0.99, against=note),
            Row(f"{told}, area under the curve", round(100 * found.auc, 2), "%", COMMAND),
        ]  # fmt: skip
    return rows


def speed_rows(made: tuple[str, ...]) -> list[Row]:
    """Seconds a study: first stage, lesions only, whole body; the same network at 50 steps."""
    found = {name: speed.seconds(network) for name, network in speed.NETWORKS.items()}
    found[f"whole, {speed.MANY} steps"] = speed.seconds("whole", speed.MANY, runs=1)
    usual = statistics.median(found["whole"])
    where = speed.device()
    images, share = speed.network_alone(where)
    rows = [
        Row(f"network alone on the {where}, 256 x 256 images a second", round(images, 2), "1/s",
            COMMAND, against=f"{share:.0%} of the measured peak in float32")
    ]  # fmt: skip
    for name, runs in found.items():
        value = statistics.median(runs)
        wanted = name == "whole"
        rows.append(
            Row(f"seconds a study, network: {name}", round(value, 1), "s", COMMAND,
                low=round(min(runs), 1), high=round(max(runs), 1),
                target="<= 30" if wanted else None, met=value <= 30 if wanted else None,
                against=f"{value / usual:.2f} of the whole; CT 60 x 256 x 256, lesions and lobes"
                        " SEG, SR, two radiographs; two cores")
        )  # fmt: skip
    return rows
