"""YAML with line numbers, so that an error can say where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ontology.errors import ConsilienceError, nearest

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it: the disease file loads ten times faster."""

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class YamlFile:
    """Parsed content, and for each path into it the line (1-based) where it stands."""

    path: Path
    data: dict[str, Any]
    lines: dict[tuple[str, ...], int]

    def where(self, location: Sequence[object]) -> str:
        """``file.yaml:12 (variables.age)`` for the longest prefix of ``location`` that exists."""
        keys = tuple(str(part) for part in location)
        known = keys
        while known and known not in self.lines:
            known = known[:-1]
        dotted = ".".join(keys)
        return f"{self.path}:{self.lines.get(known, 1)}" + (f" ({dotted})" if dotted else "")

    def parse(self, model: type[ModelT]) -> ModelT:
        """Validate against a pydantic model; all violations in one error, each with its line."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            problems = [self._problem(item, model) for item in error.errors()]
        raise ConsilienceError(
            f"{len(problems)} value(s) cannot be used:\n" + "\n".join(problems),
            where=self.path,
            remedy="correct the lines named above",
        )

    def _problem(self, item: Any, model: type[BaseModel]) -> str:
        # A discriminated union puts its tag into the location; the file has no such key.
        location = [part for part in item["loc"] if not _is_tag(part, item["loc"], self.data)]
        text = f"  {self.where(location)}: {item['msg']}"
        if item["type"] == "extra_forbidden":
            siblings = model.model_fields if len(location) == 1 else ()
            hint = f"; {nearest(str(location[-1]), siblings)}" if siblings else ""
            return f"  {self.where(location)}: unknown key '{location[-1]}'{hint}"
        if item["type"] not in ("missing", "value_error"):
            text += f" (got {item['input']!r})"
        return text


def read_yaml(path: Path) -> YamlFile:
    """Read one YAML mapping; a missing, broken or duplicated key is a ``ConsilienceError``."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConsilienceError(
            "cannot read the file", where=path, got=error.strerror, remedy="check the path"
        ) from None
    try:
        node = yaml.compose(text, Loader=LOADER)
        data = yaml.load(text, Loader=LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else "?"
        problem = getattr(error, "problem", None) or str(error)
        raise ConsilienceError(
            f"not valid YAML: {problem}", where=f"{path}:{line}", remedy="correct that line"
        ) from None
    if not isinstance(data, dict) or node is None:
        raise ConsilienceError("not a YAML mapping", where=path, wanted="key: value lines")
    lines: dict[tuple[str, ...], int] = {}
    _collect(node, (), lines, path)
    return YamlFile(path, data, lines)


def _collect(
    node: yaml.Node, prefix: tuple[str, ...], lines: dict[tuple[str, ...], int], path: Path
) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*prefix, str(key.value))
            line = key.start_mark.line + 1
            if lines.get(here):
                raise ConsilienceError(
                    f"the key '{key.value}' stands twice",
                    where=f"{path}:{line}",
                    got=f"first on line {lines[here]}",
                    remedy="keep one of them",
                )
            lines[here] = line
            _collect(value, here, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            here = (*prefix, str(index))
            lines[here] = value.start_mark.line + 1
            _collect(value, here, lines, path)


def _is_tag(part: object, location: Sequence[object], data: Any) -> bool:
    current = data
    for key in location:
        if key is part and isinstance(current, dict) and part not in current:
            return part == current.get("kind")
        try:
            current = current[key]
        except (KeyError, IndexError, TypeError):
            return False
    return False
