"""What a system file says of this connector. Editors and error messages show the description of each field."""

from __future__ import annotations

from pydantic import Field, field_validator

from muster.connectors.kit.contract import Settings
from muster.model.schema import ENABLED, ObjectSchema
from muster.model.values import Attribute, Type


class CardboxSettings(Settings):
    """The folder with the documents."""

    path: str = Field(description="The folder, relative to the project folder; it has one folder for each object type.")

    def files(self) -> tuple[str, ...]:
        """What these settings show and write of the machine."""
        return (self.path,)


class CardboxObject(Settings):
    """One object type: which folder, and what its documents hold."""

    folder: str | None = Field(None, description="The folder below `path`; by default, named as the object type.")
    anchor: str = Field("id", description="The name under which mappings read the file's name, without .json.")
    attributes: dict[str, Type | list[Type]] = Field(
        description="The keys of a document with their types: text, integer, decimal, boolean, date, datetime, binary, "
        "reference; in brackets, as [text], for a list of them. Other keys are left as they are."
    )

    @field_validator("attributes")
    @classmethod
    def _one_type_a_list(cls, given: dict[str, Type | list[Type]]) -> dict[str, Type | list[Type]]:
        for name, kind in given.items():
            if isinstance(kind, list) and len(kind) != 1:
                raise ValueError(f"{name}: a list names one type, such as [text]; found {len(kind)}")
        return given

    def described(self, kind: str) -> ObjectSchema:
        """What objects of this type can hold: the anchor, what is declared, and the switch that every account has."""
        found = {self.anchor: Attribute(self.anchor, required=True, writable="create")}
        for name, given in self.attributes.items():
            if name not in (self.anchor, ENABLED):
                many = isinstance(given, list)
                found[name] = Attribute(name, given[0] if isinstance(given, list) else given, many=many)
        return ObjectSchema(kind, self.anchor, found, can_enable=True)
