"""Values in the form in which they are compared and found: case, Unicode form and time zone gone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from muster.directory.schema.kinds import ALIAS, EXTENSION, WORDS_OF_DESCRIPTION, WORDS_OF_NAME, Schema
from muster.directory.schema.property import Property, Type

Key: TypeAlias = tuple[int, str]
"""An index and a value in it."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-zà-öø-ÿ]+|\d+|[^\W\d_]+")
_HALF: Final = 1 << 63
_LONGEST_WORD: Final = 64


def fold(text: str) -> str:
    """What two texts that the directory holds to be the same have in common."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def comparable(value: Any, kind: Type) -> str:
    """One value as a text that sorts as the values do."""
    if kind is Type.STRING:
        return fold(value)
    if kind is Type.BOOLEAN:
        return "true" if value else "false"
    if kind is Type.INTEGER:
        return f"{value + _HALF:020d}"
    if kind is Type.INSTANT:
        return sortable_instant(value)
    return fold(value)


def sortable_instant(text: str) -> str:
    """An instant in UTC with all its digits, so that texts sort as instants do."""
    head, _, tail = text.rstrip("Z").partition(".")
    return f"{head}.{tail:0<6}Z"


def words(text: str) -> set[str]:
    """The words that a search finds a text by: split at spaces and signs, at digits, at a change of case."""
    found: set[str] = set()
    for run in re.findall(r"[\w]+", text):
        found.add(fold(run)[:_LONGEST_WORD])
        found.update(fold(word)[:_LONGEST_WORD] for word in _WORD.findall(run))
    return found


def runs(text: str) -> list[str]:
    """What is searched for: words as they were typed, split at spaces and signs."""
    return list(dict.fromkeys(fold(run)[:_LONGEST_WORD] for run in re.findall(r"[\w]+", text)))


def index_keys(schema: Schema, doc: Mapping[str, Any]) -> set[Key]:
    """Every index entry of an object."""
    found: set[Key] = set()
    index_of = schema.index_of
    for name, value in doc.items():
        known = index_of.get(name)
        if known is None or value is None:
            continue
        code, one = known
        if one.folded:
            found.add((code, fold(value)))
            continue
        for item in value if one.many else (value,):
            found.add((code, comparable(item, one.type)))
    if doc.get("displayName"):
        found.update((schema.code(WORDS_OF_NAME), word) for word in words(doc["displayName"]))
    if "description" in schema.properties:
        found.update((schema.code(WORDS_OF_DESCRIPTION), word) for word in words(doc.get("description") or ""))
    if doc.get("mailEnabled"):
        found.add((schema.code(ALIAS), fold(doc["mailNickname"])))
    return found


def sought_values(
    schema: Schema, doc: Mapping[str, Any], extensions: Sequence[Property] = (), *, indexed: bool = True
) -> dict[str, Any]:
    """What filters look at where there is no index: values in comparable form, by property.

    `indexed` False: the object is in no index, so what otherwise has one is here too.
    """
    sought: Mapping[str, Property] = schema.sought_of
    if extensions or not indexed:
        more = () if indexed else (one for _, _, one in schema.indexed)
        sought = {**sought, **{one.name: one for one in (*more, *extensions)}}
    found: dict[str, Any] = {}
    for name, value in doc.items():
        one = sought.get(name)
        if one is None or value is None:
            continue
        if one.folded:
            found[name] = fold(value)
        elif value != []:
            found[name] = [_sought(item, one) for item in value] if one.many else _sought(value, one)
    return found


def _sought(value: Any, one: Property) -> Any:
    if one.type is Type.STRING:
        return fold(value)
    if one.type is not Type.COMPLEX:
        return comparable(value, one.type)
    return {part.name: comparable(value[part.name], part.type) for part in one.parts
            if part.filterable and value.get(part.name) is not None}  # fmt: skip


def is_extension(name: str) -> bool:
    """Whether a name is one of a directory extension."""
    return name.startswith("extension_") and EXTENSION.fullmatch(name) is not None
