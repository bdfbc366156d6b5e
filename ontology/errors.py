"""The one error type that reaches a user: what, where, got, wanted, remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ConsilienceError(Exception):
    """An input or an environment that cannot be used.

    Every part but ``what`` may be left out where it does not apply. ``str(error)`` is the whole
    message; the command line prints it without a traceback and exits with 2.
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        got: object = None,
        wanted: object = None,
        remedy: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.got = got
        self.wanted = wanted
        self.remedy = remedy
        super().__init__(self._message())

    def _message(self) -> str:
        lines = [self.what if self.where is None else f"{self.where}: {self.what}"]
        if self.got is not None:
            lines.append(f"  got:    {self.got}")
        if self.wanted is not None:
            lines.append(f"  wanted: {self.wanted}")
        if self.remedy is not None:
            lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling between worker processes.
        return (_rebuild, (self.what, self.where, self.got, self.wanted, self.remedy))


def _rebuild(
    what: str, where: object, got: object, wanted: object, remedy: str | None
) -> ConsilienceError:
    return ConsilienceError(what, where=where, got=got, wanted=wanted, remedy=remedy)


MOST_NAMES = 20
"""Names that a message lists; a disease has two hundred variables."""


def nearest(name: str, names: Iterable[str]) -> str:
    """Return "did you mean ..." when a name is close to ``name``, else the sorted alternatives.

    Of more than ``MOST_NAMES`` the closest are listed, and how many others there are.
    """
    known = sorted(names)
    listed = ", ".join(known)
    if len(known) > MOST_NAMES:
        likely = difflib.get_close_matches(name, known, n=MOST_NAMES, cutoff=0.0)
        listed = f"{', '.join(likely)} and {len(known) - MOST_NAMES} others"
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'? ({listed})"
    return f"one of {listed}"
