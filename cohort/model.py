"""The causal model: a graph over (variable, lag), one mechanism a node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import networkx as nx
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alignment import arrow
from alignment.noise import Noise
from alignment.schemas import TRUTH_NOISE
from cohort import conditions
from cohort.frame import Array, Frame
from cohort.mechanisms.base import Mechanism
from cohort.mechanisms.course import Policy
from cohort.mechanisms.visits import FOLLOW_UP
from cohort.spec import DiseaseFile, Recist
from ontology.errors import ConsilienceError, nearest

DEATHS = ("death", "cancer_death")
LOST = "lost"
"""Once it is set, the patient lives on and nothing more is recorded."""

FIRST = ("visit_day", "follow_up")
"""Evaluated before all others at a visit: whoever is not followed has no visit."""

RECORDED = (
    "opens",
    "line_starts",
    "nontarget_present",
    "lesion_present",
    "lesion_seen",
    "lesion_target",
    "lesion_site",
    "lesion_lobe",
    "lesion_side",
    "marrow_nadir",
    "marrow_nadir_day",
    "marrow_low_days",
    "dose_cycle",
    "dose_low_counts",
    "dose_omitted",
    "treatment_completed",
)
"""Remembered by mechanisms and recorded with the visit."""

RECORDED_BY_ASSESSOR = ("sld_measured", "target_response", "nontarget_gone")
"""The same, once a reader."""

MAX_ATTEMPTS = 10_000
"""Patients drawn for one place in a population before it counts as empty."""


@dataclass(frozen=True, slots=True)
class Intervention:
    """``do(variable = value)``; on one line of therapy only where ``line`` is given."""

    variable: str
    value: str | float | bool
    line: int | None = None


@dataclass(frozen=True)
class Draw:
    """A sampled range of patients.

    ``baseline``: (n,) by variable. ``visits``: (m,) by variable, one entry a visit, sorted by
    patient and step; ``patient`` (0-based in the range) and ``step`` among them. ``scans``: the
    visits with a scan, (..., s). ``deaths``: (n,) day of death and of its causes, as if never
    censored, by variable.
    """

    seed: int
    start: int
    n: int
    levels: Mapping[str, tuple[str, ...]]
    baseline: dict[str, Array]
    visits: dict[str, Array]
    scans: dict[str, Array]
    deaths: dict[str, Array]

    @property
    def death(self) -> Array:
        """(n,) day of death."""
        return self.deaths["death"]


@dataclass(frozen=True)
class CausalModel:
    """Compiled from the knowledge graph and a disease file by ``compiler.compile_disease``."""

    disease: DiseaseFile
    mechanisms: Mapping[str, Mechanism]
    levels: Mapping[str, tuple[str, ...]]
    graph: nx.DiGraph  # nodes (variable, lag); cause -> (effect, 0)
    version: str  # hash of graph and disease file
    population: conditions.When = field(default_factory=dict)
    interventions: tuple[Intervention, ...] = field(default=())

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Variables in an order of evaluation; ties in the order of the file."""
        graph = nx.DiGraph()
        graph.add_nodes_from(self.mechanisms)
        for name, mechanism in self.mechanisms.items():
            graph.add_edges_from((p, name) for p, lag in mechanism.parents if lag == 0)
        rank = {name: i for i, name in enumerate(self.mechanisms)}
        ordered = list(nx.lexicographical_topological_sort(graph, key=rank.__getitem__))
        first = [name for name in FIRST if name in self.mechanisms]
        return (*[n for n in ordered if not self.mechanisms[n].dynamic], *first,
                *[n for n in ordered if self.mechanisms[n].dynamic and n not in first])  # fmt: skip

    @cached_property
    def dynamic(self) -> frozenset[str]:
        """Variables with a value a visit."""
        return frozenset(name for name, m in self.mechanisms.items() if m.dynamic)

    @cached_property
    def descendants_graph(self) -> nx.DiGraph:
        """The causal graph with lags folded together."""
        graph = nx.DiGraph()
        graph.add_nodes_from(self.mechanisms)
        graph.add_edges_from((cause, effect) for (cause, _), (effect, _) in self.graph.edges)
        return graph

    def descendants(self, variable: str) -> frozenset[str]:
        """The variables that an intervention on ``variable`` may change, itself among them."""
        self._require(variable)
        return frozenset(nx.descendants(self.descendants_graph, variable)) | {variable}

    def do(self, *interventions: Intervention) -> CausalModel:
        """The same model under interventions; the noise stays the same."""
        for intervention in interventions:
            self._check(intervention)
        return replace(self, interventions=(*self.interventions, *interventions))

    def counterfactual(self, patient: int, seed: int, *interventions: Intervention) -> Draw:
        """What would have happened to one patient: the patient's own noise, replayed under do."""
        return self.do(*interventions).sample(1, seed, patient)

    def sample(
        self, n: int, seed: int, start: int = 0, variables: Iterable[str] | None = None
    ) -> Draw:
        """Sample patients ``start .. start + n - 1``; with ``variables`` only these baseline ones
        and their ancestors, and no visits."""
        if n < 1:
            raise ConsilienceError("nothing to sample", got=f"n = {n}", wanted="n >= 1")
        wanted = self._closure(variables) if variables is not None else None
        baseline = self._baseline(seed, start, n, wanted)
        recorder = _Recorder(n, self.assessors)
        if wanted is None and self.dynamic:
            frame = self._frame(seed, start, n)
            frame.now = dict(baseline)
            self._visits(frame, recorder)
        visits, scans = recorder.assemble()
        return Draw(seed, start, n, self.levels, baseline, visits, scans, recorder.deaths)

    def _baseline(self, seed: int, start: int, n: int, wanted: set[str] | None) -> dict[str, Array]:
        """(n,) by static variable. Each patient is drawn again until in the population, attempt k
        with the noise of step -k; interventions come after, so that a twin keeps its attempt."""
        static = [v for v in self.order if v not in self.dynamic]
        deciding = self._closure(self.population)
        attempts = np.zeros(n, np.int64)
        waiting = np.arange(n)
        while self.population and len(waiting):
            attempt = int(attempts[waiting[0]])
            frame = self._attempt(seed, start, n, waiting, attempt)
            for name in static:
                if name in deciding:
                    frame.now[name] = self.mechanisms[name](frame)
            fits = np.ones(len(waiting), bool)
            for name, levels in self.population.items():
                fits &= conditions.holds(frame[name], self.levels.get(name), levels)
            waiting = waiting[~fits]
            attempts[waiting] += 1
            if attempt > MAX_ATTEMPTS:
                raise ConsilienceError(
                    "the population is empty, or nearly so",
                    where="population",
                    got=f"no patient in {MAX_ATTEMPTS} draws",
                    wanted=str(dict(self.population)),
                    remedy="loosen the conditions",
                )
        parts: dict[str, list[Array]] = {}
        order = []
        for attempt in np.unique(attempts):
            rows = np.flatnonzero(attempts == attempt)
            frame = self._attempt(seed, start, n, rows, int(attempt))
            for name in static:
                if wanted is None or name in wanted:
                    self._evaluate(frame, name)
                    parts.setdefault(name, []).append(frame.now[name])
            order.append(rows)
        back = np.argsort(np.concatenate(order), kind="stable")
        return {name: np.concatenate(arrays)[back] for name, arrays in parts.items()}

    def _attempt(
        self, seed: int, start: int, n: int, rows: NDArray[np.int64], attempt: int
    ) -> Frame:
        frame = self._frame(seed, start, n)
        frame.rows, frame.step = rows, -attempt
        return frame

    @cached_property
    def assessors(self) -> tuple[str, ...]:
        """Who reads the scans."""
        return tuple(v.assessor for v in self.disease.variables.values() if isinstance(v, Recist))

    def _frame(self, seed: int, start: int, n: int) -> Frame:
        """Where the values of a range of patients come to stand (``explain`` traces them)."""
        return Frame(seed, start, n, self.levels)

    def _evaluate(self, frame: Frame, name: str) -> None:
        """One mechanism, then what do() makes of it."""
        frame.now[name] = self._intervened(frame, name, self.mechanisms[name](frame))

    def noise_table(self, seed: int) -> pa.Table:
        """``truth/noise``: the Philox key of each variable."""
        names = list(self.mechanisms)
        codes = np.arange(len(names))
        keys = [Noise(seed, name).key_hex for name in names]
        return arrow.build(
            TRUTH_NOISE, {"variable": arrow.coded(codes, names), "key": arrow.coded(codes, keys)}
        )

    def _visits(self, frame: Frame, recorder: _Recorder) -> None:
        names = [v for v in self.order if v in self.dynamic]
        # From here on only these baseline values are read; the rest need not be carried along.
        read = {parent for name in names for parent, _ in self.mechanisms[name].parents}
        frame.now = {name: values for name, values in frame.now.items() if name in read}
        step = 0
        while frame.n:
            frame.advance(step, self.dynamic)
            for name in names:
                self._evaluate(frame, name)
                if name == "follow_up":
                    frame.retain(frame.now[name] == FOLLOW_UP.index("ongoing"))
                    if not frame.n:
                        return
            policy = self.mechanisms["regimen"]
            assert isinstance(policy, Policy)
            policy.remember(frame)
            recorder.record(frame, names)
            step += 1

    def _intervened(self, frame: Frame, name: str, computed: Array) -> Array:
        for item in self.interventions:
            if item.variable != name:
                continue
            value = frame.code(name, str(item.value)) if name in self.levels else item.value
            frame.now[name] = computed
            mechanism = self.mechanisms[name]
            if isinstance(mechanism, Policy):
                forced = mechanism.intervene(frame, int(value))
            else:
                forced = np.full(computed.shape, value, dtype=computed.dtype)
            if item.line is not None:
                forced = np.where(frame["line"] == item.line, forced, computed)
            computed = forced
        return computed

    def _closure(self, variables: Iterable[str]) -> set[str]:
        wanted: set[str] = set()
        for name in variables:
            self._require(name)
            if name in self.dynamic:
                raise ConsilienceError("not a baseline variable", got=name)
            stack = [name]
            while stack:
                current = stack.pop()
                if current not in wanted:
                    wanted.add(current)
                    stack += [p for p, _ in self.mechanisms[current].parents]
        return wanted

    def _require(self, variable: str) -> None:
        if variable not in self.mechanisms:
            raise ConsilienceError(
                f"unknown variable '{variable}'",
                where=f"disease '{self.disease.disease}'",
                wanted=nearest(variable, self.mechanisms),
            )

    def _check(self, item: Intervention) -> None:
        self._require(item.variable)
        levels = self.levels.get(item.variable)
        if levels is not None and str(item.value) not in levels:
            raise ConsilienceError(
                f"do({item.variable}) cannot be used", got=item.value, wanted=", ".join(levels)
            )
        if levels is None and isinstance(item.value, str):
            raise ConsilienceError(
                f"do({item.variable}) cannot be used",
                got=item.value,
                wanted="a number, or true/false",
            )
        if item.variable in FIRST or item.variable in ("lesions", "measurement"):
            raise ConsilienceError(
                f"do({item.variable}) is not supported",
                wanted="a variable with one number or level a patient or visit",
            )
        if item.line is not None and item.variable not in self.dynamic:
            raise ConsilienceError(
                f"do({item.variable}@{item.line}): a baseline variable has no lines",
                remedy=f"leave out @{item.line}",
            )


class _Recorder:
    """Collects values step by step and sorts them by patient."""

    def __init__(self, n: int, assessors: Iterable[str]) -> None:
        self.deaths: dict[str, Array] = {name: np.full(n, np.nan) for name in DEATHS}
        self.state = (*RECORDED, *(f"{k}_{a}" for k in RECORDED_BY_ASSESSOR for a in assessors))
        self.visits: dict[str, list[Array]] = {}
        self.scans: dict[str, list[Array]] = {"patient": []}

    def record(self, frame: Frame, names: Iterable[str]) -> None:
        """Add the frame's visits."""
        for name, days in self.deaths.items():
            days[frame.rows] = frame[name]
        scanned = np.flatnonzero(~np.isnan(frame["scan_day"]))
        values = {name: frame.now[name] for name in names}
        values |= {name: frame.state[name] for name in self.state}
        values["patient"] = frame.rows
        values["step"] = np.full(frame.n, frame.step, np.int16)
        values["line_at_visit"] = np.zeros(frame.n) if frame.step == 0 else frame.before["line"]
        for name, array in values.items():
            if array.ndim == 1:
                self.visits.setdefault(name, []).append(array)
            else:  # lesions: only where there is a scan
                self.scans.setdefault(name, []).append(np.take(array, scanned, axis=-1))
        self.scans["patient"].append(frame.rows[scanned])

    def assemble(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Visits and scans, each sorted by patient and step."""
        if not self.visits:
            return {}, {}
        visits, scans = _sorted(self.visits), _sorted(self.scans)
        if LOST in visits:
            visits, scans = _until_lost(visits, scans)
        rows = np.flatnonzero(~np.isnan(visits["scan_day"]))
        return visits, {**{name: values[rows] for name, values in visits.items()}, **scans}


def _sorted(parts: dict[str, list[Array]]) -> dict[str, Array]:
    order = np.argsort(np.concatenate(parts["patient"]), kind="stable")
    return {
        name: np.take(np.concatenate(arrays, axis=-1), order, axis=-1)
        for name, arrays in parts.items()
    }


def _until_lost(
    visits: dict[str, Array], scans: dict[str, Array]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """What is on record: nothing after the visit at which a patient was lost."""
    patient, scanned = visits["patient"], np.flatnonzero(~np.isnan(visits["scan_day"]))
    first = np.full(int(patient.max(initial=0)) + 1, np.iinfo(np.int64).max)
    lost = np.flatnonzero(visits[LOST])
    np.minimum.at(first, patient[lost], lost)
    keep = np.arange(len(patient)) <= first[patient]
    if keep.all():
        return visits, scans
    rows, seen = np.flatnonzero(keep), np.flatnonzero(keep[scanned])
    return (
        {name: np.take(values, rows, axis=-1) for name, values in visits.items()},
        {name: np.take(values, seen, axis=-1) for name, values in scans.items()},
    )
