"""What a system file says of an application with a REST API."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field, field_validator, model_validator

from muster.connectors.kit.contract import Settings
from muster.connectors.kit.login import Login
from muster.connectors.kit.switch import Switch
from muster.connectors.rest.picks import pick
from muster.connectors.rest.requests import ListRequest, Request, holes_of
from muster.model.values import Type


class Meaning(StrEnum):
    """What an answer means for the object it is about."""

    DONE = "done"
    EXISTS = "exists"
    GONE = "gone"
    CONFLICT = "conflict"
    REFUSE = "refuse"
    RETRY = "retry"


class Rule(Settings):
    """What some answers mean."""

    status: int | list[int] | None = Field(None, description="The status, or one of several; without it, any.")
    when: str | None = Field(
        None, description="A path into the answer's body (JMESPath or JSONPath); the rule holds where it is true."
    )
    to: str | list[str] | None = Field(
        None, description="Only for these requests: read, get, create, update, delete, add, remove, …"
    )
    means: Meaning = Field(description="done, exists, gone, conflict, refuse or retry.")

    @field_validator("when")
    @classmethod
    def _a_path(cls, text: str | None) -> str | None:
        if text is not None:
            pick(text)
        return text


class RestSettings(Settings):
    """The application, and who Muster is to it."""

    tuning: ClassVar = frozenset({"timeout", "whole", "largest", "rate", "errors", "message"})

    url: str = Field(description="The base URL, below which all paths are: https://app.example/api/v1.")
    login: Login | None = Field(None, description="Who Muster is to the application; without it, nobody.")
    headers: dict[str, str] = Field(default_factory=dict, description="Headers of every request; no secrets here.")
    ca: Path | None = Field(None, description="PEM file of the authorities to trust; default: those of the machine.")
    timeout: float = Field(30.0, gt=0, description="Seconds without a byte after which the application counts as gone.")
    whole: float = Field(120.0, gt=0, description="Seconds within which one answer must be there to its end.")
    largest: int = Field(67_108_864, ge=1024, description="Bytes of one answer, unpacked; more is not read.")
    rate: float | None = Field(None, gt=0, description="Requests a second, at most. A 429 is obeyed in any case.")
    errors: list[Rule] = Field(
        default_factory=list, description="What answers mean, the first that fits; the usual meanings come after."
    )
    message: str | None = Field(None, description="A path to the words of an error in its body, as error.message.")

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")) or "?" in url or "#" in url:
            raise ValueError("expected https://host/path")
        return url.rstrip("/")

    @field_validator("message")
    @classmethod
    def _a_path(cls, text: str | None) -> str | None:
        if text is not None:
            pick(text)
        return text


def _one_kind(given: Type | list[Type]) -> Type | list[Type]:
    if isinstance(given, list) and len(given) != 1:
        raise ValueError(f"a list names one type, such as [text]; found {len(given)}")
    return given


Kind = Annotated[Type | list[Type], AfterValidator(_one_kind)]


class Writable(StrEnum):
    """When an attribute may be written."""

    ALWAYS = "always"
    CREATE = "create"
    NEVER = "never"


class RestAttribute(Settings):
    """One attribute of an object."""

    at: str | None = Field(
        None,
        description="Where it is in a record: names with dots between (profile.email), or any path (JMESPath or "
        "JSONPath), which can be read only; default: its own name.",
    )
    type: Kind = Field(Type.TEXT, description="Its type; in brackets, as [text], where it has many values.")
    required: bool = Field(False, description="Whether a create needs it.")
    exact: bool = Field(True, description="Whether the application tells upper from lower case.")
    writable: Writable = Field(Writable.ALWAYS, description="always, create (only with the object) or never.")

    @field_validator("at")
    @classmethod
    def _a_path(cls, text: str | None) -> str | None:
        if text is not None:
            pick(text)
        return text


class Members(Settings):
    """A large list of references, such as the members of a group, that has requests of its own."""

    read: ListRequest | None = Field(None, description="Lists the values of one object; default: they are in it.")
    value: str = Field("id", description="Where the value is in each thing that `read` lists; @: it is the thing.")
    add: Request | None = Field(None, description="Adds {value}, or some {values} at once.")
    remove: Request | None = Field(None, description="Removes {value}, or some {values} at once.")
    size: int = Field(100, ge=1, le=10_000, description="So many {values} in one request.")


class Nulls(StrEnum):
    """How a value is cleared."""

    NULL = "null"
    EMPTY = "empty"
    OMIT = "omit"


class Sends(StrEnum):
    """What an update sends."""

    CHANGED = "changed"
    WHOLE = "whole"


_ALL: Final = frozenset({"*", "anchor", "key", "password", "must_change"})
_EDGE: Final = frozenset({"anchor", "value", "values", "key"})


class DeclaredObject(Settings):
    """What a declared object type is, whatever the requests that reach it."""

    anchor: str = Field("id", description="The attribute that names an object for ever.")
    assigned: bool = Field(True, description="Whether the application gives the anchor itself.")
    name: str | None = Field(None, description="The attribute by which references name an object, if not the anchor.")
    attributes: dict[str, Kind | RestAttribute] = Field(
        description="The attributes, each with its type (login: text) or with more (login: {at: profile.login})."
    )
    enabled: Switch | None = Field(None, description="The attribute that says whether an account is switched on.")
    unique: list[str] = Field(
        default_factory=list,
        description="Attributes by which an object is found again when nobody knows whether a create was done.",
    )


class RestObject(DeclaredObject):
    """One object type: its attributes, and a request for each thing that can be done."""

    read: ListRequest = Field(description="Lists all objects.")
    get: Request | None = Field(None, description="Gives one object; without it, the list is read.")
    find: dict[str, ListRequest] = Field(
        default_factory=dict, description="For some attributes, the request that lists the objects with {value}."
    )
    create: Request | None = Field(None, description="Creates an object.")
    update: Request | None = Field(None, description="Changes an object.")
    delete: Request | None = Field(None, description="Deletes an object.")
    enable: Request | None = Field(None, description="Switches an account on, where that has a request of its own.")
    disable: Request | None = Field(None, description="Switches an account off.")
    password: Request | None = Field(None, description="Sets {password}.")
    members: dict[str, Members] = Field(default_factory=dict, description="Large lists of references, by attribute.")
    sends: Sends = Field(
        Sends.CHANGED, description="changed: an update sends what changed; whole: the record as read, with it."
    )
    nulls: Nulls = Field(Nulls.NULL, description="How an update clears a value: null, empty text, or without its key.")

    @model_validator(mode="after")
    def _fits_together(self) -> RestObject:
        known = set(self.attributes) | set(self.members)
        named = [
            ("anchor", self.anchor),
            *(("unique", one) for one in self.unique),
            *(("find", one) for one in self.find),
        ]
        named += [("name", self.name)] if self.name else []
        named += [("enabled", self.enabled.column)] if self.enabled else []
        for key, name in named:
            if name not in self.attributes:
                raise ValueError(f"`{key}` names {name!r}, which is not among `attributes`")
        if self.create is not None and self.assigned and not self.unique:
            raise ValueError(
                "`create` needs `unique`: an attribute by which an object is found again when its create was not "
                "answered"
            )
        if (self.enable is None) != (self.disable is None):
            raise ValueError("give `enable` and `disable`, or neither")
        if self.enable is not None and self.enabled is None:
            raise ValueError("`enable` and `disable` need `enabled`, which says where the state is read")
        checked: list[tuple[str, Request | None, frozenset[str] | set[str]]] = [
            *((name, getattr(self, name), _ALL | known) for name in _OPERATIONS),
            ("read", self.read, set()),
            *((f"find.{name}", one, {"value"}) for name, one in self.find.items()),
            *((f"members.{name}.read", one.read, {"anchor"}) for name, one in self.members.items()),
            *((f"members.{name}.add", one.add, _EDGE) for name, one in self.members.items()),
            *((f"members.{name}.remove", one.remove, _EDGE) for name, one in self.members.items()),
        ]
        for where, request, allowed in checked:
            for hole in holes_of(request) if request is not None else ():
                if hole not in allowed:
                    raise ValueError(f"`{where}`: {{{hole}}} is nothing that is known there")
        return self


_OPERATIONS: Final = ("get", "create", "update", "delete", "enable", "disable", "password")
