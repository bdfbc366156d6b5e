"""Names that a message offers instead of an unknown one."""

from __future__ import annotations

from ontology.errors import MOST_NAMES, nearest


def test_few_names_are_all_listed() -> None:
    assert nearest("xyz", ["beta", "alpha"]) == "one of alpha, beta"
    assert nearest("alpa", ["beta", "alpha"]) == "did you mean 'alpha'? (alpha, beta)"


def test_of_many_the_closest_are_listed_and_the_rest_counted() -> None:
    names = [f"variable_{i:03d}" for i in range(200)]
    message = nearest("variabel_070", names)
    assert message.startswith("did you mean 'variable_070'? (variable_070, ")
    listed = message.partition("(")[2].partition(" and ")[0].split(", ")
    assert len(listed) == MOST_NAMES and set(listed) < set(names)
    assert message.endswith(f"and {len(names) - MOST_NAMES} others)")
