"""Part of step two: changed objects through scope, join keys and join."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.expressions import Context
from muster.model.values import Document
from muster.store.codec import decode
from muster.store.database import CHUNK, Database, Session
from muster.sync.clock import moment
from muster.sync.identities.partial import PartialDocument, Unread
from muster.sync.identities.values import MADE, due_of
from muster.sync.joins.cases import (
    UNDECIDED,
    Case,
    Place,
    any_case,
    called,
    close_cases,
    open_cases,
    standing_against,
    wake_cases,
)
from muster.sync.joins.decisions import Decisions, load_decisions, remember_parting
from muster.sync.joins.joining import (
    Choice,
    Claim,
    Keys,
    choose_mapping,
    matching_identities,
    object_keys,
    settle,
    spoken_against,
)
from muster.sync.marks import AWAITING, CLAIMING, RETURNED, changed_objects
from muster.sync.names.reserving import make_shown_firm
from muster.sync.narrow import Narrow
from muster.sync.references.edge_marks import dirty_names
from muster.sync.references.edge_streams import forget_origin, stream_joined
from muster.sync.references.edges import object_appeared, release_targets
from muster.sync.references.naming import wake_referrers
from muster.sync.rules.ruleset import CompiledMapping, Rules, identity_keys
from muster.sync.showing import forget_objects

_NAMED: Final = 3
"""Other objects that the message of a case names."""


@dataclass(slots=True)
class _Evaluated:
    """An object whose mapping and keys are known. `identity`: whom it is joined to, or was before it went."""

    object: int
    mapping: CompiledMapping
    keys: Keys
    due: int | None
    made: int
    identity: int | None = None


@dataclass(slots=True)
class _Batch:
    """What one batch of changed objects does to the store."""

    updates: list[tuple[Any, ...]] = field(default_factory=list)
    keys: list[tuple[int, str, int]] = field(default_factory=list)
    rekeyed: list[int] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    left: list[tuple[int, int, str, str | None]] = field(default_factory=list)
    places: set[tuple[int, int]] = field(default_factory=set)
    cases: list[Case] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    loose: list[_Evaluated] = field(default_factory=list)
    parted: list[tuple[int, int]] = field(default_factory=list)
    """Objects that left scope, and whose they were."""
    returned: list[_Evaluated] = field(default_factory=list)
    joined: list[_Evaluated] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)


class Matching:
    """Takes every changed object as far as a join, a case, or the queue of those to be projected."""

    def __init__(
        self, rules: Rules, database: Database, now: int, unknown: Unread, narrow: Narrow | None = None
    ) -> None:
        self.rules = rules
        self.narrow = narrow
        self.database = database
        self.now = now
        self.unknown = unknown
        self.context = Context(now=moment(now))
        self.join_sigs = sorted({join.sig for m in rules.mappings.values() for join in m.joins})

    def work(self) -> bool:
        """Settle all changed objects; whether there were any."""
        claims: dict[int, Claim] = {}
        woken: set[int] = set()
        any_changed = False
        while True:
            with self.database.read() as session:
                columns = "id, space, anchor, doc, mapping, identity, gone, dirty, ref, made"
                rows = changed_objects(session, columns, CHUNK, self.narrow.objects if self.narrow else None)
            if rows:
                any_changed = True
                for row in rows:
                    claims.pop(row[0], None)
                claims.update((claim.object, claim) for claim in self._batch(rows))
            elif not claims or not self._wake_rivals(claims, woken):
                break
        if claims:
            self._settle([claims[number] for number in sorted(claims)])
        return any_changed

    def _wake_rivals(self, claims: Mapping[int, Claim], woken: set[int]) -> bool:
        """Objects in cases over a place that is claimed now are looked at, once, together with the new claims."""
        places = {claim.place for claim in claims.values() if len(claim.identities) == 1}
        with self.database.write() as session:
            found = wake_cases(session, places, claims.keys() | woken)
        woken |= found
        return bool(found)

    def _batch(self, rows: Sequence[tuple[Any, ...]]) -> list[Claim]:
        batch = _Batch()
        for row in rows:
            self._object(batch, row)
        with self.database.write() as session:
            claims, waiting = self._match(session, batch)
            self._write(session, batch, claims, waiting)
        return claims

    def _object(self, batch: _Batch, row: tuple[Any, ...]) -> None:
        number, space, anchor, data, mapping_id, identity, gone, dirty, ref, made = row
        if gone:
            batch.closed.append(number)
            batch.rekeyed.append(number)
            if identity is None:
                batch.dropped.append(number)
                return
            batch.touched.add(identity)
            batch.left.append((number, space, anchor, ref))
            batch.places.add((identity, mapping_id))
            batch.updates.append((mapping_id, identity, 0, None, number))
            return
        mappings = self.rules.by_space.get(space)
        if mappings is None:
            batch.updates.append((mapping_id, identity, 0, None, number))
            return
        document: Document = decode(data)
        missing = self.unknown.of(space, number)
        if missing:
            document = PartialDocument(document, missing)
        self.context.reset()
        if identity is not None and dirty != RETURNED:
            mapping = self.rules.mappings.get(mapping_id)
            if mapping is None:
                batch.updates.append((mapping_id, identity, 0, None, number))
                return
            choice = choose_mapping((mapping,), document, self.context)
            batch.touched.add(identity)
            if choice.mappings or not choice.known or not mapping.source:
                self._joined(batch, _Evaluated(number, mapping, Keys(), None, made, identity), choice, document)
                return
            batch.left.append((number, space, anchor, ref))
            batch.places.add((identity, mapping_id))
            batch.parted.append((number, identity))
            identity = None
        self._loose(batch, number, mappings, document, made, identity)

    def _joined(self, batch: _Batch, item: _Evaluated, choice: Choice, document: Document) -> None:
        """An object that stays joined to whom it is joined to."""
        batch.rekeyed.append(item.object)
        item.keys = object_keys(item.mapping, document, self.context)
        item.due = due_of(self.context, self.now)
        batch.keys.extend((sig, key, item.object) for sig, key in item.keys.found)
        batch.updates.append((item.mapping.id, item.identity, 0, item.due, item.object))
        if choice.fault is not None:
            batch.cases.append(self._fault(item.object, item.mapping, choice.fault, "it stays joined"))
        else:
            batch.joined.append(item)

    def _loose(
        self,
        batch: _Batch,
        number: int,
        mappings: Sequence[CompiledMapping],
        document: Document,
        made: int,
        returning: int | None,
    ) -> None:
        """An object that is joined to nobody; `returning`: to whom it was joined before it went."""
        choice = choose_mapping(mappings, document, self.context)
        batch.rekeyed.append(number)
        if len(choice.mappings) != 1:
            if returning is not None:
                batch.parted.append((number, returning))
            if choice.fault is not None:
                batch.cases.append(self._fault(number, mappings[0], choice.fault, "it waits"))
            elif len(choice.mappings) > 1:
                names = ", ".join(m.rules.place.file for m in choice.mappings)
                message = f"is in the scope of more than one mapping: {names}. Narrow their scopes until one remains"
                batch.cases.append(Case(number, "scope", choice.mappings[0].id, (), message, self.now))
            else:
                batch.closed.append(number)
            batch.updates.append((None, None, 0, due_of(self.context, self.now), number))
            return
        mapping = choice.mappings[0]
        keys = object_keys(mapping, document, self.context)
        due = due_of(self.context, self.now)
        batch.keys.extend((sig, key, number) for sig, key in keys.found)
        item = _Evaluated(number, mapping, keys, due, made, returning)
        (batch.loose if returning is None else batch.returned).append(item)

    def _fault(self, number: int, mapping: CompiledMapping, fault: str, then: str) -> Case:
        return Case(number, "fault", mapping.id, (), f"cannot be judged, so {then}: {fault}", self.now)

    # --- whom the objects of a batch match

    def _match(self, session: Session, batch: _Batch) -> tuple[list[Claim], list[_Evaluated]]:
        """The claims of the loose objects of a batch; the others wait to be projected or stay unmanaged."""
        projecting = [item for item in batch.joined if item.mapping.rules.project and item.keys.found]
        found = self._identities(session, [*batch.loose, *projecting])
        decisions = load_decisions(session, [item.object for item in (*batch.loose, *batch.joined, *batch.returned)])
        claims = [
            Claim(item.object, item.mapping, (item.identity or 0,), item.due)
            for item in batch.returned
            if item.identity is not None
        ]
        rest: list[_Evaluated] = []
        opposed = self._opposed(session, batch.loose, found)
        for item in batch.loose:
            decided = decisions.joins.get(item.object)
            if decided is not None and decided[1] == item.mapping.rules.identity:
                claims.append(Claim(item.object, item.mapping, (decided[0],), item.due, decided=True))
                continue
            identities: tuple[int, ...] = ()
            if item.object not in decisions.alone:
                refused = {*decisions.refused.get(item.object, ()), *opposed.get(item.object, ())}
                identities = matching_identities(item.keys, found, refused)
            if identities:
                claims.append(Claim(item.object, item.mapping, identities, item.due))
            elif item.keys.doubtful:
                self._doubt(batch, item)
            else:
                rest.append(item)
        self._doubles(session, batch, projecting, found, decisions)
        return claims, rest

    def _opposed(
        self, session: Session, items: Sequence[_Evaluated], found: Mapping[tuple[int, str], Sequence[int]]
    ) -> dict[int, set[int]]:
        """Whom objects match by a name alone that Muster gives out, while a join line before it speaks against it."""
        doubtful = [item for item in items if len(item.keys.found) > 1 and any(j.given for j in item.mapping.joins)]
        matched = {number for item in doubtful for pair in item.keys.found for number in found.get(pair, ())}
        keys = {
            number: identity_keys(self.rules.types[kind], decode(data))
            for number, kind, data in (
                session.rows("SELECT id, type, doc FROM identity WHERE id IN ?i", sorted(matched)) if matched else ()
            )
        }
        opposed: dict[int, set[int]] = {}
        for item in doubtful:
            for number in {number for pair in item.keys.found for number in found.get(pair, ())}:
                if spoken_against(item.mapping, item.keys.found, keys[number]):
                    opposed.setdefault(item.object, set()).add(number)
        return opposed

    def _doubt(self, batch: _Batch, item: _Evaluated) -> None:
        """A join line that cannot be worked out: the object waits."""
        if item.keys.fault is not None:
            batch.cases.append(self._fault(item.object, item.mapping, item.keys.fault, "it waits"))
        else:
            batch.closed.append(item.object)
        batch.updates.append((item.mapping.id, None, 0, item.due, item.object))

    def _doubles(
        self,
        session: Session,
        batch: _Batch,
        projecting: Sequence[_Evaluated],
        found: Mapping[tuple[int, str], Sequence[int]],
        decisions: Decisions,
    ) -> None:
        """Objects of sources that match another identity than their own: both sides were projected, and are one."""
        doubles: dict[int, tuple[_Evaluated, list[int]]] = {}
        for item in projecting:
            if item.object in decisions.alone:
                continue
            matches = matching_identities(item.keys, found, decisions.refused.get(item.object, ()))
            others = [number for number in matches if number != item.identity]
            if others:
                doubles[item.object] = (item, others)
        involved = {n for item, others in doubles.values() for n in (item.identity or 0, *others)}
        apart = decisions.apart(session, involved)
        for number, (item, others) in doubles.items():
            own = item.identity or 0
            matches = tuple(other for other in others if (own, other) not in apart)
            if matches:
                people = (own, *matches)
                message = f"belongs to {called(session, [own])}, and matches {called(session, matches)} too"
                batch.cases.append(Case(number, "double", item.mapping.id, people, message, self.now))
        held = {case.object for case in batch.cases}
        for item in batch.joined:
            if item.object in held:
                continue
            if item.keys.fault is not None:
                batch.cases.append(self._fault(item.object, item.mapping, item.keys.fault, "it stays joined"))
            else:
                batch.closed.append(item.object)

    def _identities(self, session: Session, items: Sequence[_Evaluated]) -> dict[tuple[int, str], list[int]]:
        """The identities that bear the join keys of these objects."""
        by_sig: dict[int, set[str]] = {}
        for item in items:
            for sig, key in item.keys.found:
                by_sig.setdefault(sig, set()).add(key)
        found: dict[tuple[int, str], list[int]] = {}
        for sig, texts in sorted(by_sig.items()):
            for key, identity in session.rows(
                "SELECT key, identity FROM identity_key WHERE sig = ? AND key IN ?t", sig, sorted(texts)
            ):
                found.setdefault((sig, key), []).append(identity)
        return found

    # --- what a batch writes

    def _write(self, session: Session, batch: _Batch, claims: Sequence[Claim], rest: Sequence[_Evaluated]) -> None:
        self._rekey(session, batch)
        open_cases(session, batch.cases)
        closing = [*batch.closed, *(item.object for item in rest)]
        self._look_again(session, closing)
        close_cases(session, closing)
        wake_cases(session, batch.places, [row[0] for row in batch.left])
        release_targets(session, self.rules, batch.left)
        forget_origin(session, self.rules, [number for number, _, _, _ in batch.left])
        for system in sorted({self.rules.system_of(space) for _, space, _, _ in batch.left}):
            left = [ref or anchor for _, space, anchor, ref in batch.left if self.rules.system_of(space) == system]
            dirty_names(session, self.rules, system, left)
        wake_referrers(session, self.rules, {who for who, mapping in batch.places if self.rules.bears_names(mapping)})
        remember_parting(session, batch.parted, self.now)
        self._drop(session, batch.dropped)
        updates = batch.updates
        updates.extend((claim.mapping.id, None, CLAIMING, claim.due, claim.object) for claim in claims)
        for item in rest:
            waits = item.mapping.rules.project and item.made != MADE
            updates.append((item.mapping.id, None, AWAITING if waits else 0, item.due, item.object))
        session.assign("object", ("mapping", "identity", "dirty", "due"), updates)
        mark_identities(session, batch.touched)

    def _look_again(self, session: Session, numbers: Sequence[int]) -> None:
        """Large references that show the names of these objects kept them while it was not decided whose they are."""
        if not numbers or not any_case(session):
            return
        names: dict[str, list[str]] = {}
        for space, name in session.rows(
            "SELECT o.space, COALESCE(o.ref, o.anchor) FROM cases c CROSS JOIN object o "
            f"WHERE c.object IN ?i AND o.id = c.object AND {UNDECIDED}",
            list(numbers),
        ):
            names.setdefault(self.rules.system_of(space), []).append(name)
        for system, those in sorted(names.items()):
            dirty_names(session, self.rules, system, those)

    def _drop(self, session: Session, numbers: Sequence[int]) -> None:
        """Forget objects that are gone and were joined to nobody; one that a person decided about may come back."""
        if not numbers:
            return
        decided = {row[0] for row in session.rows("SELECT object FROM decision WHERE object IN ?i", list(numbers))}
        session.update("object", ("dirty",), ("id",), [(0, number) for number in sorted(decided)])
        forget_objects(session, [number for number in numbers if number not in decided])

    def _rekey(self, session: Session, batch: _Batch) -> None:
        if not self.join_sigs:
            return
        session.run("DELETE FROM object_key WHERE object IN ?i AND sig IN ?i", batch.rekeyed, self.join_sigs)
        session.upsert("object_key", ("sig", "key", "object"), ("sig", "key", "object"), batch.keys)

    # --- claims

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
            join_objects(session, self.rules, [(c.object, c.mapping, c.identities[0]) for c in result.joins])
            against = standing_against(session, [(claim.object, claim.place, kind) for claim, kind in result.cases])
            self._look_again(session, [claim.object for claim, _ in result.cases])
            open_cases(session, [self._case(session, claim, kind, against) for claim, kind in result.cases])
            session.update("object", ("dirty",), ("id",), [(0, claim.object) for claim, _ in result.cases])
            close_cases(session, [claim.object for claim in result.joins])

    def _case(self, session: Session, claim: Claim, kind: str, against: Mapping[Place, Mapping[int, str]]) -> Case:
        people = called(session, claim.identities)
        others = sorted(name for number, name in against.get(claim.place, {}).items() if number != claim.object)
        named = f"{', '.join(others[:_NAMED])}{', …' if len(others) > _NAMED else ''} (mapping {claim.mapping.name})"
        message = {
            "several": f"matches {len(claim.identities)} identities: {people}",
            "taken": f"matches {people}, who already has {named}",
            "rivals": f"matches {people}, and so does {named}",
        }[kind]
        return Case(claim.object, kind, claim.mapping.id, claim.identities, message, self.now)


def join_objects(session: Session, rules: Rules, joins: Sequence[tuple[int, CompiledMapping, int]]) -> None:
    """Tie objects to identities; whatever waited for these objects goes on."""
    session.update(
        "object",
        ("identity", "mapping", "dirty"),
        ("id",),
        [(identity, mapping.id, 0, number) for number, mapping, identity in joins],
    )
    make_shown_firm(session, rules, [number for number, _, _ in joins])
    mark_identities(session, {identity for _, _, identity in joins})
    object_appeared(session, rules, [number for number, _, _ in joins], [identity for _, _, identity in joins])
    stream_joined(session, rules, joins)


def mark_identities(session: Session, numbers: Iterable[int]) -> None:
    """The identities' values and objects are to be worked out again."""
    session.update("identity", ("dirty",), ("id",), [(3, number) for number in sorted(numbers)])
