"""What a connector is. See docs/explanation/connectors.md for the promises in prose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, Self, runtime_checkable

from pydantic import BaseModel, ConfigDict

from muster.model.changes import Change, Outcome
from muster.model.objects import ConnectorObject, EdgePage, Page
from muster.model.schema import SystemSchema
from muster.model.secrets import Secret
from muster.model.values import Value


class Settings(BaseModel):
    """Base of every settings model: unknown keys are errors, each field has a help line (`description`).

    `tuning`: fields that say nothing of where a secret goes, by which way, or who is believed there. An agent binds its
    secrets to all the others, so a field that is in doubt does not belong here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    tuning: ClassVar[frozenset[str]] = frozenset()

    def unencrypted(self) -> tuple[str, ...]:
        """The addresses to which these settings send a secret in the clear; by default, those of ldap: and http:."""
        return tuple(_plain(self.model_dump()))

    def programs(self) -> tuple[str, ...]:
        """What these settings have run on the machine of the connector."""
        return ()

    def files(self) -> tuple[str, ...]:
        """The files of the machine of the connector whose content these settings show or write."""
        return ()


def _plain(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if value.lower().startswith(("http://", "ldap://")):
            yield value
    elif isinstance(value, Mapping):
        yield from (found for one in value.values() for found in _plain(one))
    elif isinstance(value, list | tuple):
        yield from (found for one in value for found in _plain(one))


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a connector can do, readable without I/O.

    `reads_changes`: `read` takes a watermark. `by_content`: a watermark is what the content was; one from before a
    write would call a system unchanged that lost the write (a file put back from a backup), so a write makes it void.
    `concurrent`: several sessions may write at once. `actions`: what `act` can do, by name.
    """

    reads: bool = True
    reads_changes: bool = False
    by_content: bool = False
    writes: bool = True
    finds: bool = False
    sets_passwords: bool = False
    concurrent: bool = False
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectorSpec:
    """A connector's name, its two settings models (the system's, and one an object type) and its capabilities."""

    name: str
    settings: type[Settings]
    object_settings: type[Settings]
    capabilities: Capabilities
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """What `check` found: whether the system can be used, one line of what answered, and what is missing."""

    ok: bool
    message: str
    missing: Sequence[str] = field(default_factory=tuple)


class Connector(Protocol):
    """One session with one connected system. Used by one thread. Keeps nothing between sessions, never retries."""

    spec: ClassVar[ConnectorSpec]

    def __init__(self, system: str, settings: Settings, objects: Mapping[str, Settings], folder: Path) -> None:
        """Validate and keep the settings; connect nothing. Relative paths are relative to `folder`."""

    def __enter__(self) -> Self:
        """Connect. Raises `Unreachable` or `AuthFailed`."""

    def __exit__(self, *exc: object) -> None:
        """Disconnect; never raises."""

    def check(self) -> Health:
        """Credentials and rights, with what is missing."""

    def schema(self) -> SystemSchema:
        """The object types of the project's system file with their attributes, as the system itself declares them.

        Its `identities` say what the system is, where it has something that no other has, of that name or address.
        """

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        """Read the attributes `wanted` by object type.

        `since=None` reads everything. The last page carries one opaque watermark, taken BEFORE the first page was
        read, and `complete_for`. With `since`: everything that changed after it, at least once, deletions as
        tombstones (where the system cannot tell those, the last page says `blind`); raises `WatermarkExpired` when that
        cannot be told. Two objects never have the same type and anchor: where the system shows such, each is a
        `ReadProblem`. A read that does not reach its end raises.
        """

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """Write the changes; one outcome each, in any order, none left out. A bad object never raises.

        Replaying a change is harmless: EXISTS and GONE are answers. Raises only what ends the session.
        """


@runtime_checkable
class FindsObjects(Protocol):
    """A connector that can look one object up."""

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        """The object with that anchor, whole, or None."""

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        """The objects whose attributes all equal the given values, under the system's own rules of equality."""


@runtime_checkable
class FindsMany(FindsObjects, Protocol):
    """A connector that can look many objects up at once."""

    def find_any(self, object_type: str, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The objects whose attribute equals one of the values, each once, as `find` would tell it of each value."""


@runtime_checkable
class Restores(Protocol):
    """A connector that can bring back what was deleted: creates say which object (`Change.restores`)."""

    def find_deleted(self, object_type: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The deleted objects that have one of these values in the attribute that the schema calls `restored_by`.

        Of several with one value, only the one that was deleted last.
        """


@runtime_checkable
class ReadsReferences(FindsObjects, Protocol):
    """A connector that can read a large reference of one object, and no other object for it."""

    def references(self, object_type: str, anchor: str, attribute: str) -> Iterator[EdgePage]:
        """Every value, in pages of which the last says so; no page where there is no such object."""


@runtime_checkable
class SetsPasswords(Protocol):
    """A connector that can set a password."""

    def set_password(self, object_type: str, anchor: str, password: Secret, must_change: bool) -> Outcome:
        """Set it; REJECTED carries the system's policy in words, never the password."""


@runtime_checkable
class Acts(Protocol):
    """A connector that can do more with an object than write it."""

    def act(self, object_type: str, anchor: str, action: str, parameters: Mapping[str, Value], key: str) -> Outcome:
        """Do one of the actions that its capabilities name; REJECTED for any other.

        `key` is the same each time this is asked for: what was done with it already is not done twice, or is harmless.
        What the system made that nobody else may know is in the outcome's `secret`.
        """
