"""Directory extensions: attributes that an application adds to users, groups and devices, by names of its own."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from muster.directory.applications import Application
from muster.directory.errors import Invalid, no_such
from muster.directory.schema.kinds import BY_NAME, Kind
from muster.directory.schema.property import Type
from muster.directory.work import Work
from muster.store.database import Row

_TYPES: Final = {
    "String": Type.STRING,
    "Boolean": Type.BOOLEAN,
    "DateTime": Type.INSTANT,
    "Integer": Type.INTEGER,
    "LargeInteger": Type.INTEGER,
    "Binary": Type.BINARY,
}
_NAMES: Final = {
    Type.STRING: "String",
    Type.BOOLEAN: "Boolean",
    Type.INSTANT: "DateTime",
    Type.INTEGER: "LargeInteger",
    Type.BINARY: "Binary",
}
_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,120}")
_COLUMNS: Final = "name, id, application, type, many, targets"


@dataclass(frozen=True, slots=True)
class Extension:
    """One attribute; `name` is the whole of it, `extension_…_skypeId`."""

    name: str
    id: str
    application: str
    type: Type
    many: bool
    targets: tuple[Kind, ...]

    @property
    def data_type(self) -> str:
        """The type as Graph calls it."""
        return _NAMES[self.type]

    @property
    def target_objects(self) -> list[str]:
        """The kinds as Graph calls them."""
        return [kind.name.capitalize() for kind in self.targets]


def register(work: Work, application: Application, body: Mapping[str, Any]) -> Extension:
    """A new attribute. Raises `Invalid`."""
    name = body.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Invalid("Invalid value specified for property 'name': letters, digits and _ are allowed.", "name")
    kind = _TYPES.get(str(body.get("dataType")))
    if kind is None:
        raise Invalid(
            f"Invalid value specified for property 'dataType'. Possible values: {', '.join(_TYPES)}.", "dataType"
        )
    targets = body.get("targetObjects")
    known = {one.kind.name.capitalize(): one.kind for one in BY_NAME.values() if one.kind is not Kind.CONTACT}
    if not isinstance(targets, list) or not targets or any(one not in known for one in targets):
        raise Invalid(
            f"Invalid value specified for property 'targetObjects'. Possible values: {', '.join(known)}.",
            "targetObjects",
        )
    full = f"extension_{application.id.replace('-', '')}_{name}"
    if work.session.one("SELECT 1 FROM dir_extension WHERE name = ?", full):
        raise Invalid(f"An extension property exists with the name {full}.", "name")
    many = body.get("isMultiValued") is True
    made = Extension(full, str(uuid.uuid4()), application.id, kind, many, tuple(known[one] for one in targets))
    work.session.run(
        f"INSERT INTO dir_extension ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
        *(full, made.id, application.id, kind.value, int(many)),
        orjson.dumps([int(one) for one in made.targets]).decode(),
    )
    work.forget_extensions()
    return made


def extensions(work: Work, application: Application | None = None) -> list[Extension]:
    """The attributes of an application, or of all, by name."""
    rows = work.session.rows(f"SELECT {_COLUMNS} FROM dir_extension ORDER BY name")
    found = [_extension(row) for row in rows]
    return [one for one in found if application is None or one.application == application.id]


def find_extension(work: Work, application: Application, number: str) -> Extension:
    """One attribute of an application by its id. Raises `NotFound`."""
    found = next((one for one in extensions(work, application) if one.id == number.lower()), None)
    if found is None:
        raise no_such(number)
    return found


def unregister(work: Work, extension: Extension) -> None:
    """The attribute is gone; values that objects still have of it are shown no more."""
    work.session.run("DELETE FROM dir_extension WHERE name = ?", extension.name)
    work.forget_extensions()


def _extension(row: Row) -> Extension:
    name, number, application, kind, many, targets = row
    return Extension(
        name, number, application, Type(kind), bool(many), tuple(Kind(one) for one in orjson.loads(targets))
    )
