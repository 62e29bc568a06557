"""The audit trail: a chain of hashes over everything that was written to a system.

One record seals a batch. It holds the hash of every change of the batch, not the changes themselves: those stand in
`change`, and may be erased (personal data) without breaking the chain. Each record's hash covers the record before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from muster.store.database import Session

_START: Final = b"\x00" * 32


def seal(payload: bytes, outcome: str) -> bytes:
    """The hash of one change with what became of it."""
    return hashlib.sha256(payload + b"\x00" + outcome.encode()).digest()


def append(session: Session, *, at: int, run: int, what: str, changes: Sequence[tuple[int, bytes]]) -> int:
    """Seal a batch of changes (id, hash of each) in the chain, in the transaction that records their outcome.

    The number of the record; the caller notes it as `sealed` with each change.
    """
    ordered = sorted(changes)
    body = hashlib.sha256(b"".join(number.to_bytes(8, "big") + mark for number, mark in ordered)).digest()
    if session.postgres:
        session.run("SELECT pg_advisory_xact_lock(4242)")
    last = session.one("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
    seq, before = (last[0] + 1, bytes(last[1])) if last else (1, _START)
    session.insert(
        "audit",
        ("seq", "at", "run", "what", "first", "last", "body", "hash"),
        [(seq, at, run, what, ordered[0][0], ordered[-1][0], body, _link(before, seq, at, run, what, body))],
    )
    return int(seq)


def _link(before: bytes, seq: int, at: int, run: int, what: str, body: bytes) -> bytes:
    return hashlib.sha256(before + orjson.dumps([seq, at, run, what]) + body).digest()


@dataclass(frozen=True, slots=True)
class Breach:
    """A record that does not agree with the chain or with its changes."""

    seq: int
    message: str


def verify(session: Session) -> Iterator[Breach]:
    """Every place at which the chain, or a change it seals, is not what it was when it was written."""
    before = _START
    expected = 1
    for seq, at, run, what, body, mark in session.rows("SELECT seq, at, run, what, body, hash FROM audit ORDER BY seq"):
        if seq != expected:
            yield Breach(seq, f"record {expected} is missing")
            expected = seq
        if bytes(mark) != _link(before, seq, at, run, what, bytes(body)):
            yield Breach(seq, f"record {seq} does not follow from the one before it")
        yield from _verify_changes(session, seq, bytes(body))
        before = bytes(mark)
        expected += 1


def _verify_changes(session: Session, seq: int, body: bytes) -> Iterator[Breach]:
    rows: list[tuple[Any, ...]] = session.rows(
        "SELECT id, seal, payload, state, reason FROM change WHERE sealed = ? ORDER BY id", seq
    )
    found = hashlib.sha256(b"".join(row[0].to_bytes(8, "big") + bytes(row[1]) for row in rows)).digest()
    if found != body:
        yield Breach(seq, f"the changes of record {seq} are not those that were sealed")
    for number, mark, payload, state, reason in rows:
        if payload and seal(bytes(payload), f"{state} {reason or ''}") != bytes(mark):
            yield Breach(seq, f"change {number} of record {seq} was altered")
