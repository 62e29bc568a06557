"""`metaverse.yaml`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, RootModel, model_validator

from muster.model.values import Type
from muster.project.files.base import ExpressionText, FileModel, Flag, Shorthand, Text

TypeName = Literal["text", "integer", "decimal", "boolean", "datetime", "date", "binary", "reference"]
_TYPES: list[dict[str, Any]] = [
    {"enum": [kind.value for kind in Type]},
    {"type": "array", "items": {"enum": [kind.value for kind in Type]}, "minItems": 1, "maxItems": 1},
]


class AttributeFile(Shorthand):
    """One attribute: its type, or the type in a list for many values."""

    type: TypeName = Field(description="text, integer, decimal, boolean, datetime, date, binary or reference.")
    many: Flag = Field(False, description="true: several values.")
    description: Text | None = Field(None, description="What it means, for the people who read it.")

    @classmethod
    def shorter(cls) -> list[dict[str, Any]]:
        return _TYPES

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, list):
            if len(value) != 1:
                raise ValueError(f"expected one type in the list, such as [text], found {len(value)}")
            return {"type": value[0], "many": True}
        return value if isinstance(value, dict) else {"type": value}


class ComputedFile(Shorthand):
    """A value worked out from the identity itself. A text is the value."""

    value: ExpressionText = Field(description="An expression over the identity.")
    enforce: Literal["always", "once"] = Field("always", description="once: worked out once, then kept.")
    unique: Text | None = Field(None, description="The scope in which the value is unique.")
    keep: Literal["all"] | None = Field(None, description="all: earlier values stay beside the new one.")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"value": value}


class TypeFile(FileModel):
    """One metaverse type: what it has beyond the built-in attributes."""

    attributes: dict[str, AttributeFile] = Field(default_factory=dict, description="Name: type.")
    computed: dict[str, ComputedFile] = Field(default_factory=dict, description="Name: expression over the identity.")


class MetaverseFile(RootModel[dict[str, TypeFile]]):
    """Computed values, object types and attributes beyond the built-in ones."""
