"""`systems/*.yaml`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from muster.project.files.base import Duration, FileModel, Flag, Percent, Text, Whole
from muster.project.files.gateway import GatewayFile
from muster.project.files.project import SafetyFile

Group = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]


class QuarantineFile(FileModel):
    """When a system's errors put it in quarantine."""

    percent: Percent = Field(40, description="More than this share of the changes fails.")
    minimum: Whole = Field(50, description="… from this many changes on.")
    failures: Whole = Field(40_000, description="… or this many changes fail, whatever share that is.")
    altogether: Whole = Field(60_000, description="… or this many, with those that only write references.")


class ReadFile(FileModel):
    """How often a system is read."""

    changes: Duration | None = Field(None, description="Ask for changes: 5 minutes.")
    all: Duration | None = Field(None, description="Read everything: 24 hours.")


class SystemFile(FileModel):
    """One connected system. Its name is the file's name."""

    connector: Text = Field(description="The connector that speaks to it.")
    settings: dict[str, Any] | None = Field(None, description="What the connector needs to reach it.")
    objects: dict[str, dict[str, Any] | None] = Field(description="The object types that take part, by your names.")
    safety: SafetyFile | None = Field(None, description="Limits of this system, where they differ from muster.yaml.")
    quarantine: QuarantineFile | None = Field(None, description="When errors put the system in quarantine.")
    read: ReadFile | None = Field(None, description="How often it is read, where that differs from the schedule.")
    agents: Group | None = Field(None, description="The group of agents that run the connector, beside the system.")
    gateway: GatewayFile | None = Field(None, description="Shows the system as a SCIM 2.0 service to others.")
    staging: Flag = Field(False, description="true: work changes out, write none to this system.")
