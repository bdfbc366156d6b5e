"""From a draw to the observed and truth tables of ``alignment.schemas``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from alignment import arrow, schemas
from alignment.panel import LabPanel
from cohort.codebook import Codebook
from cohort.model import CausalModel, Draw
from cohort.tables import condition, person, toxicity, treatment, tumour
from cohort.tables.lines import Lines


@dataclass(frozen=True)
class CohortTables:
    """Tables of a drawn range of patients, and the panel that the laboratory will report."""

    model: CausalModel
    codebook: Codebook
    draw: Draw

    def tables(self) -> dict[str, pa.Table]:
        """All tables by path, the laboratory's excepted."""
        model, draw, codebook, lines = self.model, self.draw, self.codebook, self.lines
        episodes = toxicity.Episodes.of(model, draw, lines)
        made = (
            (schemas.PATIENTS, person.patients(model, draw)),
            (schemas.VISITS, person.visits(draw)),
            (schemas.VITALS, condition.vitals(draw)),
            (schemas.SYMPTOMS, condition.symptoms(model, draw, codebook)),
            (schemas.TOXICITIES, toxicity.at_visits(model, draw, codebook, lines)),
            (schemas.CTDNA, condition.ctdna(model, draw)),
            (schemas.VARIANTS, person.variants(draw, codebook)),
            (schemas.LESIONS, tumour.lesions(model, draw)),
            (schemas.RESPONSES_TABLE, tumour.responses(model, draw)),
            (schemas.BEST_RESPONSES, tumour.best_responses(model, draw, lines)),
            (schemas.TREATMENTS, treatment.treatments(draw, codebook, lines)),
            (schemas.SURVIVAL, treatment.survival(model, draw, lines)),
            (schemas.DOSES, toxicity.doses(model, draw, codebook)),
            (schemas.EVENTS, treatment.events(draw, codebook, lines)),
            (schemas.TRUTH_PATIENTS, person.truth_patients(model, draw)),
            (schemas.TRUTH_LESIONS, tumour.truth_lesions(draw)),
            (schemas.TRUTH_EVENTS, toxicity.truth_events(model, draw, codebook, episodes)),
            (schemas.TRUTH_MARROW, toxicity.truth_marrow(draw)),
            (schemas.TRUTH_MISSING, condition.truth_missing(draw)),
            (schemas.TRUTH_DEATHS, treatment.truth_deaths(draw)),
        )
        tables = {table.path: arrow.build(table, columns) for table, columns in made}
        adverse = toxicity.adverse_events(model, draw, codebook, episodes)
        events = schemas.EVENTS
        tables[events.path] = toxicity.with_adverse_events(
            tables[events.path], arrow.build(events, adverse)
        )
        return tables

    @cached_property
    def lines(self) -> Lines:
        """Lines of therapy, for the tables that need them."""
        return Lines.of(self.model, self.draw)

    def panel(self) -> LabPanel:
        """Latent laboratory values at every visit with a blood sample."""
        rows = np.flatnonzero(condition.drawn(self.draw))
        visits = {name: np.take(v, rows, axis=-1) for name, v in self.draw.visits.items()}
        at_index = {
            name: np.asarray(self.draw.levels[name])[self.draw.baseline[name]]
            for name in ("sex", "smoking_status")
        }
        return LabPanel(
            self.draw.seed,
            self.draw.start,
            self.draw.n,
            visits["patient"],
            visits["step"],
            visits["visit_day"],
            self.codebook.analytes,
            np.stack([visits[analyte.key] for analyte in self.codebook.analytes]),
            at_index,
            toxicity.panels(self.draw, self.codebook)[:, rows],
        )
