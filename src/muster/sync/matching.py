"""Part of step two: changed objects through scope, join keys and join."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from muster.expressions import Context
from muster.model.values import Document
from muster.store.codec import decode
from muster.store.database import CHUNK, Database, Session
from muster.sync.clock import moment
from muster.sync.edges import forget_origin, object_appeared, release_targets, stream_joined
from muster.sync.joining import Claim, choose_mapping, in_scope, object_keys, settle
from muster.sync.marks import AWAITING, CLAIMING, RETURNED, changed_objects
from muster.sync.rules import CompiledMapping, Rules
from muster.sync.values import PartialDocument, due_of


@dataclass(slots=True)
class _Batch:
    """What one batch of changed objects does to the store."""

    updates: list[tuple[Any, ...]] = field(default_factory=list)
    keys: list[tuple[int, str, int]] = field(default_factory=list)
    rekeyed: list[int] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    left: list[tuple[int, int, str, str | None]] = field(default_factory=list)
    cases: list[tuple[Any, ...]] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    loose: list[tuple[int, CompiledMapping, list[tuple[int, str]], int | None]] = field(default_factory=list)
    returned: dict[int, int] = field(default_factory=dict)
    dropped: list[int] = field(default_factory=list)


class Matching:
    """Takes every changed object as far as a join, a case, or the queue of those to be projected."""

    def __init__(self, rules: Rules, database: Database, now: int, unknown: dict[int, frozenset[str]]) -> None:
        self.rules = rules
        self.database = database
        self.now = now
        self.unknown = unknown
        self.context = Context(now=moment(now))
        self.join_sigs = sorted({join.sig for m in rules.mappings.values() for join in m.joins})

    def work(self) -> bool:
        """Settle all changed objects; whether there were any."""
        claims: list[Claim] = []
        any_changed = False
        while True:
            with self.database.read() as session:
                rows = changed_objects(
                    session, "id, space, anchor, doc, mapping, identity, gone, dirty, ref, made", CHUNK
                )
            if not rows:
                break
            any_changed = True
            claims.extend(self._batch(rows))
        if claims:
            self._settle(claims)
        return any_changed

    def _batch(self, rows: Sequence[tuple[Any, ...]]) -> list[Claim]:
        batch = _Batch()
        for row in rows:
            self._object(batch, row)
        with self.database.write() as session:
            claims, awaiting = self._match(session, batch)
            self._write(session, batch, claims, awaiting)
        return claims

    def _object(self, batch: _Batch, row: tuple[Any, ...]) -> None:
        number, space, anchor, data, mapping_id, identity, gone, dirty, ref, _made = row
        if gone:
            batch.closed.append(number)
            batch.rekeyed.append(number)
            if identity is None:
                batch.dropped.append(number)
                return
            batch.touched.add(identity)
            batch.left.append((number, space, anchor, ref))
            batch.updates.append((mapping_id, identity, 0, None, number))
            return
        mappings = self.rules.by_space.get(space)
        if mappings is None:
            batch.updates.append((mapping_id, identity, 0, None, number))
            return
        document: Document = decode(data)
        missing = self.unknown.get(space)
        if missing:
            document = PartialDocument(document, missing)
        self.context.reset()
        if identity is not None:
            if dirty == RETURNED:
                batch.returned[number] = identity
            else:
                mapping = self.rules.mappings.get(mapping_id)
                if mapping is None:
                    batch.updates.append((mapping_id, identity, 0, None, number))
                    return
                choice = choose_mapping((mapping,), document, self.context)
                if choice.mappings or not choice.known or not mapping.source:
                    batch.touched.add(identity)
                    batch.closed.append(number)
                    batch.rekeyed.append(number)
                    batch.keys.extend((s, k, number) for s, k in object_keys(mapping, document, self.context))
                    batch.updates.append((mapping_id, identity, 0, due_of(self.context, self.now), number))
                    return
                batch.touched.add(identity)
                batch.left.append((number, space, anchor, ref))
        self._loose(batch, number, mappings, document)

    def _loose(self, batch: _Batch, number: int, mappings: Sequence[CompiledMapping], document: Document) -> None:
        """An object that is joined to nobody."""
        choice = choose_mapping(mappings, document, self.context)
        due = due_of(self.context, self.now)
        batch.rekeyed.append(number)
        if len(choice.mappings) != 1:
            if len(choice.mappings) > 1:
                names = ", ".join(str(m.rules.place.file) for m in choice.mappings)
                message = f"is in the scope of more than one mapping: {names}. Narrow their scopes until one remains"
                batch.cases.append((number, "scope", choice.mappings[0].id, b"[]", message, self.now))
            else:
                batch.closed.append(number)
            batch.updates.append((None, None, 0, due, number))
            return
        mapping = choice.mappings[0]
        keys = object_keys(mapping, document, self.context)
        batch.keys.extend((sig, key, number) for sig, key in keys)
        batch.loose.append((number, mapping, keys, due))

    def _match(
        self, session: Session, batch: _Batch
    ) -> tuple[list[Claim], list[tuple[int, CompiledMapping, int | None]]]:
        """The claims of the loose objects of a batch; the others wait to be projected or stay unmanaged."""
        by_sig: dict[int, set[str]] = {}
        for _, _, keys, _ in batch.loose:
            for sig, key in keys:
                by_sig.setdefault(sig, set()).add(key)
        found: dict[tuple[int, str], list[int]] = {}
        for sig, texts in sorted(by_sig.items()):
            for key, identity in session.rows(
                "SELECT key, identity FROM identity_key WHERE sig = ? AND key IN ?t", sig, sorted(texts)
            ):
                found.setdefault((sig, key), []).append(identity)
        decisions = self._decisions(session, [number for number, _, _, _ in batch.loose])
        claims: list[Claim] = []
        rest: list[tuple[int, CompiledMapping, int | None]] = []
        for number, mapping, keys, due in batch.loose:
            identities: tuple[int, ...] = ()
            decided = decisions.get(number, {})
            if number in batch.returned:
                identities = (batch.returned[number],)
            elif "join" in decided:
                identities = tuple(decided["join"])
            elif "new" not in decided:
                refused = decided.get("refuse", ())
                for pair in keys:
                    matches = tuple(sorted(i for i in set(found.get(pair, ())) if i not in refused))
                    if matches:
                        identities = matches
                        break
            if identities:
                claims.append(Claim(number, mapping, identities))
            else:
                rest.append((number, mapping, due))
        return claims, rest

    def _decisions(self, session: Session, numbers: list[int]) -> dict[int, dict[str, list[int]]]:
        decided: dict[int, dict[str, list[int]]] = {}
        for number, kind, identity in session.rows(
            "SELECT object, kind, identity FROM decision WHERE object IN ?i ORDER BY id", numbers
        ):
            decided.setdefault(number, {}).setdefault(kind, []).append(identity)
        return decided

    def _write(
        self,
        session: Session,
        batch: _Batch,
        claims: Sequence[Claim],
        rest: Sequence[tuple[int, CompiledMapping, int | None]],
    ) -> None:
        self._rekey(session, batch)
        close_cases(session, [*batch.closed, *(number for number, _, _ in rest)])
        open_cases(session, batch.cases)
        release_targets(session, self.rules, batch.left)
        forget_origin(session, self.rules, [number for number, _, _, _ in batch.left])
        session.delete("object", ("id",), [(number,) for number in batch.dropped])
        updates = batch.updates
        updates.extend((claim.mapping.id, None, CLAIMING, None, claim.object) for claim in claims)
        alike: dict[tuple[int, int, int | None], list[int]] = {}
        for number, mapping, due in rest:
            alike.setdefault((mapping.id, AWAITING if mapping.rules.project else 0, due), []).append(number)
        for (mapping_id, dirty, due), numbers in alike.items():
            session.run(
                "UPDATE object SET mapping = ?, identity = NULL, dirty = ?, due = ? WHERE id IN ?i",
                mapping_id,
                dirty,
                due,
                numbers,
            )
        session.update("object", ("mapping", "identity", "dirty", "due"), ("id",), updates)
        mark_identities(session, batch.touched)

    def _rekey(self, session: Session, batch: _Batch) -> None:
        if not self.join_sigs:
            return
        session.run("DELETE FROM object_key WHERE object IN ?i AND sig IN ?i", batch.rekeyed, self.join_sigs)
        session.upsert("object_key", ("sig", "key", "object"), ("sig", "key", "object"), batch.keys)

    def _settle(self, claims: Sequence[Claim]) -> None:
        identities = sorted({i for claim in claims for i in claim.identities})
        with self.database.write() as session:
            taken: set[tuple[int, int]] = set()
            for start in range(0, len(identities), CHUNK):
                taken.update(
                    session.rows(
                        "SELECT identity, mapping FROM object WHERE identity IN ?i AND gone = 0",
                        identities[start : start + CHUNK],
                    )
                )
            result = settle(claims, taken)
            join_objects(session, self.rules, result.joins)
            cases = [self._case(session, claim, kind) for claim, kind in result.cases]
            open_cases(session, cases)
            session.update("object", ("dirty",), ("id",), [(0, claim.object) for claim, _ in result.cases])
            close_cases(session, [number for number, _, _ in result.joins])

    def _case(self, session: Session, claim: Claim, kind: str) -> tuple[Any, ...]:
        uids = [row[0] for row in session.rows("SELECT uid FROM identity WHERE id IN ?i", list(claim.identities))]
        people = ", ".join(sorted(uids))
        message = {
            "ambiguous": f"matches {len(claim.identities)} identities ({people}); which one is it?",
            "taken": f"matches {people}, who already has an object through mapping {claim.mapping.name}",
            "rivals": f"matches {people}, and so does another object of mapping {claim.mapping.name}",
        }[kind]
        return (claim.object, kind, claim.mapping.id, orjson.dumps(list(claim.identities)), message, self.now)


def join_objects(session: Session, rules: Rules, joins: Sequence[tuple[int, CompiledMapping, int]]) -> None:
    """Tie objects to identities; whatever waited for these objects goes on."""
    session.update(
        "object",
        ("identity", "mapping", "dirty"),
        ("id",),
        [(identity, mapping.id, 0, number) for number, mapping, identity in joins],
    )
    mark_identities(session, {identity for _, _, identity in joins})
    object_appeared(session, rules, [number for number, _, _ in joins], [identity for _, _, identity in joins])
    stream_joined(session, rules, joins)


def mark_identities(session: Session, numbers: Iterable[int]) -> None:
    """The identities' values and objects are to be worked out again."""
    session.update("identity", ("dirty",), ("id",), [(3, number) for number in sorted(numbers)])


def open_cases(session: Session, cases: Sequence[tuple[Any, ...]]) -> None:
    """Remember cases for a person: (object, kind, mapping, identities as JSON, message, at)."""
    if not cases:
        return
    session.upsert("cases", ("object", "kind", "mapping", "identities", "message", "at"), ("object",), cases, ("at",))
    session.run("DELETE FROM case_identity WHERE object IN ?i", [case[0] for case in cases])
    rows = [(identity, case[2], case[0]) for case in cases for identity in orjson.loads(case[3])]
    key = ("identity", "mapping", "object")
    session.upsert("case_identity", key, key, rows)
    mark_outbound(session, {row[0] for row in rows})


def close_cases(session: Session, numbers: Sequence[int]) -> None:
    """The cause of these objects' cases has gone."""
    if not numbers or session.one("SELECT object FROM cases LIMIT 1") is None:
        return
    freed = {row[0] for row in session.rows("SELECT identity FROM case_identity WHERE object IN ?i", list(numbers))}
    session.run("DELETE FROM cases WHERE object IN ?i", list(numbers))
    session.run("DELETE FROM case_identity WHERE object IN ?i", list(numbers))
    mark_outbound(session, freed)


def mark_outbound(session: Session, numbers: Iterable[int]) -> None:
    """What the identities should have in the systems is to be worked out again."""
    wanted = sorted(numbers)
    if wanted:
        session.run("UPDATE identity SET dirty = dirty | 2 WHERE id IN ?i", wanted)


__all__ = ["Matching", "close_cases", "in_scope", "join_objects", "mark_identities", "mark_outbound", "open_cases"]
