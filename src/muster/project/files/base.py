"""The kinds of value that all files share, and the base of every model."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    StrictBool,
    StrictInt,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import no_info_before_validator_function

from muster.project.durations import PATTERN, SCHEDULE_PATTERN, parse_duration, parse_schedule


class FileModel(BaseModel):
    """Unknown keys are errors; nothing is changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class Shorthand(FileModel):
    """A model that may also be written shorter. `shorter` are the JSON Schemas of the short forms."""

    @classmethod
    def shorter(cls) -> list[dict[str, Any]]:
        """The short forms; a text unless the model says otherwise."""
        return [EXPRESSION_SCHEMA]

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        reference = handler(core_schema)
        found = handler.resolve_ref_schema(reference)
        long = dict(found)
        found.clear()
        found["anyOf"] = [*cls.shorter(), long]
        return reference


class OneOrMany:
    """Marks a list that may also be its only item, written without the list."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A single item becomes a list of one."""
        return no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The item, or the list."""
        many = handler(schema)
        return {"anyOf": [many["items"], many]}


def _listed(value: object) -> object:
    return value if isinstance(value, list) or value is None else [value]


def shown(value: object) -> str:
    """What was found, in words short enough for one line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"`{value}`" if len(value) <= 60 else f"`{value[:57]}…`"
    if isinstance(value, list):
        return "a list"
    return "keys"


EXPRESSION_SCHEMA: Final[dict[str, Any]] = {"type": ["string", "number", "boolean"]}


def _expression(value: object) -> str:
    """The text of an expression; a bare number or true stands for itself."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        raise PydanticCustomError(
            "expression",
            "expected an expression, found a list: [ ] means a list in YAML, so quote the expression: '[{inside}]'",
            {"inside": value[0]},
        )
    raise PydanticCustomError("expression", "expected an expression, found {found}", {"found": shown(value)})


def _true_or_expression(value: object) -> str | bool:
    return value if isinstance(value, bool) else _expression(value)


def _text(value: object) -> object:
    """YAML reads 007 and true as numbers and booleans; say so instead of turning them back into other texts."""
    if isinstance(value, bool | int | float):
        raise PydanticCustomError(
            "quoting", "expected a text, found {found}: put it in quotes", {"found": shown(value)}
        )
    return value


Text = Annotated[str, BeforeValidator(_text), StringConstraints(min_length=1)]
Flag = StrictBool
Whole = Annotated[StrictInt, Field(ge=0)]
Percent = Annotated[StrictInt, Field(ge=0, le=100)]
ExpressionText = Annotated[str, PlainValidator(_expression), WithJsonSchema(EXPRESSION_SCHEMA)]
TrueOrExpression = Annotated[str | bool, PlainValidator(_true_or_expression), WithJsonSchema(EXPRESSION_SCHEMA)]
Duration = Annotated[
    timedelta,
    PlainValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["30 days", "2 hours", "5 minutes"]}),
]
Schedule = Annotated[
    timedelta,
    PlainValidator(parse_schedule),
    WithJsonSchema({"type": "string", "pattern": SCHEDULE_PATTERN, "examples": ["every 30 minutes", "every hour"]}),
]
