"""`workflows/*.yaml`: the general shape; what a task takes is said where workflows run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from muster.project.files.base import FileModel, Flag, Text, shown
from muster.project.files.scope import ScopeFile


def _task(value: object) -> object:
    if isinstance(value, str):
        return {value: {}}
    if isinstance(value, dict) and len(value) == 1:
        return {name: {} if settings is None else settings for name, settings in value.items()}
    found = f"{len(value)} keys" if isinstance(value, dict) else shown(value)
    message = "expected one task (`- send email: {settings}`), found {found}"
    raise PydanticCustomError("task", message, {"found": found, "settings": "{…}"})


Task = Annotated[
    dict[str, dict[str, Any]],
    BeforeValidator(_task),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": {"type": ["object", "null"]},
                },
            ]
        }
    ),
]


class WorkflowFile(FileModel):
    """One lifecycle workflow."""

    workflow: Text = Field(description="The name people see.")
    description: Text | None = Field(None, description="What it is for.")
    category: Literal["joiner", "mover", "leaver"] = Field(description="joiner, mover or leaver.")
    enabled: Flag = Field(True, description="false: only on demand.")
    trigger: dict[str, Any] | None = Field(None, description="What starts it; without one, only on demand.")
    scope: ScopeFile | None = Field(None, description="The persons it runs for.")
    tasks: list[Task] = Field(description="What it does, in order.")
