"""Flows: one value computed from one side and written to the other."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from muster.project.files.base import EXPRESSION_SCHEMA, ExpressionText, FileModel, Shorthand, Text, Whole, shown

Merge = Literal["first", "union", "any", "all", "max", "min"]
Enforce = Literal["always", "change", "once", "default", "add"]


class ChoiceFile(FileModel):
    """One alternative: used when `when` is true, or always without it."""

    when: ExpressionText | None = Field(None, description="Use this alternative only when true.")
    value: ExpressionText = Field(description="The value, an expression.")
    precedence: Whole | None = Field(None, description="Inbound: the alternative's own precedence.")


_CHOICES_SCHEMA: Final[dict[str, Any]] = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {
            "when": EXPRESSION_SCHEMA,
            "value": EXPRESSION_SCHEMA,
            "precedence": {"type": "integer", "minimum": 0},
        },
        "required": ["value"],
        "additionalProperties": False,
    },
}


class FlowFile(Shorthand):
    """What inbound and outbound flows share. A text is the value; a list is alternatives tried in order."""

    value: list[ChoiceFile] | None = Field(
        None,
        description="The value, an expression; or a list of alternatives.",
        json_schema_extra={"anyOf": [EXPRESSION_SCHEMA, _CHOICES_SCHEMA]},
    )
    when: ExpressionText | None = Field(None, description="Flow only when true.")
    reference: ExpressionText | None = Field(None, description="The value names another object or identity.")
    references: ExpressionText | None = Field(None, description="The same for an attribute with many values.")

    other_side: ClassVar[dict[str, str]] = {}

    @classmethod
    def shorter(cls) -> list[dict[str, Any]]:
        return [EXPRESSION_SCHEMA, _CHOICES_SCHEMA]

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            if value is None:
                raise ValueError("expected an expression, found nothing")
            return {"value": _alternatives(value)}
        for name, why in cls.other_side.items():
            if name in value:
                raise ValueError(f"`{name}` {why}")
        if "value" in value:
            return value | {"value": _alternatives(value["value"])}
        return value

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in ("value", "reference", "references") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(f"`{name}`" for name in given) or "none of them"
            raise ValueError(f"expected one of `value`, `reference` or `references`, found {found}")
        if self.when is not None and given != ["value"]:
            raise ValueError("`when` stands only with `value`")
        if self.when is not None and self.value and (len(self.value) > 1 or self.value[0].when is not None):
            raise ValueError("`when` stands twice: beside a list of alternatives, each has its own")
        return self

    @property
    def target(self) -> str | None:
        """The text of the reference, whichever of the two keys gave it."""
        return self.reference if self.reference is not None else self.references


def _alternatives(value: object) -> object:
    """The list of alternatives that a value means; a list that is no list of alternatives is said to be one."""
    if not isinstance(value, list):
        return [{"value": value}]
    if not value:
        raise ValueError("expected an expression, found an empty list")
    if not all(isinstance(item, dict) for item in value):
        if all(isinstance(item, str) for item in value):
            inside = ", ".join(value)
            raise ValueError(
                f"expected an expression, found a list: [ ] means a list in YAML, so quote the expression: '[{inside}]'"
            )
        raise ValueError(f"expected alternatives ({{when, value}}), found a list with {shown(value[0])}")
    return value


class InboundFlowFile(FlowFile):
    """One metaverse attribute, computed from the object."""

    merge: Merge = Field("first", description="How several sources of one attribute go together.")
    precedence: Whole | None = Field(None, description="Lowest wins; default: the section's.")
    to: Text | None = Field(
        None, description="What the reference names: person.employeeId, an object type here, or system/object."
    )

    other_side: ClassVar[dict[str, str]] = {
        "enforce": "belongs to outbound flows and computed values",
        "default": "belongs to outbound flows: inbound, Coalesce([x], …) gives a value instead of NULL",
        "unique": "belongs to outbound flows and computed values",
    }

    @model_validator(mode="after")
    def _to(self) -> Self:
        if self.to is not None and self.target is None:
            raise ValueError("`to` stands only with `reference` or `references`")
        return self


class OutboundFlowFile(FlowFile):
    """One attribute of the object, computed from the identity."""

    enforce: Enforce = Field("always", description="When it is written: always, change, once, default or add.")
    default: ExpressionText | None = Field(
        None, description="The value when the object is made and `value` is NULL; never written later."
    )
    unique: Text | None = Field(None, description="The scope in which the value is unique.")

    other_side: ClassVar[dict[str, str]] = {
        "merge": (
            "belongs to inbound flows: one mapping writes an attribute. To add values and never take any away, say "
            "`enforce: add`"
        ),
        "precedence": "belongs to inbound flows: one mapping writes an attribute, nothing competes",
        "to": "belongs to inbound references; outbound, a reference writes what names the object in this system",
    }

    @model_validator(mode="after")
    def _unique(self) -> Self:
        if self.unique is not None and self.target is not None:
            raise ValueError("`unique` stands only with `value`")
        if self.default is not None and self.target is not None:
            raise ValueError("`default` stands only with `value`")
        return self
