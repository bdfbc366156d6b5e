"""Alleles of mutated genes and the fraction of reads that show them."""

from __future__ import annotations

from typing import cast

import numpy as np

from cohort import spec
from cohort.frame import Array, Floats, Frame
from cohort.mechanisms.base import Predictor, select
from cohort.mechanisms.baseline import Static, truncated


class Allele(Static):
    """Multinomial logit over the alleles of a gene, evaluated in carriers only."""

    def __init__(self, name: str, variable: spec.Allele) -> None:
        super().__init__(name, variable)
        self.v = variable
        alleles = variable.levels[1:]
        shares = np.array([cast(float, variable.base.values[allele]) for allele in alleles])
        with np.errstate(divide="ignore"):  # an allele that cannot occur has logit -inf
            self.log_base = np.log(shares)
        self.by_allele = [
            Predictor([e for e in variable.effects if e.toward == allele]) for allele in alleles
        ]

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        return tuple(dict.fromkeys(((self.v.gene, 0), *self.predictor.parents)))

    def __call__(self, frame: Frame) -> Array:
        codes = np.zeros(frame.n, np.int8)
        carriers = np.flatnonzero(frame[self.v.gene])
        if len(carriers):
            logits: list[Floats | float] = []
            for base, predictor in zip(self.log_base, self.by_allele, strict=True):
                shift = np.asarray(predictor(frame))[carriers] if predictor.effects else 0.0
                logits.append(base + shift)
            codes[carriers] = 1 + select(logits, frame.uniform(self.name)[carriers])
        return codes

    def equation(self) -> str:
        """The formula in one line."""
        return (
            f"{self.name} = none unless {self.v.gene}; "
            f"else log odds = ln(base){self.predictor.equation()}"
        )


class AlleleFraction(Static):
    """Half of the tumour cells' reads, for a heterozygous variant in diploid cells.

    ``purity x cells / 2 x exp(sd z)`` with the share ``cells`` of tumour cells that carry it: 1
    where the variant is clonal, else uniform from ``subclone`` to 1. ``sd`` stands for copy number
    and loss of the other allele. Drawn in carriers only, NaN elsewhere.
    """

    def __init__(self, name: str, variable: spec.AlleleFraction) -> None:
        super().__init__(name, variable)
        self.v = variable

    @property
    def parents(self) -> tuple[tuple[str, int], ...]:
        """(variable, lag) of every parent."""
        return ((self.v.allele, 0), (self.v.purity, 0))

    def __call__(self, frame: Frame) -> Array:
        fraction = np.full(frame.n, np.nan)
        carriers = np.flatnonzero(frame[self.v.allele])
        if len(carriers):
            clonal, least = self.v.clonal.value, self.v.subclone.value
            u = frame.uniform(self.name, slot=1)[carriers]
            # Below ``clonal`` every cell; the rest of the same draw says how many otherwise.
            share = np.maximum(u - clonal, 0.0) / max(1.0 - clonal, 1e-9)
            cells = np.where(u < clonal, 1.0, least + (1.0 - least) * share)
            mean = np.log(0.5 * frame[self.v.purity][carriers] * cells)
            sd, (low, high) = self.v.sd_log.value, self.v.range
            z = truncated(
                frame.uniform(self.name)[carriers],
                (np.log(low) - mean) / sd,
                (np.log(high) - mean) / sd,
            )
            fraction[carriers] = np.round(np.exp(mean + sd * z), self.v.decimals)
        return fraction

    def equation(self) -> str:
        """The formula in one line."""
        low, high = self.v.range
        return (
            f"{self.name} = {self.v.purity} x cells / 2 x exp({self.v.sd_log.value:g} z), in "
            f"[{low:g}, {high:g}]; cells = 1 with P = {self.v.clonal.value:g}, else "
            f"{self.v.subclone.value:g} to 1"
        )
