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

INCLUDE = "include"

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class YamlFile:
    """Parsed content, and for each path into it the line (1-based) where it stands."""

    path: Path
    data: dict[str, Any]
    lines: dict[tuple[str, ...], tuple[Path, int]]

    def where(self, location: Sequence[object]) -> str:
        """``file.yaml:12 (variables.age)`` for the longest prefix of ``location`` that exists."""
        keys = tuple(str(part) for part in location)
        known = keys
        while known and known not in self.lines:
            known = known[:-1]
        dotted = ".".join(keys)
        path, line = self.lines.get(known, (self.path, 1))
        return f"{path}:{line}" + (f" ({dotted})" if dotted else "")

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
    """Read one YAML mapping; a missing, broken or duplicated key is a ``ConsilienceError``.

    Its key ``include``, a list of paths relative to it, names parts. Mappings that stand in several
    of them are joined; a key below them may stand in one only.
    """
    whole = _read_one(path)
    parts = whole.data.pop(INCLUDE, [])
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ConsilienceError(
            "'include' cannot be used",
            where=whole.where((INCLUDE,)),
            got=repr(parts),
            wanted="a list of paths",
        )
    for part in parts:
        _join(whole, _read_one(path.parent / part))
    return whole


def _join(whole: YamlFile, part: YamlFile) -> None:
    for key, value in part.data.items():
        mine = whole.data.setdefault(key, {})
        if not isinstance(mine, dict) or not isinstance(value, dict):
            raise ConsilienceError(
                f"the key '{key}' stands in two files",
                where=part.where((key,)),
                got=f"first in {whole.where((key,))}",
                remedy="keep one of them",
            )
        for twice in mine.keys() & value.keys():
            raise ConsilienceError(
                f"the key '{twice}' stands twice",
                where=part.where((key, str(twice))),
                got=f"first in {whole.where((key, str(twice)))}",
                remedy="keep one of them",
            )
        mine.update(value)
    whole.lines.update({keys: at for keys, at in part.lines.items() if keys not in whole.lines})


def _read_one(path: Path) -> YamlFile:
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
    lines: dict[tuple[str, ...], tuple[Path, int]] = {}
    _collect(node, (), lines, path)
    return YamlFile(path, data, lines)


def _collect(
    node: yaml.Node,
    prefix: tuple[str, ...],
    lines: dict[tuple[str, ...], tuple[Path, int]],
    path: Path,
) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*prefix, str(key.value))
            line = key.start_mark.line + 1
            if lines.get(here):
                raise ConsilienceError(
                    f"the key '{key.value}' stands twice",
                    where=f"{path}:{line}",
                    got=f"first on line {lines[here][1]}",
                    remedy="keep one of them",
                )
            lines[here] = (path, line)
            _collect(value, here, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            here = (*prefix, str(index))
            lines[here] = (path, value.start_mark.line + 1)
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
