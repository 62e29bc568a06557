"""The section `gateway:` of `systems/*.yaml`: how a system is shown as a SCIM 2.0 service."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from muster.project.files.base import ExpressionText, FileModel, Text

ResourceName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]
Urn = Annotated[str, StringConstraints(pattern=r"^urn:[A-Za-z0-9][A-Za-z0-9._:-]+$")]


class ResourceFile(FileModel):
    """One SCIM resource type, and the object type of the system that it shows."""

    object: Text | None = Field(None, description="The object type of this system; guessed from its name.")
    endpoint: ResourceName | None = Field(None, description="Where it is served, below the base path: Users.")
    schema_: Urn | None = Field(None, alias="schema", description="Its schema, for a type that is not User or Group.")
    attributes: dict[str, Text] | None = Field(
        None, description='SCIM attribute: attribute of the system. `emails[type eq "work"].value: mail`.'
    )
    values: dict[str, ExpressionText] = Field(
        default_factory=dict,
        description="Attribute of the system: expression over its other attributes, for what SCIM does not carry.",
    )
    prefix: str | None = Field(
        None, description="What comes before the system's own ids, so that no two resources have one id."
    )
    members: Text | None = Field(None, description="The resource type that members are: User, unless it is said.")


class GatewayFile(FileModel):
    """The system as a SCIM service. `{}`: everything is guessed from the names."""

    mode: Literal["live", "buffered"] = Field(
        "live", description="live: asks the system each time. buffered: answers with what was read last."
    )
    resources: dict[ResourceName, ResourceFile | None] = Field(
        default_factory=dict, description="The resource types: User, Group, or of your own."
    )
