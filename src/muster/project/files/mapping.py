"""`mappings/*.yaml`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from muster.project.files.base import (
    Duration,
    ExpressionText,
    FileModel,
    Flag,
    OneOrMany,
    Shorthand,
    Text,
    TrueOrExpression,
    Whole,
)
from muster.project.files.flow import InboundFlowFile, OutboundFlowFile
from muster.project.files.scope import ScopeFile

Unmanaged = Literal["report", "disable", "delete"]
Elsewhere = Literal["recreate", "report"]
Do = Literal["disable", "move", "clear groups", "delete", "leave"]
Dialect = Literal["entra", "connect", "mim"]
Switch = Literal["create", "update", "delete"]

DEFAULT_PRECEDENCE = 100


class StepFile(Shorthand):
    """One deprovision step. A text is what to do, at once."""

    do: Do = Field(description="disable, move, clear groups, delete or leave.")
    after: Duration | None = Field(None, description="How long after the object was no longer wanted: 30 days.")
    to: ExpressionText | None = Field(None, description="Where to move it.")

    @classmethod
    def shorter(cls) -> list[dict[str, Any]]:
        return [{"enum": ["disable", "clear groups", "delete", "leave"]}]

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"do": value}

    @model_validator(mode="after")
    def _to(self) -> Self:
        if self.do == "move" and self.to is None:
            raise ValueError("`move` needs `to`, an expression for the new place")
        if self.do != "move" and self.to is not None:
            raise ValueError(f"`to` stands only with `do: move`, found `do: {self.do}`")
        return self


class InboundFile(FileModel):
    """What is read into the identity."""

    precedence: Whole = Field(DEFAULT_PRECEDENCE, description="Which source wins an attribute: lowest first.")
    flows: dict[str, InboundFlowFile] = Field(description="Metaverse attribute: expression over the object.")


class SettledFile(FileModel):
    """What may stand at the top of a mapping or under `outbound`, not both."""

    protect: ExpressionText | None = Field(None, description="Objects for which this is true are never touched.")
    unmanaged: Unmanaged | None = Field(None, description="What happens to objects nobody owns; default report.")
    deleted_elsewhere: Elsewhere | None = Field(
        None, alias="deleted elsewhere", description="What happens when another hand deletes one; default recreate."
    )


class OutboundFile(SettledFile):
    """What is written to the object."""

    provision: TrueOrExpression | None = Field(None, description="The object should exist while this is true.")
    scope: ScopeFile | None = Field(
        None, description="Identities that take part; without it, all. The object should exist only in scope."
    )
    deprovision: Annotated[list[StepFile], OneOrMany()] | None = Field(
        None, description="What happens when it no longer should; default disable."
    )
    out_of_scope: Annotated[list[StepFile], OneOrMany()] | None = Field(
        None,
        alias="out of scope",
        description="What happens instead where `provision` is still true and `scope` no longer.",
    )
    actions: Annotated[list[Switch], OneOrMany()] | None = Field(
        None,
        description="What the mapping may do: create, update, delete (all of `deprovision`); default all.",
    )
    flows: dict[str, OutboundFlowFile] = Field(
        default_factory=dict, description="Object attribute: expression over the identity."
    )
    password: Literal["generate"] | None = Field(None, description="generate: the first password.")


class MappingFile(SettledFile):
    """The rules that tie one object type of one system to one metaverse type. Its name is the file's name."""

    system: Text = Field(description="A file of systems/, without .yaml.")
    object: Text = Field(description="One of that system's objects.")
    identity: Text = Field(description="A metaverse type: person, group, device, org-unit, contact or your own.")
    account: Text = Field("main", description="Which of the identity's accounts; default main.")
    dialect: Dialect = Field("entra", description="The expression dialect.")
    scope: ScopeFile | None = Field(None, description="Objects that take part; without it, all.")
    join: list[dict[str, ExpressionText]] = Field(
        default_factory=list, description="Lines tried in order; each ties identity attributes to object expressions."
    )
    project: Flag = Field(False, description="true: an object that nobody matches makes a new identity.")
    several: Flag = Field(False, description="true: one identity may have several of these objects.")
    primary: ExpressionText | None = Field(None, description="Of several objects, the one that counts first.")
    inbound: InboundFile | None = Field(None, description="What is read into the identity.")
    outbound: OutboundFile | None = Field(None, description="What is written to the object.")
    was: Text | None = Field(None, description="The mapping's name before it was renamed.")

    @model_validator(mode="after")
    def _once(self) -> Self:
        for name, key in (("protect",) * 2, ("unmanaged",) * 2, ("deleted_elsewhere", "deleted elsewhere")):
            if self.outbound and getattr(self, name) is not None and getattr(self.outbound, name) is not None:
                raise ValueError(f"`{key}` stands both here and under `outbound`: keep one")
        if self.primary is not None and not self.several:
            raise ValueError("`primary` chooses among several objects: it needs `several: true`")
        return self
