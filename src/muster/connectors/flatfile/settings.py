"""What a system file says of a flat file."""

from __future__ import annotations

import codecs
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from muster.connectors.kit.contract import Settings
from muster.connectors.kit.switch import Switch
from muster.model.values import Attribute, Type


class Format(StrEnum):
    """The formats of a file."""

    CSV = "csv"
    TSV = "tsv"
    JSON_LINES = "jsonl"
    FIXED = "fixed"
    LDIF = "ldif"


SUFFIXES: Final = {
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
    ".tab": Format.TSV,
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".ldif": Format.LDIF,
}


def _known_encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise ValueError(f"there is no encoding {name!r}; usual are utf-8, latin-1, cp1252, utf-16") from None


def _one_character(text: str) -> str:
    if len(text) != 1 or text in "\r\n":
        raise ValueError(f"expected one character, found {text!r}")
    return text


def _one_kind(given: Type | list[Type]) -> Type | list[Type]:
    if isinstance(given, list) and len(given) != 1:
        raise ValueError(f"a list names one type, such as [text]; found {len(given)}")
    return given


Character = Annotated[str, AfterValidator(_one_character)]
ColumnType = Annotated[Type | list[Type], AfterValidator(_one_kind)]


class FlatFileSettings(Settings):
    """The file and its format, for all object types that do not name a file of their own."""

    path: str | None = Field(None, description="The file, relative to the project folder.")
    format: Format | None = Field(
        None, description="csv, tsv, jsonl, fixed or ldif; by default what the file's suffix says."
    )
    encoding: Annotated[str, AfterValidator(_known_encoding)] = Field(
        "utf-8", description="The file's encoding; a byte order mark of UTF-8 is accepted and kept."
    )
    delimiter: Character | None = Field(None, description="What stands between two cells; a comma, in TSV a tab.")
    quote: Character = Field('"', description="What stands around a cell that holds a delimiter or a line break.")
    header: bool = Field(True, description="Whether the first line of a CSV or TSV file names the columns.")
    columns: dict[str, int] | list[str] | None = Field(
        None,
        description="Fixed width: the width of each column in order. Otherwise the names of the columns in order, "
        "for a file without a heading and for a file that is yet to be made.",
    )
    list_separator: str = Field("|", min_length=1, description="What stands between the values of one cell.")
    create: bool = Field(
        False, description="Whether a file that does not exist reads as an empty one, to be made by the first write."
    )

    def files(self) -> tuple[str, ...]:
        """The file."""
        return () if self.path is None else (self.path,)


class FlatFileObject(Settings):
    """One object type: which lines, and what their columns are."""

    anchor: str = Field(description="The column that names an object for ever.")
    path: str | None = Field(None, description="A file of its own, relative to the project folder.")
    format: Format | None = Field(None, description="The format of that file, where its suffix does not say it.")
    columns: dict[str, ColumnType] = Field(
        default_factory=dict,
        description="The type of each column that is not text: integer, decimal, boolean, date, datetime, binary, "
        "reference; in brackets, as [text], when a cell holds several values.",
    )
    enabled: Switch | None = Field(None, description="The column that says whether an account is switched on.")
    where: dict[str, str | list[str]] = Field(
        default_factory=dict, description="Only lines whose columns have these values are objects of this type."
    )

    def files(self) -> tuple[str, ...]:
        """The file."""
        return () if self.path is None else (self.path,)

    @model_validator(mode="after")
    def _anchor_is_single(self) -> FlatFileObject:
        if isinstance(self.columns.get(self.anchor), list):
            raise ValueError(f"the anchor {self.anchor!r} cannot hold several values")
        return self

    def attribute(self, name: str) -> Attribute | None:
        """What the settings say of a column; None when they say nothing."""
        if name == self.anchor:
            kind = self.columns.get(name, Type.TEXT)
            return Attribute(name, kind if isinstance(kind, Type) else kind[0], required=True, writable="create")
        declared = self.columns.get(name)
        if declared is None:
            return None
        return Attribute(name, declared[0], many=True) if isinstance(declared, list) else Attribute(name, declared)

    @property
    def used(self) -> list[str]:
        """The columns that the settings name, the anchor first."""
        switch = [self.enabled.column] if self.enabled else []
        return list(dict.fromkeys([self.anchor, *self.columns, *switch, *self.where]))
