"""A project as imports see it, and the documents of this folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from muster.migration.entra.job import Job
from muster.migration.entra.reading import Choices, import_schema
from muster.migration.entra.schema import read_schema
from muster.migration.outcome import Draft, Imported
from muster.migration.surroundings import ObjectShape, Surroundings, SystemShape
from muster.project.metaverse import BUILT_IN

DOCUMENTS = Path(__file__).parent / "documents"


def system(name: str, connector: str, **objects: dict[str, Any]) -> SystemShape:
    """A system whose objects have these settings; a setting `enabled` False says that they have no switch."""
    return SystemShape(
        name,
        connector,
        {
            kind: ObjectShape(kind, {k: v for k, v in given.items() if k != "enabled"}, given.get("enabled"))
            for kind, given in objects.items()
        },
    )


AROUND = Surroundings(
    {
        "crm": system("crm", "scim", user={"resource": "User"}, group={"resource": "Group"}),
        "salesforce": system("salesforce", "sql", user={"table": "users"}),
        "ad": system("ad", "active_directory", user={"class": "user", "base": "OU=People,DC=corp,DC=example"}),
        "cloud": system("cloud", "graph", user={"resource": "user"}, group={"resource": "group"}),
        "workday": system("workday", "flatfile", worker={}),
    },
    BUILT_IN,
    {"person": frozenset({"active", "displayName", "mail"}), "group": frozenset()},
)


def document(name: str) -> Any:
    """A document of this folder."""
    return json.loads((DOCUMENTS / f"{name}.json").read_text("utf-8"))


def imported(
    name: str | dict[str, Any], job: Job | None = None, around: Surroundings = AROUND, **said: Any
) -> Imported:
    """What the schema gives; everybody in scope takes part unless something else is said."""
    found = document(name) if isinstance(name, str) else name
    choices = Choices(**({"everyone": "assigned" not in said} | said))
    return import_schema(read_schema(found, "schema.json"), job or Job(), choices, around)


def draft(found: Imported, name: str) -> Draft:
    """The draft of that name."""
    return next(one for one in found.drafts if one.name == name)


def left(found: Imported) -> dict[str, str]:
    """Why each thing was left, by what it is."""
    return {one.what: one.why for one in found.left}


def schema(*attributes: dict[str, Any], source: str = "Azure Active Directory", **more: Any) -> dict[str, Any]:
    """A schema with one object mapping, of users to users of an application."""
    mapping = {
        "enabled": True,
        "flowTypes": "Add, Update, Delete",
        "sourceObjectName": "User",
        "targetObjectName": "User",
        "attributeMappings": list(attributes),
        **more,
    }
    rule = {"sourceDirectoryName": source, "targetDirectoryName": "app", "objectMappings": [mapping]}
    return {"directories": [], "synchronizationRules": [rule]}


def attribute(target: str, expression: str, **more: Any) -> dict[str, Any]:
    """An attribute mapping: of an attribute when the expression is nothing but its name."""
    plain = expression.startswith("[") and expression.endswith("]") and expression.count("[") == 1
    kind, name = ("Attribute", expression.strip("[]")) if plain else ("Function", expression.partition("(")[0])
    return {"targetAttributeName": target, "source": {"expression": expression, "name": name, "type": kind}, **more}


def clause(name: str, operator: str, *values: str) -> dict[str, Any]:
    """A filter clause."""
    return {"sourceOperandName": name, "operatorName": operator, "targetOperand": {"values": list(values)}}
