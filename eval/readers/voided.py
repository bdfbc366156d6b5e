"""Changes and doubts that a sentence names only to deny them ("has not increased in size")."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eval.readers.facts import Mention

_NOT = re.compile(
    r"(?:\b(?:not|never|nor|neither|without)|n't)\b(?:\s+(?:been|be|yet|at|all|any|evidence|of|"
    r"interval|further|significantly|clearly|definitely|convincingly|felt|considered))*\s*$",
    re.IGNORECASE,
)


def upheld(sentence: str, mentions: Sequence[Mention]) -> list[Mention]:
    """The mentions without changes and doubts that stand right after a "not".

    "Without new lesions" stays: it denies the lesions, and not that they are new. Phrases that
    begin with their own "not" ("not significantly changed") are no denial.
    """
    return [
        m
        for m in mentions
        if m.kind not in ("change", "uncertain")
        or m.value == "new"
        or not _NOT.search(sentence[: m.start])
    ]
