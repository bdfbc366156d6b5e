"""Tumour growth inhibition (TGI) of the sum of diameters, and the lesions that make up the sum.

SLD(t) = SLD_0 (exp(kg t) + exp(-ks t) - 1), t in weeks since the line began
(Stein 2011, doi:10.1158/1078-0432.CCR-10-1762; rates: Struemper 2025, PMID 39985158).
"""

from __future__ import annotations

from typing import cast

import numpy as np

from alignment.schemas import LOBES, NODE_SITES, SIDES, SITES
from cohort import spec
from cohort.frame import Array, Floats, Frame
from cohort.mechanisms.base import select
from cohort.mechanisms.visits import NO_REGIMEN, Dynamic, Parents

GROWTH_CAP = 5.0
"""exp of at most this: a patient whose sum would grow 150-fold is dead long before."""


class Rate(Dynamic):
    """kg or ks, 1/week: drawn when a line starts, held until the next."""

    own_parents: Parents = (("regimen", 0), ("line", 0))

    def __init__(self, name: str, variable: spec.Rate, regimens: tuple[str, ...]) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.own_parents = ((variable.eta, 0), *Rate.own_parents)
        values = [variable.typical[r].value for r in regimens if r != NO_REGIMEN]
        self.log_typical = np.log(np.array([1.0, *values]))
        active = variable.active if variable.active is not None else regimens
        self.active = np.array([float(r in active) for r in regimens])

    def __call__(self, frame: Frame) -> Array:
        regimen = frame["regimen"]
        effects = self.active[regimen] * self.predictor(frame)
        drawn = np.exp(self.log_typical[regimen] + effects + frame[self.v.eta])
        if frame.step == 0:
            return drawn
        return np.where(frame.state["line_starts"], drawn, frame.before[self.name])

    def equation(self) -> str:
        """The formula in one line."""
        only = f" (effects on {', '.join(self.v.active)} only)" if self.v.active else ""
        return (
            f"ln {self.name} = ln typical[regimen]{self.predictor.equation()} + {self.v.eta}{only}"
        )


class TumourBurden(Dynamic):
    """Latent SLD on the visit day, mm, under the line that has run until then."""

    own_parents: Parents = (
        ("sld_baseline", 0),
        ("kg", 1),
        ("ks", 1),
        ("visit_day", 0),
        ("line", 1),
    )

    def __call__(self, frame: Frame) -> Array:
        if frame.step == 0:
            return frame["sld_baseline"].copy()
        return burden_on(frame, frame["visit_day"])

    def equation(self) -> str:
        """The formula in one line."""
        return f"{self.name} = {self.name}(line start) (exp(kg t) + exp(-ks t) - 1), t in weeks"


def burden_on(frame: Frame, day: Floats) -> Floats:
    """(n,) mm: SLD on any day of the running line; before its start, the value at its start."""
    weeks = np.maximum(day - frame.state["line_start"], 0.0) / 7.0
    growth = np.exp(np.minimum(frame.before["kg"] * weeks, GROWTH_CAP))
    shrinkage = np.exp(-frame.before["ks"] * weeks)
    return np.asarray(frame.state["line_sld"] * (growth + shrinkage - 1.0))


class Lesions(Dynamic):
    """(2, L, n) mm: long and short axis of every lesion on the scan day; NaN where there is none.

    The lesions share the patient's curve: target i has the share s_i exp(d_i t) of the sum,
    renormalised, so that the targets always add up to the SLD (short axis for nodes).
    """

    own_parents: Parents = (
        ("scan_day", 0),
        ("sld_baseline", 0),
        ("sld", 0),
        ("new_lesion", 0),
        ("primary_lobe", 0),
    )

    def __init__(self, name: str, variable: spec.Lesions, new_slots: int) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.baseline = variable.lesions
        self.new_slots = new_slots
        self.new_sites = tuple(variable.new_sites.values)
        shares = [cast(float, s) for s in variable.new_sites.values.values()]
        self.new_logits = [np.full(1, np.log(share)) for share in shares]
        present = tuple((x.present, 0) for x in self.baseline if x.present)
        self.own_parents = (*Lesions.own_parents, *present)
        self.target = np.array([x.target for x in self.baseline])

    @property
    def slots(self) -> int:
        """L: lesions at baseline and at most one new one a line."""
        return len(self.baseline) + self.new_slots

    def __call__(self, frame: Frame) -> Array:
        if frame.step == 0:
            self._begin(frame)
        else:
            self._appear(frame)
        relative = self._relative(frame)
        size = frame.state["lesion_size"] * relative
        size = np.minimum(size, self.v.largest.value)
        seen = frame.state["lesion_present"] & ~np.isnan(frame["scan_day"])
        size = np.where(seen, size, np.nan)
        ratio = frame.state["lesion_ratio"]
        # For nodes the diameter that counts is the short axis (RECIST 1.1), else the long one.
        node = frame.state["lesion_node"]
        long = np.where(node, size / ratio, size)
        return np.stack([long, long * ratio])

    def _relative(self, frame: Frame) -> Floats:
        """(L, n) size on the scan day relative to first sight."""
        day = np.where(np.isnan(frame["scan_day"]), frame["visit_day"], frame["scan_day"])
        sld = frame["sld_baseline"] if frame.step == 0 else burden_on(frame, day)
        drift = np.exp(frame.state["lesion_drift"] * (np.maximum(day, 0.0) / 7.0))
        targets = frame.state["lesion_present"] & frame.state["lesion_target"]
        before = np.where(targets, frame.state["lesion_size"], 0.0)
        after = before * drift
        total_before, total_after = before[0].copy(), after[0].copy()
        for slot in range(1, self.slots):  # a fixed order of addition, patient by patient
            total_before += before[slot]
            total_after += after[slot]
        share = np.where(targets, drift * (total_before / total_after), 1.0)
        return np.asarray(share * (sld / frame.state["lesion_reference"]))

    def _begin(self, frame: Frame) -> None:
        n, v, state = frame.n, self.v, frame.state
        shape = (self.slots, n)
        present, target = np.zeros(shape, bool), np.zeros(shape, bool)
        weight, least = np.zeros(shape), np.zeros(shape)
        for slot, lesion in enumerate(self.baseline):
            present[slot] = frame[lesion.present] if lesion.present else True
            target[slot] = lesion.target
            if lesion.weight is not None and lesion.minimum is not None:
                z = frame.normal(f"{self.name}/weight", slot)
                weight[slot] = lesion.weight.value * np.exp(v.weight_sd.value * z)
                least[slot] = lesion.minimum.value
        counted = present & target
        weight, least = np.where(counted, weight, 0.0), np.where(counted, least, 0.0)
        total, floor = np.zeros(n), np.zeros(n)
        for slot in range(self.slots):
            total += weight[slot]
            floor += least[slot]
        size = least + weight / total * (frame["sld_baseline"] - floor)
        small = v.small_nodule.value * (0.8 + 0.4 * frame.uniform(f"{self.name}/small"))
        size = np.where(counted, size, np.where(present, small, v.new_size.value))
        ratio, drift = np.empty(shape), np.empty(shape)
        for slot in range(self.slots):
            z = frame.normal(f"{self.name}/axis_ratio", slot)
            # Rounder than 0.85 is beyond what the real outlines allow when they are rendered.
            ratio[slot] = np.clip(v.axis_ratio.value + v.axis_ratio_sd.value * z, 0.5, 0.85)
            drift[slot] = v.drift_sd.value * frame.normal(f"{self.name}/drift", slot)
        sites = np.zeros(shape, np.int8)
        for slot, lesion in enumerate(self.baseline):
            sites[slot] = SITE_CODES[lesion.site]
        state["lesion_present"], state["lesion_target"] = present, target
        state["lesion_size"], state["lesion_drift"] = size, drift
        state["lesion_ratio"], state["lesion_site"] = ratio, sites
        state["lesion_reference"] = np.broadcast_to(frame["sld_baseline"], shape).copy()
        state["lesion_node"] = node_mask(sites)
        state["lesion_fresh"] = np.zeros(shape, bool)
        state["lesion_lobe"], state["lesion_side"] = self._places(frame)

    def _places(self, frame: Frame) -> tuple[Array, Array]:
        """(L, n) int8 lobe and side codes, -1 for none; drawn once, at baseline."""
        lobes = np.full((self.slots, frame.n), -1, np.int8)
        sides = np.full((self.slots, frame.n), -1, np.int8)
        primary_lobe = frame["primary_lobe"]
        primary_side = LOBE_SIDE[primary_lobe]
        for slot, lesion in enumerate(self.baseline):
            u = frame.uniform(f"{self.name}/place", slot)
            if lesion.side_of == "primary":
                lobes[slot], sides[slot] = primary_lobe, primary_side
            elif lesion.site == "lung":
                lobes[slot] = other_lobe(primary_lobe, u)
                sides[slot] = LOBE_SIDE[lobes[slot]]
            elif lesion.side_of == "same_side":
                sides[slot] = primary_side
            elif lesion.side_of == "random":
                sides[slot] = (u < 0.5).astype(np.int8)
            elif lesion.side_of in SIDES:
                sides[slot] = SIDES.index(lesion.side_of)
        return lobes, sides

    def _appear(self, frame: Frame) -> None:
        """A new lesion takes the slot of the running line."""
        state = frame.state
        fresh = frame["new_lesion"]
        state["lesion_fresh"] = np.zeros_like(state["lesion_present"])
        if not fresh.any():
            return
        day = np.where(np.isnan(frame["scan_day"]), frame["visit_day"], frame["scan_day"])
        sld = burden_on(frame, day)
        site = np.asarray([SITE_CODES[s] for s in self.new_sites], np.int8)[
            select(self.new_logits, frame.uniform(f"{self.name}/new_site"))
        ]
        u = frame.uniform(f"{self.name}/new_place")
        lobe = np.where(site == SITE_CODES["lung"], np.floor(u * len(LOBES)), -1).astype(np.int8)
        side = np.where(lobe >= 0, LOBE_SIDE[lobe], -1)
        paired = (site == SITE_CODES["adrenal"]) | (site == SITE_CODES["mediastinal_node"])
        side = np.where(paired, (u < 0.5).astype(np.int8), side).astype(np.int8)
        for line in range(1, self.new_slots + 1):
            slot = len(self.baseline) + line - 1
            here = fresh & (frame.before["line"] == line)
            for key, value in (
                ("lesion_present", True),
                ("lesion_fresh", True),
                ("lesion_reference", sld),
                ("lesion_site", site),
                ("lesion_node", node_mask(site)),
                ("lesion_lobe", lobe),
                ("lesion_side", side),
            ):
                state[key][slot] = np.where(here, value, state[key][slot])

    def equation(self) -> str:
        """The formula in one line."""
        return (
            "size of target i = SLD x s_i exp(d_i t) / sum_j s_j exp(d_j t); "
            "other lesions grow and shrink with SLD"
        )


class Measurement(Dynamic):
    """(2, L, n) whole mm as the reader writes them: latent plus error; 0 where gone."""

    own_parents: Parents = (("lesions", 0),)

    def __init__(
        self, name: str, variable: spec.Measurement, lesions: spec.Lesions, node_normal: float
    ) -> None:
        super().__init__(name, variable)
        self.node_normal = node_normal
        self.v = variable
        self.gone_below = lesions.gone_below.value
        self.unmeasurable = tuple({SITE_CODES[x.site] for x in lesions.lesions if not x.measurable})

    def __call__(self, frame: Frame) -> Array:
        latent = frame["lesions"]
        measured = np.full(latent.shape, np.nan)
        for slot in range(latent.shape[1]):
            seen = np.flatnonzero(~np.isnan(latent[0, slot]))
            if not len(seen):
                continue
            true = latent[:, slot, seen]
            sd = np.sqrt(self.v.sd_mm.value**2 + (self.v.sd_share.value * true) ** 2)
            value = np.rint(true + sd * frame.normal_pair(self.name, slot, seen))
            value = np.where(true[0] < self.gone_below, 0.0, np.maximum(value, 1.0))
            measured[:, slot, seen] = value[0], np.minimum(value[0], value[1])
        for code in self.unmeasurable:
            measured = np.where(frame.state["lesion_site"] == code, np.nan, measured)
        self._nontargets(frame, measured)
        return measured

    def _nontargets(self, frame: Frame, measured: Array) -> None:
        """Remember whether non-target disease is there, and whether all of it is gone.

        A lesion counts from the scan after the one that first shows it.
        """
        state = frame.state
        others = state["lesion_present"] & ~state["lesion_target"] & ~state["lesion_fresh"]
        normal: Array = np.where(
            state["lesion_node"], measured[1] < self.node_normal, measured[0] == 0.0
        )
        state["nontarget_present"] = np.asarray(others.any(0))
        state["nontarget_gone"] = np.asarray(~(others & ~normal).any(0))

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"measured = round(latent + sd z), sd^2 = {self.v.sd_mm.value:g}^2 mm^2 "
            f"+ ({self.v.sd_share.value:g} latent)^2"
        )


SITE_CODES = {site: code for code, site in enumerate(SITES)}
LOBE_SIDE = np.array([SIDES.index("right" if lobe[0] == "R" else "left") for lobe in LOBES],
                     np.int8)  # fmt: skip


def node_mask(sites: Array) -> Array:
    """Where a site is a lymph node."""
    result = np.zeros(sites.shape, bool)
    for site in NODE_SITES:
        result = result | (sites == SITE_CODES[site])
    return result


def other_lobe(primary: Array, uniform: Floats) -> Array:
    """(n,) int8: one of the four other lobes, each as likely."""
    shifted = 1 + np.floor(uniform * (len(LOBES) - 1)).astype(np.int8)
    return ((primary + shifted) % len(LOBES)).astype(np.int8)
