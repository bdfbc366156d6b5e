"""The language model as author: draft, read back, draw again, and at last the grammar.

Nothing false leaves this module: a report is the model's only if it was read back without fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from alignment.plan import EncounterPlan
from modalities.notes.lm import adapter, base
from modalities.notes.lm.ct_chest import CtChest
from modalities.notes.lm.generate import TEMPERATURE, Engine
from modalities.notes.lm.jobs import Draft, Job
from modalities.notes.lm.kind import Kind
from modalities.notes.lm.redraws import Redraws, Try
from modalities.notes.lm.supported import precision
from modalities.notes.readback import Fault
from modalities.notes.report import Written
from ontology.errors import ConsilienceError

SHIPPED = Path(__file__).parent / "adapter"
BARE = "none"
"""Names no adapter: the base model as it comes, for comparison."""
Visit = tuple[EncounterPlan, EncounterPlan | None]


@dataclass
class LanguageModel:
    """Writes notes with a base model and an adapter, which are loaded at the first use.

    ``adapter``: a folder, empty for the shipped one, ``none`` for the bare base model.
    ``redraws``: further drafts after a faulty one. ``rows``: visits at once on each core.
    ``precision``: of its products, as :func:`supported.precision` says.
    """

    base_model: str = base.DEFAULT
    adapter: str = ""
    redraws: int = 8
    rows: int = 32
    temperature: float = TEMPERATURE
    precision: str = "auto"
    kind: Kind = field(default_factory=CtChest)

    @property
    def name(self) -> str:
        """The author as the records name it."""
        return self.base_model if self.base_model == base.DEFAULT else Path(self.base_model).name

    @property
    def folder(self) -> Path:
        """Where the adapter lies."""
        return Path(self.adapter) if self.adapter else SHIPPED

    @property
    def version(self) -> str:
        """Of the adapter, and how it computes; the base is named by the options."""
        name = BARE if self.adapter == BARE else adapter.digest(self.folder)[:16]
        return f"{name}+{precision(self.precision)}"

    def check(self) -> None:
        """Raise ConsilienceError where base or adapter cannot be used, without computing."""
        model = base.inspect(self.base_model)
        if self.adapter != BARE:
            adapter.read(self.folder, model)

    @cached_property
    def engine(self) -> Engine:
        """The model in memory."""
        model = base.load(self.base_model)
        words = None
        if self.adapter != BARE:
            words = adapter.merge(self.folder, model)["vocabulary"]
        return Engine(
            model, words=words, rows=self.rows, temperature=self.temperature,
            dtype={"float32": torch.float32, "bfloat16": torch.bfloat16}[precision(self.precision)],
        )  # fmt: skip

    @cached_property
    def digest(self) -> str:
        """Base and adapter, the first 16 digits of each sha256, and the precision."""
        return f"{self.engine.base.digest[:16]}+{self.version}"

    def write(self, visits: Sequence[Visit]) -> list[Written]:
        """The notes of the visits, in order.

        Raises ConsilienceError where a plan cannot be reported or its prompt is too long.
        """
        said = [self.kind.outline(plan, prior) for plan, prior in visits]
        return [
            Written(tries[-1].true or self.kind.by_grammar(one), len(tries), self.digest)
            for one, tries in zip(said, self.drafts(visits, said), strict=True)
        ]

    def drafts(self, visits: Sequence[Visit], said: Sequence[Any]) -> list[list[Try]]:
        """The drafts of every visit, up to the first without fault or the last that is allowed."""
        jobs = [
            Job(plan.seed, plan.patient_index, plan.day, self.kind.prompt(one))
            for (plan, _), one in zip(visits, said, strict=True)
        ]
        told = {job.visit: one for job, one in zip(jobs, said, strict=True)}
        if len(told) < len(jobs):
            raise ConsilienceError("the same visit twice in one run", got=len(jobs) - len(told))
        redraws = Redraws(
            jobs, self.redraws, lambda job, draft: self._judge(told[job.visit], draft),
            self.engine.kept,
        )  # fmt: skip
        self.engine.write(self.kind.prefix, jobs, redraws)
        return [redraws.visits[job.visit].told() for job in jobs]

    def _judge(self, said: Any, draft: Draft) -> Try:
        if not draft.ended:
            return Try(draft.text, None, (Fault("contradicts", "end", "the draft does not end"),))
        report, faults = self.kind.judge(said, draft.text, self.name)
        return Try(draft.text, report, faults)
