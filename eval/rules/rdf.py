"""The tables of a few patients as an RDF graph, and what pySHACL says about them.

A row is a node that hangs on its patient by the name of its table; a column is a predicate; a null
has no triple. Nothing is derived here: the shapes of ontology/graph/rules.ttl do all the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
import pyshacl
from rdflib import RDF, RDFS, Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCTERMS, SH
from rdflib.plugins.sparql import prepareQuery
from rdflib.plugins.sparql.sparql import Query
from rdflib.query import Result

from alignment import schemas

CS = Namespace("https://consilience.dev/ns#")
TABLE = Namespace("https://consilience.dev/table/")
COLUMN = Namespace("https://consilience.dev/column/")
PATIENT = Namespace("https://consilience.dev/patient/")
ROW = Namespace("https://consilience.dev/row/")


@cache
def _prepared(query: str) -> Query:
    return prepareQuery(query)


class PatientGraph(Graph):
    """A graph that parses a query once: pySHACL asks the same one of every patient."""

    def query(self, query_object: str | Query, *args: Any, **kwargs: Any) -> Result:
        """As ``rdflib.Graph.query``."""
        if isinstance(query_object, str):
            query_object = _prepared(query_object)
        return super().query(query_object, *args, **kwargs)


@cache
def shapes() -> Graph:
    """The rules as SHACL."""
    path = Path(str(resources.files("ontology"))) / "graph" / "rules.ttl"
    return Graph().parse(path, format="turtle")


def text(iri: str) -> tuple[str, str, str]:
    """Label, why, and source of a rule."""
    found = [shapes().value(URIRef(iri), p) for p in (RDFS.label, RDFS.comment, DCTERMS.source)]
    label, why, source = (str(value or "") for value in found)
    return label, why, source


def tolerances() -> dict[str, float]:
    """IRI of every rule, and the share of patients that may break it."""
    graph = shapes()
    return {
        str(rule): float(str(graph.value(rule, CS.toleratedShare) or 0))
        for rule in graph.subjects(RDF.type, CS.PatientRule)
    }


def patient_graph(
    frames: Mapping[str, pd.DataFrame], names: Iterable[str] | None = None
) -> PatientGraph:
    """RDF of the tables, by name; of all observed ones, or of ``names`` and the patients."""
    graph = PatientGraph()
    for subject, predicate, value in shapes():
        if str(predicate).startswith(str(CS)):
            graph.add((subject, predicate, value))
    wanted = None if names is None else {*names, "patients"}
    for table in schemas.OBSERVED:
        if table.name in frames and (wanted is None or table.name in wanted):
            _add(graph, table, frames[table.name])
    return graph


def _add(graph: Graph, table: schemas.Table, frame: pd.DataFrame) -> None:
    patients = [PATIENT[str(p)] for p in frame["patient_id"]]
    if table.name == "patients":
        nodes = patients
        for node in nodes:
            graph.add((node, RDF.type, CS.Patient))
    else:
        nodes = [ROW[f"{table.name}/{i}"] for i in range(len(frame))]
        for patient, node in zip(patients, nodes, strict=True):
            graph.add((patient, TABLE[table.name], node))
    for column in table.columns[1:]:
        for node, value in zip(nodes, frame[column.name].astype(object), strict=True):
            if not pd.isna(value):
                graph.add((node, COLUMN[column.name], _literal(value)))


def _literal(value: Any) -> Literal:
    """Floats as decimals: what was printed, so that limits are met exactly."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return Literal(int(value)) if value.is_integer() else Literal(Decimal(repr(value)))
    return Literal(value)


def broken_patients(graph: Graph, iri: str) -> set[str]:
    """Patients that pySHACL finds to break a rule."""
    _, report, _ = pyshacl.validate(
        graph, shacl_graph=shapes(), use_shapes=[iri], advanced=False, inplace=True
    )
    # What a nested shape finds about a row is a detail of the patient's own result.
    results = report.objects(None, SH.result)
    found = {str(report.value(result, SH.focusNode)) for result in results}
    return {node.removeprefix(str(PATIENT)) for node in found if node.startswith(str(PATIENT))}
