"""`roles/*.yaml`: the general shape; what a grant may be is said where roles are worked out."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from muster.project.files.base import ExpressionText, FileModel, Text


class RoleFile(FileModel):
    """One business role."""

    role: Text = Field(description="The role's name.")
    description: Text | None = Field(None, description="What it is for.")
    owner: Text | None = Field(None, description="Who answers for it: a mail address.")
    when: ExpressionText | None = Field(None, description="Persons for whom this is true have the role.")
    grants: list[dict[str, Any]] = Field(default_factory=list, description="What the role gives.")
    excludes: list[Text] = Field(default_factory=list, description="Roles that nobody may have beside this one.")
