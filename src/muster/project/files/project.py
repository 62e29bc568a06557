"""`muster.yaml`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import Field, PlainValidator, WithJsonSchema

from muster.project.diagnostics import nearest
from muster.project.files.base import FileModel, Flag, Percent, Schedule, Text, Whole, shown
from muster.project.files.server import DirectoryFile, ServerFile

STORE: Final = "sqlite:///.muster/state.db"
_STORE: Final = r"^(sqlite:///\S|postgresql(\+\w+)?://).*$"
_EXPECTED: Final = f"`{STORE}` (a file) or `postgresql://USER@HOST/NAME`"


def parse_store(value: object) -> str:
    """The URL of a store that Muster can use. ValueError says what was expected; a URL may hold a password, so it shows
    none.
    """
    if not isinstance(value, str):
        raise ValueError(f"expected {_EXPECTED}, found {shown(value)}")
    if re.match(_STORE, value):
        return value
    kind = value.partition(":")[0]
    meant = nearest(kind, ("sqlite", "postgresql"))
    hint = f". Did you mean `{meant}`?" if meant else ""
    raise ValueError(f"expected {_EXPECTED}, found {f'`{kind}:…`' if kind != value else 'no URL'}{hint}")


Store = Annotated[str, PlainValidator(parse_store), WithJsonSchema({"type": "string", "pattern": _STORE})]


class SafetyFile(FileModel):
    """What a run may do over 24 hours in one system before it stops and asks. What is not said stays as it is."""

    deletes: Whole | None = Field(None, description="Deletes and disables of one system; default 500.")
    percent: Percent | None = Field(None, description="The same as a share of the system's objects; default 10.")
    members: Percent | None = Field(None, description="Members removed from one group, per cent; default 20.")
    updates: Percent | None = Field(None, description="Objects with one attribute changed, per cent; default 30.")


class ProjectFile(FileModel):
    """The project: its name, store, limits, schedule and mail server."""

    project: Text = Field(description="The project's name.")
    store: Store = Field(STORE, description="Where Muster keeps its state: a sqlite or postgresql URL.")
    safety: SafetyFile | None = Field(None, description="Limits of every system; a system file may set its own.")
    schedule: Schedule | None = Field(None, description="How often `muster serve` runs: every 30 minutes.")
    staging: Flag = Field(False, description="true: work everything out, write nothing to any system.")
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="Values that expressions read as %name%.",
        json_schema_extra={"additionalProperties": {"type": ["string", "number", "boolean"]}},
    )
    mail: dict[str, Any] = Field(default_factory=dict, description="The mail server that workflows send through.")
    server: ServerFile = Field(default_factory=ServerFile, description="Where `muster serve` listens.")
    directory: DirectoryFile = Field(default_factory=DirectoryFile, description="The embedded directory.")
