"""The audit trail: a chain of hashes over everything that was sent to a system.

One record seals a batch of changes, in the transaction that notes their outcome. A change is sealed whole: what was
done to which object of which identity, by which rule, with what outcome. Its personal part (the values, the
members that came and went, the anchor, the system's words) enters the seal as a hash, which takes its place when it is
erased: the chain still verifies.

The chain shows that nothing in it was altered, left out or put in another order. That nothing was cut off its end, only
somebody who noted its head elsewhere can show.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from muster.store.database import Row, Session

_START: Final = b"\x00" * 32
_ERASED: Final = b"erased:"
_LOCK: Final = 4242
_SEALED: Final = "id, space, mapping, identity, object, action, state, at, payload, anchor, reason"


@dataclass(frozen=True, slots=True)
class Done:
    """A change with what became of it."""

    id: int
    space: int
    mapping: int
    identity: int
    object: int | None
    action: str
    state: int
    payload: bytes
    anchor: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: the number of its last record and that record's hash."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Breach:
    """A record that does not agree with the chain or with its changes."""

    seq: int
    message: str


def record(session: Session, *, at: int, run: int, what: str, changes: Sequence[Done]) -> None:
    """Note the outcome of changes and seal them. A run under a clock that was set says so in the record."""
    if not changes:
        return
    edges = _edges(session, [done.id for done in changes])
    seals = {
        done.id: _seal(
            (done.id, done.space, done.mapping, done.identity, done.object, done.action, done.state, at),
            _personal(done.payload, done.anchor, done.reason, edges.get(done.id)),
        )
        for done in changes
    }
    if session.postgres:
        session.run("SELECT pg_advisory_xact_lock(?)", _LOCK)
    rehearsed = int(session.value("SELECT rehearsed FROM run WHERE id = ?", run) or 0)
    last = head(session)
    seq = last.seq + 1
    body = _body(seals.items())
    mark = _link(last.hash, seq, at, run, rehearsed, what, body)
    session.insert(
        "audit",
        ("seq", "at", "run", "rehearsed", "what", "first", "last", "body", "hash"),
        [(seq, at, run, rehearsed, what, min(seals), max(seals), body, mark)],
    )
    session.update(
        "change",
        ("state", "at", "payload", "anchor", "reason", "seal", "sealed"),
        ("id",),
        [(d.state, at, d.payload, d.anchor, d.reason, seals[d.id], seq, d.id) for d in changes],
    )


def head(session: Session) -> Head:
    """Where the chain ends now. Note it elsewhere and give it to `verify` later."""
    last = session.one("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
    return Head(last[0], bytes(last[1])) if last else Head(0, _START)


def erase(session: Session, changes: Sequence[int]) -> None:
    """Take the personal part out of sealed changes: values, members, anchors and what the system said. For good."""
    rows = [
        row
        for row in session.rows(
            "SELECT id, payload, anchor, reason FROM change WHERE sealed IS NOT NULL AND id IN ?i", list(changes)
        )
        if not is_erased(row[1])
    ]
    numbers = [row[0] for row in rows]
    edges = _edges(session, numbers)
    session.update(
        "change",
        ("payload", "anchor", "reason"),
        ("id",),
        [
            (_ERASED + _personal(bytes(payload), anchor, reason, edges.get(number)), None, None, number)
            for number, payload, anchor, reason in rows
        ],
    )
    session.run("DELETE FROM edge_change WHERE change IN ?i", numbers)


def is_erased(payload: bytes) -> bool:
    """Whether the personal part of this change was taken out."""
    return bytes(payload).startswith(_ERASED)


def verify(session: Session, noted: Head | None = None) -> Iterator[Breach]:
    """Every place at which the chain, or a change it seals, is not what it was when it was written.

    `noted`: the head of the chain at some time before, so that an end that was cut off is found as well.
    """
    before, expected = _START, 1
    columns = "seq, at, run, rehearsed, what, body, hash"
    for seq, at, run, rehearsed, what, body, mark in session.rows(f"SELECT {columns} FROM audit ORDER BY seq"):
        for missing in range(expected, seq):
            yield Breach(missing, f"record {missing} is missing")
        if bytes(mark) != _link(before, seq, at, run, rehearsed, what, bytes(body)):
            yield Breach(seq, f"record {seq} does not follow from the one before it")
        yield from _verify_changes(session, seq, bytes(body))
        if noted is not None and noted.seq == seq and noted.hash != bytes(mark):
            yield Breach(seq, f"record {seq} is not the one that was noted")
        before, expected = bytes(mark), seq + 1
    if noted is not None and noted.seq >= expected:
        yield Breach(expected, f"the chain ends before record {noted.seq}, which was noted")
    for number, sealed in session.rows(
        "SELECT id, sealed FROM change WHERE state > 1 AND (sealed IS NULL OR sealed >= ? OR sealed < 1) ORDER BY id",
        expected,
    ):
        yield Breach(sealed or 0, f"change {number} stands in no record of the chain")


def _verify_changes(session: Session, seq: int, body: bytes) -> Iterator[Breach]:
    rows: list[Row] = session.rows(f"SELECT seal, {_SEALED} FROM change WHERE sealed = ? ORDER BY id", seq)
    if _body((row[1], bytes(row[0] or b"")) for row in rows) != body:
        yield Breach(seq, f"the changes of record {seq} are not those that were sealed")
    edges = _edges(session, [row[1] for row in rows])
    for mark, *row in rows:
        payload, members = bytes(row[8]), edges.get(row[0])
        if is_erased(payload) and members is None:
            personal = payload.removeprefix(_ERASED)
        else:
            personal = _personal(payload, row[9], row[10], members)
        if _seal(row[:8], personal) != bytes(mark or b""):
            yield Breach(seq, f"change {row[0]} of record {seq} was altered")


def _edges(session: Session, changes: Sequence[int]) -> dict[int, bytes]:
    """What the changes did to large references: a hash of the values, for each change with such."""
    found: dict[int, Any] = {}
    for change, *value in session.rows(
        "SELECT change, attribute, text, target, remove FROM edge_change WHERE change IN ?i "
        "ORDER BY change, attribute, text, target",
        list(changes),
    ):
        found.setdefault(change, hashlib.sha256()).update(orjson.dumps(value))
    return {change: total.digest() for change, total in found.items()}


def _personal(payload: bytes, anchor: str | None, reason: str | None, edges: bytes | None) -> bytes:
    return hashlib.sha256(orjson.dumps([anchor, reason]) + (edges or b"") + payload).digest()


def _seal(fields: Sequence[Any], personal: bytes) -> bytes:
    return hashlib.sha256(orjson.dumps(list(fields)) + personal).digest()


def _body(seals: Iterable[tuple[int, bytes]]) -> bytes:
    return hashlib.sha256(b"".join(number.to_bytes(8, "big") + mark for number, mark in sorted(seals))).digest()


def _link(before: bytes, seq: int, at: int, run: int, rehearsed: int, what: str, body: bytes) -> bytes:
    return hashlib.sha256(before + orjson.dumps([seq, at, run, rehearsed, what]) + body).digest()
