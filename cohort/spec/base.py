"""What every kind of variable has."""

from __future__ import annotations

from collections.abc import Iterator

from cohort.numbers import Effect, Strict, numbers_of
from ontology.evidence import Parameter


class Variable(Strict):
    """Common to all kinds."""

    label: str
    effects: tuple[Effect, ...] = ()

    def numbers(self) -> Iterator[tuple[str, Parameter]]:
        """Every number of the variable, named as in ``explain`` and in the second entry."""
        for name in type(self).model_fields:
            yield from numbers_of(name, getattr(self, name))
