"""Scopes: an expression, Entra's filter groups, Connect's clauses, or the rule text of lifecycle workflows."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from muster.project.files.base import ExpressionText, FileModel, Shorthand, Text


class ClauseFile(FileModel):
    """One clause of a filter group."""

    attribute: Text = Field(description="The attribute that is looked at.")
    operator: Text = Field(description="EQUALS, IS NULL, REGEX MATCH …; for connect EQUAL, ISBITSET, ISMEMBEROF …")
    value: str | int | float | bool | list[str | int | float | bool] | None = Field(
        None, description="What it is compared with; none for operators that need none."
    )


class ScopeFile(Shorthand):
    """Which objects take part. A text is an expression."""

    expression: ExpressionText | None = Field(None, description="True for objects that take part.")
    filters: list[list[ClauseFile]] | None = Field(
        None, description="Entra's filter groups: clauses of one group joined by AND, the groups by OR."
    )
    entra: list[list[ClauseFile]] | None = Field(None, description="The same as `filters`.")
    connect: list[list[ClauseFile]] | None = Field(
        None, description="Entra Connect's clauses: those of one group joined by AND, the groups by OR."
    )
    rule: Text | None = Field(None, description="A lifecycle workflow's rule: department eq 'Marketing'")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"expression": value}

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = self.given()
        if len(given) != 1:
            found = " and ".join(f"`{name}`" for name in given) or "none of them"
            raise ValueError(f"expected one of `filters`, `connect`, `rule` or `expression`, found {found}")
        return self

    def given(self) -> list[str]:
        """The forms that are filled in."""
        forms = ("expression", "filters", "entra", "connect", "rule")
        return [name for name in forms if getattr(self, name) is not None]
