"""One change of one object in one system, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from muster.model.secrets import Secret
from muster.model.values import Document, Scalar


class Action(StrEnum):
    """What a change does. DISABLE is an update that switches an account off; people count it apart."""

    CREATE = "create"
    UPDATE = "update"
    DISABLE = "disable"
    DELETE = "delete"


@dataclass(slots=True)
class EdgeChange:
    """Some values to add to and remove from one large many-valued reference."""

    attribute: str
    add: list[str]
    remove: list[str]


@dataclass(slots=True)
class Change:
    """Everything that one write does to one object.

    `key` is the same each time this change is sent (an idempotency key). `anchor` is None only for a create whose
    system assigns it. `values` replaces attributes (NULL clears); a new name (`dn`) among them moves or renames the
    object. `add` and `remove` are value-level. `edges` is read once, in chunks. `expected` are values the object must
    still show, else the outcome is CONFLICT. `restores`: the deleted object that a create brings back instead of making
    another; it is found anew or has gone for ever (then the outcome is RETRY).
    """

    key: int
    type: str
    action: Action
    anchor: str | None
    values: Document = field(default_factory=dict)
    add: dict[str, list[Scalar]] = field(default_factory=dict)
    remove: dict[str, list[Scalar]] = field(default_factory=dict)
    edges: Iterator[EdgeChange] | None = None
    expected: Document = field(default_factory=dict)
    password: Secret | None = None
    restores: str | None = None


class Result(StrEnum):
    """How a change ended.

    EXISTS: a create found the object there. GONE: an update or delete found none. CONFLICT: `expected` no longer
    holds. REJECTED: the system will not have it as it is. RETRY: worth another try later.
    """

    DONE = "done"
    EXISTS = "exists"
    GONE = "gone"
    CONFLICT = "conflict"
    REJECTED = "rejected"
    RETRY = "retry"


@dataclass(slots=True)
class Outcome:
    """What the system answered to one change. `values`: what it computed itself. `after`: seconds until a retry.

    `written`: what a change that was REJECTED did all the same (it switched an account off); only the guard says so.
    `secret`: what it made and tells this once (a temporary access pass), to be handed on and never stored.
    """

    key: int
    result: Result
    anchor: str | None = None
    values: Document = field(default_factory=dict)
    reason: str = ""
    after: float | None = None
    secret: Secret | None = None
    written: Document = field(default_factory=dict)
