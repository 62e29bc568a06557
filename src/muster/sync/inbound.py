"""Step two: connector space → metaverse.

Joins come before projections, and both before anything is computed from them, so that the result does not depend on
the order in which systems were read: settle all joins, recompute the identities they touched, let new join keys wake
objects that waited for them; when nothing moves any more, project the objects of the best precedence, and begin again;
give out unique values last.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from xxhash import xxh3_64_hexdigest

from muster.model.values import Document
from muster.store.codec import decode, encode
from muster.store.database import Database, Session, chunks
from muster.store.pacing import Pace
from muster.sync.identities.partial import Unread
from muster.sync.identities.paths import wake_lacking, wake_readers
from muster.sync.identities.recomputing import Identity, Recomputing, Worked
from muster.sync.identities.values import Joined, Values
from muster.sync.joins.cases import wake_cases
from muster.sync.joins.matching import Matching
from muster.sync.marks import (
    AWAITING,
    CHANGED,
    CLAIMING,
    IN,
    NEEDS_UNIQUE,
    OUT,
    RETURNED,
    TROUBLE,
    any_object,
    changed_objects,
    marked_identities,
)
from muster.sync.names.asking import Asking
from muster.sync.names.reserving import Reservations
from muster.sync.narrow import Narrow
from muster.sync.problems import Report
from muster.sync.queue.queued import drop_changes, planned_changes
from muster.sync.references.edge_streams import Streams, forget_origin, stream_joined
from muster.sync.references.edges import release_identities, resolve_by_key, resolve_by_object, store_references
from muster.sync.references.key_owners import KEY, add_keys, end_since, next_since
from muster.sync.rules.ruleset import CompiledMapping, CompiledType, Rules, identity_keys
from muster.sync.showing import forget_objects

_COLUMNS: Final = "id, uid, type, doc, origin, kept, dirty, due_in"


class Inbound:
    """Brings the metaverse up to date with the connector space."""

    def __init__(
        self,
        rules: Rules,
        database: Database,
        report: Report,
        now: int,
        unknown: Unread,
        asking: Asking,
        narrow: Narrow | None = None,
    ) -> None:
        self.asking = asking
        self.narrow = narrow
        self.rules = rules
        self.database = database
        self.report = report
        self.now = now
        self.unknown = unknown
        self.recomputing = Recomputing(rules, report, now, unknown)
        self.matching = Matching(rules, database, now, unknown, narrow)
        self.classes = _classes(rules)
        self.small_references = sorted(
            {f.attribute_id for m in rules.mappings.values() for f in m.inbound if f.how and f.streamed is None}
        )
        self.counts = {"objects": 0, "identities": 0, "projected": 0}
        self.recomputed, self.projected = Pace(), Pace()
        self.since = 0

    def work(self) -> dict[str, int]:
        """Settle everything that is dirty, or of that what the work is narrowed to; how much there was."""
        if self.narrow is None:
            self._wake()
        with self.database.read() as session:
            self.since = next_since(session)
        while True:
            self.matching.work()
            if self.narrow is None:
                Streams(self.rules, self.database).stream()
            else:
                with self.database.read() as session:
                    self.narrow.follow(session)
            if self._recompute_dirty(IN):
                continue
            if self._any_changed_object():
                continue
            if self._project():
                continue
            if self._ask():
                continue
            if self._recompute_dirty(NEEDS_UNIQUE):
                continue
            break
        with self.database.write() as session:
            end_since(session)
        return self.counts

    def _wake(self) -> None:
        """What an earlier run left half done, what time has made due, and what had trouble last time.

        An identity that something else changed as well forgets what was due: what it becomes, it becomes now.
        """
        with self.database.write() as session:
            session.run(f"UPDATE object SET dirty = {CHANGED} WHERE dirty > 0 AND dirty = {CLAIMING}")
            session.run(f"UPDATE identity SET dirty = (dirty & 7) | {IN} WHERE dirty > 0 AND dirty >= {TROUBLE}")
            for column in ("due_in", "due_out"):
                session.run(
                    f"UPDATE identity SET dirty = dirty | {IN | OUT}, due_in = NULL, due_out = NULL "
                    f"WHERE {column} IS NOT NULL AND {column} <= ? AND (dirty > 0 OR EXISTS "
                    "(SELECT 1 FROM object o WHERE o.identity = identity.id AND o.dirty > 0))",
                    self.now,
                )
            session.run(
                f"UPDATE identity SET dirty = dirty | {IN | OUT} WHERE due_in IS NOT NULL AND due_in <= ?", self.now
            )
            session.run(
                f"UPDATE object SET dirty = {CHANGED} WHERE due IS NOT NULL AND due <= ? AND dirty = 0", self.now
            )

    def _any_changed_object(self) -> bool:
        with self.database.read() as session:
            if self.narrow is not None:
                return bool(changed_objects(session, "id", 1, self.narrow.objects))
            return any_object(session, CHANGED, RETURNED)

    # --- identities whose objects changed

    def _recompute_dirty(self, bit: int) -> bool:
        """Recompute the identities with this bit set; whether there were any."""
        after = 0
        any_found = False
        while True:
            with self.database.write() as session:
                rows = marked_identities(session, _COLUMNS, bit, after, self.recomputed.size, self._only())
                if not rows:
                    return any_found
                any_found = True
                after = rows[-1][0]
                identities = [_identity(row) for row in rows]
                joined = self._joined(session, [item.id for item in identities])
                self._recompute(session, identities, joined, allocate=bit == NEEDS_UNIQUE)
                self.recomputed.worked(len(rows), session.seconds)

    def _only(self) -> Collection[int] | None:
        return self.narrow.identities if self.narrow is not None else None

    def _ask(self) -> bool:
        """Ask the systems for the unique values that would be given out now; whether that brought anything new.

        Nothing is given out here: it is thought through to the end, and forgotten.
        """
        scopes = {scope for kind in self.rules.types.values() for scope in kind.unique.values()}
        if not scopes & self.asking.scopes:
            return False
        with self.database.read() as session:
            trial = Recomputing(self.rules, Report(lacking=dict(self.report.lacking)), self.now, self.unknown)
            reservations = Reservations(self.rules, session)
            after = 0
            while rows := marked_identities(session, _COLUMNS, NEEDS_UNIQUE, after, self.recomputed.size, self._only()):
                after = rows[-1][0]
                identities = [_identity(row) for row in rows]
                joined = self._joined(session, [item.id for item in identities])
                trial.work(session, identities, joined, reservations, allocate=True)
            names = reservations.given()
        return self.asking.ask(names)

    def _joined(self, session: Session, identities: Sequence[int]) -> dict[int, list[Joined]]:
        found: dict[int, list[Joined]] = {number: [] for number in identities}
        for number, anchor, data, mapping_id, identity, made, wrote in session.rows(
            "SELECT id, anchor, doc, mapping, identity, made, wrote FROM object WHERE identity IN ?i AND gone = 0",
            list(identities),
        ):
            mapping = self.rules.mappings.get(mapping_id)
            if mapping is not None:
                found[identity].append(Joined(number, mapping, anchor, decode(data), made, decode(wrote)))
        return found

    def _recompute(
        self,
        session: Session,
        identities: Sequence[Identity],
        joined: dict[int, list[Joined]],
        *,
        allocate: bool,
    ) -> None:
        """Work out the identities and write what changed."""
        worked = self._worked_out(session, identities, joined, allocate=allocate)
        self._store(session, worked.results, joined, {})
        wake_lacking(session, self.rules, worked.lacking)
        session.update("identity", ("due_out",), ("id",), worked.moved)
        self._bury(session, worked.empty)

    def _worked_out(
        self,
        session: Session,
        identities: Sequence[Identity],
        joined: dict[int, list[Joined]],
        *,
        allocate: bool,
    ) -> Worked:
        self.counts["identities"] += len(identities)
        reservations = Reservations(self.rules, session)
        worked = self.recomputing.work(session, identities, joined, reservations, allocate=allocate)
        reservations.save()
        return worked

    def _store(
        self,
        session: Session,
        results: Sequence[tuple[Identity, Values, bool]],
        joined: dict[int, list[Joined]],
        keys: Mapping[int, list[tuple[int, str]]],
    ) -> None:
        """Write the identities. `keys`: the join keys of those that are new, where they were worked out already."""
        rows: list[tuple[Any, ...]] = []
        fresh: list[tuple[Any, ...]] = []
        old_keys: list[tuple[int, str, int]] = []
        new_keys: list[tuple[int, str, int, int]] = []
        changed: dict[int, set[str]] = {}
        references: dict[int, Sequence[tuple[int, int, str, int]]] = {}
        origins: list[int] = []
        stale: set[tuple[int, int]] = set()
        for item, values, leaving in results:
            kind = self.rules.types[item.type]
            data = encode(values.document)
            dirty = OUT
            if values.needs:
                dirty |= NEEDS_UNIQUE
            if values.troubles or (values.lacking and not values.needs):
                dirty |= TROUBLE
            row = (data, encode(values.origin), encode(values.kept) if values.kept else None, int(leaving), dirty)
            if item.fresh:
                fresh.append((item.id, item.uid, item.type, *row, values.due))
                own = keys.get(item.id) or identity_keys(kind, values.document)
                new_keys.extend((sig, key, item.id, self.since) for sig, key in own)
            else:
                rows.append((*row, values.due, item.id))
                if data != item.data:
                    before = set(identity_keys(kind, item.document))
                    after = set(identity_keys(kind, values.document))
                    old_keys.extend((sig, key, item.id) for sig, key in before - after)
                    new_keys.extend((sig, key, item.id, self.since) for sig, key in after - before)
                    changed[item.id] = _changed_names(item.document, values.document)
            references[item.id] = values.references
            stale.update((item.id, attribute) for attribute in values.stale)
            for member in joined[item.id]:
                if member.mapping.refers:
                    origins.append(member.id)
        columns = ("doc", "origin", "kept", "leaving", "dirty", "due_in")
        session.insert("identity", ("id", "uid", "type", *columns), fresh)
        session.update("identity", columns, ("id",), rows)
        session.delete("identity_key", KEY, sorted(old_keys))
        add_keys(session, sorted(new_keys))
        store_references(session, self.rules, references, origins, self.small_references, stale)
        moved = sorted({(sig, text) for sig, text, _ in old_keys} | {(sig, text) for sig, text, *_ in new_keys})
        resolve_by_key(session, self.rules, moved)
        self._wake_objects(session, moved)
        wake_readers(session, self.rules, changed)

    def _wake_objects(self, session: Session, keys: Sequence[tuple[int, str]]) -> None:
        """Objects with a join key that an identity gained or lost are matched again."""
        by_sig: dict[int, list[str]] = {}
        for sig, key in keys:
            by_sig.setdefault(sig, []).append(key)
        projecting = [m.id for m in self.rules.mappings.values() if m.rules.project]
        for sig, texts in by_sig.items():
            for batch in chunks(texts):
                rows = session.rows(
                    "SELECT o.id FROM object_key k JOIN object o ON o.id = k.object "
                    "LEFT JOIN identity_key i ON i.sig = k.sig AND i.key = k.key AND i.identity <> o.identity "
                    "WHERE k.sig = ? AND k.key IN ?t AND o.gone = 0 AND (o.identity IS NULL OR "
                    "(o.mapping IN ?i AND (i.identity IS NOT NULL OR EXISTS "
                    "(SELECT 1 FROM cases c WHERE c.object = o.id))))",
                    sig,
                    batch,
                    projecting,
                )
                session.update("object", ("dirty",), ("id",), sorted({(CHANGED, row[0]) for row in rows}))

    def _bury(self, session: Session, empty: Sequence[Identity]) -> None:
        """Identities that no object is left of: gone, but their unique names stay reserved."""
        if not empty:
            return
        numbers = [item.id for item in empty]
        keys = [
            (sig, key, item.id)
            for item in empty
            for sig, key in identity_keys(self.rules.types[item.type], item.document)
        ]
        objects = [row[0] for row in session.rows("SELECT id FROM object WHERE identity IN ?i", numbers)]
        forget_origin(session, self.rules, objects)
        places = session.rows("SELECT DISTINCT identity, mapping FROM case_identity WHERE identity IN ?i", numbers)
        wake_cases(session, {(row[0], row[1]) for row in places})
        session.delete("identity_key", KEY, keys)
        release_identities(session, self.rules, numbers)
        gone = session.rows("SELECT id FROM object WHERE identity IN ?i AND gone > 0", numbers)
        forget_objects(session, [row[0] for row in gone])
        drop_changes(session, planned_changes(session, numbers))
        for statement in (
            "DELETE FROM presence WHERE identity IN ?i",
            "DELETE FROM edge WHERE owner IN ?i",
            "DELETE FROM edge_dirty WHERE owner IN ?i",
            "DELETE FROM hold WHERE identity IN ?i",
            "DELETE FROM reserved WHERE firm = 0 AND identity IN ?i",
            "DELETE FROM waiting WHERE owner IN ?i",
            "DELETE FROM note WHERE identity IN ?i",
            "DELETE FROM left_out WHERE owner IN ?i",
            "DELETE FROM case_identity WHERE identity IN ?i",
            "DELETE FROM identity WHERE id IN ?i",
        ):
            session.run(statement, numbers)
        moved = sorted({(sig, text) for sig, text, _ in keys})
        resolve_by_key(session, self.rules, moved)
        self._wake_objects(session, moved)

    # --- projections

    def _project(self) -> bool:
        """Project one batch of the best precedence that waits; whether there was any."""
        for mappings in self.classes:
            with self.database.write() as session:
                waiting = self._waiting(session, mappings)
                if not waiting:
                    continue
                first = session.reserve("identity", len(waiting))
                uids = self._uids(session, waiting)
                identities: list[Identity] = []
                joined: dict[int, list[Joined]] = {}
                for offset, item in enumerate(waiting):
                    kind = item.mapping.rules.identity
                    identities.append(Identity(first + offset, uids[offset], kind, {}, b"{}", {}, {}, 0, fresh=True))
                    joined[first + offset] = [item]
                worked = self._worked_out(session, identities, joined, allocate=False)
                results, keys = self._without_rivals(session, worked.results, joined)
                placed = [(joined[entry[0].id][0], entry[0].id) for entry in results]
                session.update(
                    "object", ("identity", "dirty"), ("id",), [(identity, 0, item.id) for item, identity in placed]
                )
                self._store(session, results, joined, keys)
                resolve_by_object(session, self.rules, [item.id for item, _ in placed])
                stream_joined(session, self.rules, [(item.id, item.mapping, identity) for item, identity in placed])
                self.counts["projected"] += len(placed)
                self.projected.worked(len(waiting), session.seconds)
                return True
        return False

    def _waiting(self, session: Session, mappings: Sequence[CompiledMapping]) -> list[Joined]:
        found: list[Joined] = []
        chosen = "" if self.narrow is None else "AND id IN ?i "
        given = () if self.narrow is None else (sorted(self.narrow.objects),)
        for mapping in mappings:
            found.extend(
                Joined(number, mapping, anchor, decode(data), made, decode(wrote))
                for number, anchor, data, made, wrote in session.rows(
                    "SELECT id, anchor, doc, made, wrote FROM object "
                    f"WHERE dirty > 0 AND dirty = {AWAITING} AND space = ? AND mapping = ? {chosen}"
                    "ORDER BY space, anchor LIMIT ?",
                    mapping.space,
                    mapping.id,
                    *given,
                    self.projected.size,
                )
            )
        found.sort(key=lambda item: (item.anchor, item.mapping.name))
        return found[: self.projected.size]

    def _without_rivals(
        self,
        session: Session,
        results: list[tuple[Identity, Values, bool]],
        joined: dict[int, list[Joined]],
    ) -> tuple[list[tuple[Identity, Values, bool]], dict[int, list[tuple[int, str]]]]:
        """Those who can be projected now, and their join keys: an object that matches one before it must try to join
        it first.

        Whoever shares a key with such an object waits, too: it may match what the two are together.
        """
        keys: dict[int, list[tuple[int, str]]] = {}
        shown: dict[int, list[tuple[int, str]]] = {}
        if any(item.mapping.joins for items in joined.values() for item in items):
            for number, sig, key in session.rows(
                "SELECT object, sig, key FROM object_key WHERE object IN ?i AND sig IN ?i",
                [joined[entry[0].id][0].id for entry in results],
                self.matching.join_sigs,
            ):
                keys.setdefault(number, []).append((sig, key))
        seen: set[tuple[int, str]] = set()
        kept: list[tuple[Identity, Values, bool]] = []
        for entry in results:
            identity, values, _ = entry
            own = keys.get(joined[identity.id][0].id, ())
            if any(pair in seen for pair in own):
                seen.update(own)
            else:
                kept.append(entry)
            if keys:
                shown[identity.id] = identity_keys(self.rules.types[identity.type], values.document)
                seen.update(shown[identity.id])
        return kept, shown

    def _uids(self, session: Session, batch: Sequence[Joined]) -> list[str]:
        """Public ids that depend only on the object, so that no order of reading changes them."""
        names = [f"{item.mapping.rules.system}/{item.mapping.rules.object}/{item.anchor}" for item in batch]
        uids = [xxh3_64_hexdigest(name.encode()) for name in names]
        taken = {row[0] for row in session.rows("SELECT uid FROM identity WHERE uid IN ?t", uids)}
        for position, name in enumerate(names):
            attempt = 2
            while uids[position] in taken:
                uids[position] = xxh3_64_hexdigest(f"{name}#{attempt}".encode())
                if session.one("SELECT id FROM identity WHERE uid = ?", uids[position]) is None:
                    break
                attempt += 1
            taken.add(uids[position])
        return uids


def _identity(row: Sequence[Any]) -> Identity:
    number, uid, kind, data, origin, kept, dirty, due = row
    return Identity(number, uid, kind, decode(data), bytes(data), decode(origin), decode(kept), dirty, due)


def _changed_names(before: Document, after: Document) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def _classes(rules: Rules) -> list[list[CompiledMapping]]:
    """The mappings that project, by precedence, best first."""
    by_precedence: dict[int, list[CompiledMapping]] = {}
    for mapping in rules.mappings.values():
        if mapping.rules.project:
            precedence = mapping.rules.inbound.precedence if mapping.rules.inbound else 1 << 30
            by_precedence.setdefault(precedence, []).append(mapping)
    return [by_precedence[number] for number in sorted(by_precedence)]


__all__ = ["IN", "OUT", "CompiledType", "Inbound"]
