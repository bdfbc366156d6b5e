"""Changes and doubts that a sentence names only to deny them ("has not increased in size")."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eval.readers.facts import Mention

_FILLED = (
    r"\b(?:\s+(?:been|be|a|an|yet|at|all|any|evidence|of|interval|further|definite|appreciable|"
    r"significant|significantly|clearly|definitely|convincingly|felt|considered))*\s*$"
)
_NOT = re.compile(rf"(?:\b(?:not|never|nor|neither)|n't){_FILLED}", re.IGNORECASE)
_NO = re.compile(rf"\b(?:no|without){_FILLED}", re.IGNORECASE)


def upheld(sentence: str, mentions: Sequence[Mention]) -> list[Mention]:
    """The mentions without changes and doubts that stand right after a "not", "no" or "without".

    "No new lesions" stays: it denies the lesions, and not that they are new; so does "no stable
    nodule". Phrases that begin with their own "not" ("not significantly changed") are no denial.
    """
    return [
        m for m in mentions if m.kind not in ("change", "uncertain") or not _denied(sentence, m)
    ]


def _denied(sentence: str, m: Mention) -> bool:
    before = sentence[: m.start]
    if _NOT.search(before):
        return True
    return m.value in ("larger", "smaller") and bool(_NO.search(before))
