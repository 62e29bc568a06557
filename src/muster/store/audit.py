"""The audit trail: a chain of hashes over everything that was sent to a system, and over what people decided.

One record seals a batch of changes, in the transaction that notes their outcome. A change is sealed whole: what was
done to which object of which identity, by which rule, with what outcome. Its personal part (the values, the
members that came and went, the anchor, the system's words) enters the seal as a hash, which takes its place when it is
erased: the chain still verifies. A decision about a join, a job, a system or a mapping, or about which of two servers
writes, is sealed by a record of its own, with who decided, and when.

The chain shows that nothing in it was altered, left out or put in another order. That nothing was cut off its end, only
somebody who noted its head elsewhere can show.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from muster.store.database import Row, Session, chunks

EXPORT: Final = "export"
"""`what` of a record begins so, where the run itself wrote the changes (the system follows)."""
RECOVER: Final = "recover"
"""… where it found out what had become of those that an earlier run sent."""

_START: Final = b"\x00" * 32
_ERASED: Final = b"erased:"
_LOCK: Final = 4242
_PAGE: Final = 2_000
_TOGETHER: Final = 100
"""So many values of large references are read at a time, and of so many changes that have fewer."""
_DECIDED: Final = ("id", "kind", "made_by", "at", "object", "identity", "other")
_SEALED: Final = "c.id, c.space, c.mapping, c.identity, c.object, c.action, c.state, c.at, p.doc, c.anchor, c.reason"


class Done(NamedTuple):
    """A change with what became of it. `payload`: as it stands in the store."""

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
class Decision:
    """What a person decided: about which object, for which identity (`other`: into which it was merged), or, without
    these, about what the payload names: the server, a system, a mapping.

    `payload` is what is personal: the names of these, and why.
    """

    kind: str
    by: str
    object: int | None
    identity: int | None
    other: int | None
    payload: bytes


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


def record(
    session: Session,
    *,
    at: int,
    run: int,
    what: str,
    changes: Sequence[Done],
    edges: Mapping[int, bytes] | None = None,
) -> None:
    """Note the outcome of changes and seal them. A run under a clock that was set says so in the record.

    `edges`: their `edge_seals`, where these are known already.
    """
    if not changes:
        return
    if edges is None:
        edges = edge_seals(session, [done.id for done in changes])
    seals = {
        done.id: _seal(
            (done.id, done.space, done.mapping, done.identity, done.object, done.action, done.state, at),
            _personal(done.payload, done.anchor, done.reason, edges.get(done.id)),
        )
        for done in changes
    }
    rehearsed = int(session.value("SELECT rehearsed FROM run WHERE id = ?", run) or 0)
    seq = _append(session, at, run, rehearsed, what, seals)
    session.update(
        "change",
        ("state", "at", "anchor", "reason", "seal", "sealed"),
        ("id",),
        [(d.state, at, d.anchor, d.reason, seals[d.id], seq, d.id) for d in changes],
    )


def record_decisions(
    session: Session, decisions: Sequence[Decision], *, at: int, rehearsed: bool, about: str = "joins"
) -> None:
    """Keep what a person decided, for good, and seal it. `rehearsed`: under a clock that was set."""
    if not decisions:
        return
    first = session.reserve("decided", len(decisions))
    rows = [
        (first + n, one.kind, one.by, at, one.object, one.identity, one.other, one.payload)
        for n, one in enumerate(decisions)
    ]
    seals = {row[0]: _seal(row[:7], hashlib.sha256(row[7]).digest()) for row in rows}
    seq = _append(session, at, 0, int(rehearsed), f"{about} {decisions[0].kind}".lstrip(), seals)
    session.insert(
        "decided",
        (*_DECIDED, "payload", "seal", "sealed"),
        [(*row, seals[row[0]], seq) for row in rows],
    )


def _append(session: Session, at: int, run: int, rehearsed: int, what: str, seals: Mapping[int, bytes]) -> int:
    """Put a record at the end of the chain; its number."""
    if session.postgres:
        session.run("SELECT pg_advisory_xact_lock(?)", _LOCK)
    last = head(session)
    seq = last.seq + 1
    body = _body(seals.items())
    mark = _link(last.hash, seq, at, run, rehearsed, what, body)
    session.insert(
        "audit",
        ("seq", "at", "run", "rehearsed", "what", "first", "last", "body", "hash"),
        [(seq, at, run, rehearsed, what, min(seals), max(seals), body, mark)],
    )
    return seq


def head(session: Session) -> Head:
    """Where the chain ends now. Note it elsewhere and give it to `verify` later."""
    last = session.one("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
    return Head(last[0], bytes(last[1])) if last else Head(0, _START)


def erase(session: Session, changes: Sequence[int]) -> None:
    """Take the personal part out of sealed changes: values, members, anchors and what the system said. For good."""
    rows = [
        row
        for row in session.rows(
            "SELECT c.id, p.doc, c.anchor, c.reason FROM change c JOIN payload p ON p.change = c.id "
            "WHERE c.sealed IS NOT NULL AND c.id IN ?i",
            list(changes),
        )
        if not is_erased(row[1])
    ]
    numbers = [row[0] for row in rows]
    edges = edge_seals(session, numbers)
    session.update(
        "payload",
        ("doc",),
        ("change",),
        [
            (_ERASED + _personal(bytes(payload), anchor, reason, edges.get(number)), number)
            for number, payload, anchor, reason in rows
        ],
    )
    session.run("UPDATE change SET anchor = NULL, reason = NULL WHERE id IN ?i", numbers)
    session.run("DELETE FROM edge_change WHERE change IN ?i", numbers)


def erase_decisions(session: Session, decisions: Sequence[int]) -> None:
    """Take the personal part out of decisions: the names, and why. For good."""
    rows = session.rows("SELECT id, payload FROM decided WHERE id IN ?i", list(decisions))
    session.update(
        "decided",
        ("payload",),
        ("id",),
        [
            (_ERASED + hashlib.sha256(bytes(payload)).digest(), number)
            for number, payload in rows
            if not is_erased(payload)
        ],
    )


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
        yield from _verify_sealed(session, seq, bytes(body))
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
    for number, sealed in session.rows(
        "SELECT id, sealed FROM decided WHERE sealed >= ? OR sealed < 1 ORDER BY id", expected
    ):
        yield Breach(sealed, f"decision {number} stands in no record of the chain")


def _verify_sealed(session: Session, seq: int, body: bytes) -> Iterator[Breach]:
    """What one record seals: changes, or else decisions."""
    rows: list[Row] = session.rows(
        f"SELECT c.seal, {_SEALED} FROM change c LEFT JOIN payload p ON p.change = c.id "
        "WHERE c.sealed = ? ORDER BY c.id",
        seq,
    )
    decisions = session.rows(
        f"SELECT seal, payload, {', '.join(_DECIDED)} FROM decided WHERE sealed = ? ORDER BY id", seq
    )
    marks = [(row[1], bytes(row[0] or b"")) for row in rows] + [(row[2], bytes(row[0])) for row in decisions]
    if _body(marks) != body:
        yield Breach(
            seq, f"the {'decisions' if decisions else 'changes'} of record {seq} are not those that were sealed"
        )
    for mark, data, *fields in decisions:
        payload = bytes(data)
        personal = payload.removeprefix(_ERASED) if is_erased(payload) else hashlib.sha256(payload).digest()
        if _seal(fields, personal) != bytes(mark):
            yield Breach(seq, f"decision {fields[0]} of record {seq} was altered")
    edges = edge_seals(session, [row[1] for row in rows])
    for mark, *row in rows:
        payload, members = bytes(row[8] or b""), edges.get(row[0])
        if is_erased(payload) and members is None:
            personal = payload.removeprefix(_ERASED)
        else:
            personal = _personal(payload, row[9], row[10], members)
        if _seal(row[:8], personal) != bytes(mark or b""):
            yield Breach(seq, f"change {row[0]} of record {seq} was altered")


def edge_seals(session: Session, changes: Sequence[int]) -> dict[int, bytes]:
    """What the changes did to large references: a hash of the values, for each change with such. Read page by page."""
    found: dict[int, Any] = {}
    counts = session.rows(
        "SELECT change, COUNT(*) FROM edge_change WHERE change IN ?i GROUP BY change ORDER BY change", list(changes)
    )
    for change, values in _small(session, [change for change, count in counts if count <= _PAGE]):
        found.setdefault(change, hashlib.sha256()).update(values)
    for change in [change for change, count in counts if count > _PAGE]:
        total = found[change] = hashlib.sha256()
        place: Row = (0, "", -1)
        while rows := session.rows(
            "SELECT attribute, text, target, remove FROM edge_change WHERE change = ? "
            "AND (attribute, text, target) > (?, ?, ?) ORDER BY attribute, text, target LIMIT ?",
            change,
            *place,
            _PAGE,
        ):
            place = rows[-1][:3]
            total.update(b"".join(map(orjson.dumps, rows)))
    return {change: total.digest() for change, total in found.items()}


def _small(session: Session, changes: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The values of changes that have few, in order."""
    for batch in chunks(changes, _TOGETHER):
        for change, *value in session.rows(
            "SELECT change, attribute, text, target, remove FROM edge_change WHERE change IN ?i "
            "ORDER BY change, attribute, text, target",
            batch,
        ):
            yield change, orjson.dumps(value)


def _personal(payload: bytes, anchor: str | None, reason: str | None, edges: bytes | None) -> bytes:
    return hashlib.sha256(orjson.dumps([anchor, reason]) + (edges or b"") + payload).digest()


def _seal(fields: Sequence[Any], personal: bytes) -> bytes:
    return hashlib.sha256(orjson.dumps(list(fields)) + personal).digest()


def _body(seals: Iterable[tuple[int, bytes]]) -> bytes:
    return hashlib.sha256(b"".join(number.to_bytes(8, "big") + mark for number, mark in sorted(seals))).digest()


def _link(before: bytes, seq: int, at: int, run: int, rehearsed: int, what: str, body: bytes) -> bytes:
    return hashlib.sha256(before + orjson.dumps([seq, at, run, rehearsed, what]) + body).digest()
