"""The lesions that make up the sum of diameters, and what a reader writes down of them."""

from __future__ import annotations

import numpy as np

from alignment.schemas import LOBES, NODE_SITES, SIDES, SITES
from cohort import conditions, spec
from cohort.frame import Array, Floats, Frame
from cohort.mechanisms.tumour import burden_at_scan
from cohort.mechanisms.visits import BRAIN, Dynamic, Parents

SITE_CODES = {site: code for code, site in enumerate(SITES)}
LOBE_SIDE = np.array([SIDES.index("right" if lobe[0] == "R" else "left") for lobe in LOBES],
                     np.int8)  # fmt: skip
LESION_STATE = (
    "present", "target", "size", "drift", "ratio", "site", "reference", "node", "lobe", "side",
    "fresh",
)  # fmt: skip


class Lesions(Dynamic):
    """(2, L, n) mm: long and short axis of every lesion on the scan day; NaN where none is seen.

    The lesions share the patient's curve: target i has the share s_i exp(d_i t) of the sum,
    renormalised, so that the targets always add up to the SLD (short axis for nodes). After local
    therapy the lesions at recurrence take the slots of those that were removed.
    """

    def __init__(self, name: str, variable: spec.Lesions, new_slots: int) -> None:
        super().__init__(name, variable)
        self.v = variable
        self.baseline = variable.lesions
        self.new_slots = new_slots
        named = {x.present for x in self.baseline} | {x.recurrent for x in self.baseline}
        named |= {key for x in self.baseline for key in x.when}
        own = ("scan_day", "brain_scan", "primary_mm", "sld", "new_lesion", "spread",
               "primary_lobe", "resected", "n", *sorted(named - {"always", "never"}))  # fmt: skip
        self.own_parents = tuple((parent, 0) for parent in own)

    @property
    def slots(self) -> int:
        """L: lesions at baseline and at most one new one a line."""
        return len(self.baseline) + self.new_slots

    def __call__(self, frame: Frame) -> Array:
        state = frame.state
        if frame.step == 0:
            state.update(self._begin(frame, recurrence=False))
            state["lesions_since"] = np.zeros(frame.n)
        else:
            self._recur(frame)
            self._appear(frame)
        size = np.minimum(state["lesion_size"] * self._relative(frame), self.v.largest.value)
        seen = state["lesion_present"] & ~np.isnan(frame["scan_day"])
        seen &= (state["lesion_site"] != SITE_CODES["brain"]) | frame["brain_scan"]
        state["lesion_seen"] = seen
        size = np.where(seen, size, np.nan)
        ratio = state["lesion_ratio"]
        # For nodes the diameter that counts is the short axis (RECIST 1.1), else the long one.
        long = np.where(state["lesion_node"], size / ratio, size)
        return np.stack([long, long * ratio])

    def _relative(self, frame: Frame) -> Floats:
        """(L, n) size on the scan day relative to first sight."""
        state = frame.state
        day = np.where(np.isnan(frame["scan_day"]), frame["visit_day"], frame["scan_day"])
        weeks = np.maximum(day - state["lesions_since"], 0.0) / 7.0
        drift = np.exp(state["lesion_drift"] * weeks)
        targets = state["lesion_present"] & state["lesion_target"]
        before = np.where(targets, state["lesion_size"], 0.0)
        after = before * drift
        total_before, total_after = before[0].copy(), after[0].copy()
        for slot in range(1, self.slots):  # a fixed order of addition, patient by patient
            total_before += before[slot]
            total_after += after[slot]
        share = np.where(targets, drift * (total_before / total_after), 1.0)
        return np.asarray(share * (burden_at_scan(frame) / state["lesion_reference"]))

    def _recur(self, frame: Frame) -> None:
        """At recurrence after local therapy other lesions take the place of those removed."""
        opens = frame.state["opens"]
        if not opens.any():
            return
        for key, value in self._begin(frame, recurrence=True).items():
            frame.state[key] = np.where(opens, value, frame.state[key])
        frame.state["lesions_since"] = np.where(
            opens, frame["visit_day"], frame.state["lesions_since"]
        )

    def _begin(self, frame: Frame, *, recurrence: bool) -> dict[str, Array]:
        n, v = frame.n, self.v
        shape = (self.slots, n)
        present, target = np.zeros(shape, bool), np.zeros(shape, bool)
        weight, least = np.zeros(shape), np.zeros(shape)
        for slot, lesion in enumerate(self.baseline):
            name = lesion.recurrent if recurrence else lesion.present
            present[slot] = name == "always" if name in ("always", "never") else frame[name]
            for key, wanted in lesion.when.items():
                present[slot] &= conditions.holds(frame[key], frame.levels.get(key), wanted)
            target[slot] = lesion.target
            if lesion.weight is not None and lesion.minimum is not None:
                z = frame.normal(f"{self.name}/weight", slot)
                weight[slot] = lesion.weight.value * np.exp(v.weight_sd.value * z)
                least[slot] = lesion.minimum.value
        counted = present & target
        weight, least = np.where(counted, weight, 0.0), np.where(counted, least, 0.0)
        sld = frame["sld"]
        first = np.zeros(n) if recurrence else frame["primary_mm"]
        size = _shared_out(sld, weight, least, first)
        typical = [(x.size or v.small_nodule).value for x in self.baseline]
        typical += [v.small_nodule.value] * self.new_slots
        varied = 0.8 + 0.4 * frame.uniform(f"{self.name}/small")
        small = np.asarray(typical)[:, None] * varied
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
        lobes, sides = self._places(frame, recurrence=recurrence)
        reference = np.broadcast_to(sld, shape).copy()
        made: tuple[Array, ...] = (
            present, target, size, drift, ratio, sites, reference, node_mask(sites), lobes, sides,
            np.zeros(shape, bool),
        )  # fmt: skip
        return {f"lesion_{key}": value for key, value in zip(LESION_STATE, made, strict=True)}

    def _places(self, frame: Frame, *, recurrence: bool) -> tuple[Array, Array]:
        """(L, n) int8 lobe and side codes, -1 for none; drawn once, when the lesions begin."""
        lobes = np.full((self.slots, frame.n), -1, np.int8)
        sides = np.full((self.slots, frame.n), -1, np.int8)
        primary_lobe = frame["primary_lobe"]
        primary_side = LOBE_SIDE[primary_lobe]
        for slot, lesion in enumerate(self.baseline):
            u = frame.uniform(f"{self.name}/place", slot)
            if lesion.side_of == "primary":
                # A resected lobe cannot hold a recurrence: it sits in another one.
                elsewhere = frame["resected"] if recurrence else np.zeros(frame.n, bool)
                lobes[slot] = np.where(elsewhere, other_lobe(primary_lobe, u), primary_lobe)
                sides[slot] = LOBE_SIDE[lobes[slot]]
            elif lesion.side_of == "other_side":
                lobes[slot] = lobe_of_the_other_lung(primary_lobe, u)
                sides[slot] = LOBE_SIDE[lobes[slot]]
            elif lesion.site == "lung":
                lobes[slot] = other_lobe(primary_lobe, u)
                sides[slot] = LOBE_SIDE[lobes[slot]]
            elif lesion.side_of == "nodal":
                crossed = frame.is_level("n", "N3") & (not recurrence)
                sides[slot] = np.where(crossed, 1 - primary_side, primary_side)
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
        hidden = frame["spread"] == 0  # one in the brain that was there before and is seen only now
        site = np.where(hidden, BRAIN, frame["spread"]).astype(np.int8) - np.int8(1)
        u = frame.uniform(f"{self.name}/new_place")
        lobe = np.where(
            frame["resected"], other_lobe(frame["primary_lobe"], u), np.floor(u * len(LOBES))
        )
        lobe = np.where(site == SITE_CODES["lung"], lobe, -1).astype(np.int8)
        side = np.where(lobe >= 0, LOBE_SIDE[lobe], -1)
        paired = (site == SITE_CODES["adrenal"]) | (site == SITE_CODES["mediastinal_node"])
        side = np.where(paired, (u < 0.5).astype(np.int8), side).astype(np.int8)
        sld = burden_at_scan(frame)
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
    """(2, L, n) whole mm as a reader writes them: latent plus error; 0 where gone."""

    own_parents: Parents = (("lesions", 0),)

    def __init__(
        self, name: str, variable: spec.Measurement, lesions: spec.Lesions, node_normal: float
    ) -> None:
        super().__init__(name, variable)
        self.node_normal = node_normal
        self.v = variable
        self.gone_below = lesions.gone_below.value
        self.least = [x.minimum.value if x.minimum else 0.0 for x in lesions.lesions]
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
            value = np.where(
                true[0] < self.gone_below, 0.0, np.maximum(value, self.v.too_small.value)
            )
            value = np.maximum(value, self._chosen(frame, slot, seen))
            measured[:, slot, seen] = value[0], np.minimum(value[0], value[1])
        for code in self.unmeasurable:
            measured = np.where(frame.state["lesion_site"] == code, np.nan, measured)
        self._nontargets(frame, measured)
        return measured

    def _chosen(self, frame: Frame, slot: int, seen: Array) -> Floats:
        """(2, seen) mm: a reader chose a target because it measured that much on the first scan.

        The axis that counts is the long one, for nodes the short one.
        """
        state = frame.state
        if slot >= len(self.least) or not self.least[slot]:
            return np.zeros((2, len(seen)))
        first = state["lesion_target"][slot, seen] & state["opens"][seen]
        least = np.where(first, self.least[slot], 0.0)
        return np.stack([least, np.where(state["lesion_node"][slot, seen], least, 0.0)])

    def _nontargets(self, frame: Frame, measured: Array) -> None:
        """Remember whether non-target disease is there, and whether all of it is gone.

        A lesion counts from the scan after the one that first shows it. One that this scan does
        not cover is not gone.
        """
        state = frame.state
        others = state["lesion_present"] & ~state["lesion_target"] & ~state["lesion_fresh"]
        normal: Array = np.where(
            state["lesion_node"], measured[1] < self.node_normal, measured[0] == 0.0
        )
        state["nontarget_present"] = np.asarray(others.any(0))
        state[f"nontarget_gone_{self.v.assessor}"] = np.asarray(~(others & ~normal).any(0))

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"measured = round(latent + sd z), sd^2 = {self.v.sd_mm.value:g}^2 mm^2 "
            f"+ ({self.v.sd_share.value:g} latent)^2, at least {self.v.too_small.value:g} mm"
        )


def _shared_out(sld: Floats, weight: Floats, least: Floats, first: Floats) -> Floats:
    """(L, n) sizes that add up to ``sld``; the first is given where it is above 0."""
    slots = len(weight)
    total, floor = np.zeros_like(sld), np.zeros_like(sld)
    for slot in range(1, slots):
        total += weight[slot]
        floor += least[slot]
    alone = total == 0.0
    drawn = least[0] + weight[0] / (weight[0] + total) * (sld - floor - least[0])
    size0 = np.where(alone, sld, np.where(first > 0.0, first, drawn))
    rest = sld - size0 - floor
    size = least + weight / np.where(alone, 1.0, total) * rest
    size[0] = size0
    return size


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


def lobe_of_the_other_lung(primary: Array, uniform: Floats) -> Array:
    """(n,) int8: a lobe on the side where the primary is not, each as likely."""
    right = np.isin(LOBE_SIDE, [SIDES.index("right")])
    lobes = [np.flatnonzero(right), np.flatnonzero(~right)]
    here = [x[np.floor(uniform * len(x)).astype(np.int64)] for x in lobes]
    return np.where(right[primary], here[1], here[0]).astype(np.int8)
