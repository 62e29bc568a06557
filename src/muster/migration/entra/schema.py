"""The documents of Microsoft Graph, as far as they are carried over.

https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationschema and the types it links to.
Keys that are not named here are passed over: Graph adds new ones, and annotates every object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from muster.model.errors import ProjectError


class GraphModel(BaseModel):
    """Everything of a Graph document may be null."""

    model_config = ConfigDict(extra="ignore", frozen=True)


Item = TypeVar("Item")
Many = Annotated[list[Item], BeforeValidator(lambda value: value or [])]
Text = Annotated[str, BeforeValidator(lambda value: value or "")]


class AttributeDefinition(GraphModel):
    """One attribute of a directory's object."""

    name: str
    type: Text = "String"
    multivalued: bool | None = None


class ObjectDefinition(GraphModel):
    """One kind of object of a directory."""

    name: Text = ""
    attributes: Many[AttributeDefinition] = Field(default_factory=list)


class DirectoryDefinition(GraphModel):
    """One directory, and what it knows of its objects."""

    name: Text = ""
    objects: Many[ObjectDefinition] = Field(default_factory=list)


class Parameter(GraphModel):
    """One argument of a function."""

    key: Text = ""
    value: Source | None = None


class Source(GraphModel):
    """attributeMappingSource: an attribute, a constant, or a function over others; `expression` is its whole text."""

    expression: Text = ""
    name: Text = ""
    type: Text = "Attribute"
    parameters: Many[Parameter] = Field(default_factory=list)

    @property
    def text(self) -> str:
        """The expression; put together from its parts where the document leaves it out."""
        if self.expression.strip():
            return self.expression.strip()
        if self.type == "Function":
            return f"{self.name}({', '.join(one.value.text if one.value else '' for one in self.parameters)})"
        return f"[{self.name}]" if self.name else ""


class AttributeMapping(GraphModel):
    """How one attribute of the target gets its value."""

    target: str = Field(alias="targetAttributeName")
    source: Source | None = None
    default: str | None = Field(None, alias="defaultValue")
    flow_type: Text = Field("Always", alias="flowType")
    flow_behavior: Text = Field("FlowWhenChanged", alias="flowBehavior")
    priority: int | None = Field(0, alias="matchingPriority")


class Operand(GraphModel):
    """What a clause compares with."""

    values: Many[str] = Field(default_factory=list)


class FilterClause(GraphModel):
    """One condition on a source attribute."""

    operator: str = Field(alias="operatorName")
    attribute: str = Field(alias="sourceOperandName")
    operand: Operand | None = Field(None, alias="targetOperand")


class FilterGroup(GraphModel):
    """Clauses that must all hold."""

    name: Text = ""
    clauses: Many[FilterClause] = Field(default_factory=list)


class Filter(GraphModel):
    """The scope of an object mapping: any one group must hold."""

    groups: Many[FilterGroup] = Field(default_factory=list)
    input: Many[FilterGroup] = Field(default_factory=list, alias="inputFilterGroups")
    category: Many[FilterGroup] = Field(default_factory=list, alias="categoryFilterGroups")


class ObjectMapping(GraphModel):
    """One kind of object of the source onto one of the target."""

    name: Text = ""
    enabled: bool | None = True
    flow_types: Text = Field("Add, Update, Delete", alias="flowTypes")
    source: Text = Field("", alias="sourceObjectName")
    target: Text = Field("", alias="targetObjectName")
    scope: Filter | None = None
    attributes: Many[AttributeMapping] = Field(default_factory=list, alias="attributeMappings")

    @property
    def switches(self) -> frozenset[str]:
        """Add, Update, Delete: those that are on."""
        return frozenset(word.strip() for word in self.flow_types.split(",") if word.strip())


class ContainerFilter(GraphModel):
    """The OUs that are read."""

    included: Many[str] = Field(default_factory=list, alias="includedContainers")


class GroupFilter(GraphModel):
    """The groups whose members are read."""

    included: Many[str] = Field(default_factory=list, alias="includedGroups")


class Rule(GraphModel):
    """synchronizationRule: all object mappings from one directory to another."""

    name: Text = ""
    source: Text = Field("", alias="sourceDirectoryName")
    target: Text = Field("", alias="targetDirectoryName")
    mappings: Many[ObjectMapping] = Field(default_factory=list, alias="objectMappings")
    containers: ContainerFilter | None = Field(None, alias="containerFilter")
    groups: GroupFilter | None = Field(None, alias="groupFilter")


class Schema(GraphModel):
    """synchronizationSchema."""

    directories: Many[DirectoryDefinition] = Field(default_factory=list)
    rules: Many[Rule] = Field(alias="synchronizationRules")

    def definitions(self, directory: str, kind: str) -> dict[str, AttributeDefinition]:
        """The attributes that the document defines for a directory's object, by name."""
        return {
            attribute.name: attribute
            for one in self.directories
            if one.name == directory
            for found in one.objects
            if found.name == kind
            for attribute in found.attributes
        }


def read_schema(document: Any, file: str) -> Schema:
    """The schema of a document. ProjectError names the key that is wrong, when it is none."""
    if (
        isinstance(document, dict)
        and "synchronizationRules" not in document
        and isinstance(document.get("schema"), dict)
    ):
        document = document["schema"]
    if not isinstance(document, dict) or "synchronizationRules" not in document:
        raise ProjectError(
            f"{file} is no synchronizationSchema: it has no synchronizationRules. "
            "Save the answer of GET …/synchronization/jobs/{id}/schema."
        )
    try:
        return Schema.model_validate(document)
    except ValidationError as error:
        raise ProjectError(f"{file} is no synchronizationSchema: {first_fault(error)}") from None


def first_fault(error: ValidationError) -> str:
    """Where the first thing that is wrong stands, and what it is."""
    found = error.errors()[0]
    return f"{'/'.join(map(str, found['loc']))}: {found['msg'][:1].lower()}{found['msg'][1:]}"


def clauses_of(groups: list[FilterGroup]) -> Iterator[list[FilterClause]]:
    """The clauses of each group that has some."""
    return (group.clauses for group in groups if group.clauses)
