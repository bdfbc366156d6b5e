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
from cohort.tables import person, treatment, tumour
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
        made = (
            (schemas.PATIENTS, person.patients(model, draw)),
            (schemas.VISITS, person.visits(draw)),
            (schemas.VARIANTS, person.variants(draw, codebook)),
            (schemas.LESIONS, tumour.lesions(model, draw)),
            (schemas.RESPONSES_TABLE, tumour.responses(model, draw)),
            (schemas.BEST_RESPONSES, tumour.best_responses(model, draw, lines)),
            (schemas.TREATMENTS, treatment.treatments(draw, codebook, lines)),
            (schemas.SURVIVAL, treatment.survival(model, draw, lines)),
            (schemas.EVENTS, treatment.events(draw, codebook, lines)),
            (schemas.TRUTH_PATIENTS, person.truth_patients(model, draw)),
            (schemas.TRUTH_LESIONS, tumour.truth_lesions(draw)),
            (schemas.TRUTH_DEATHS, treatment.truth_deaths(draw)),
        )
        return {table.path: arrow.build(table, columns) for table, columns in made}

    @cached_property
    def lines(self) -> Lines:
        """Lines of therapy, for the tables that need them."""
        return Lines.of(self.model, self.draw)

    def panel(self) -> LabPanel:
        """Latent laboratory values at every visit."""
        visits = self.draw.visits
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
        )
