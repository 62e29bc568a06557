"""Step three: metaverse → what each system should hold.

Each touched identity goes through every mapping that could give it an object. The differences become pending changes,
at most one an identity and mapping: a newer one replaces one that was not sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import orjson

from muster.expressions import Context
from muster.model.changes import Action
from muster.model.values import Document, Value, key_text
from muster.store.codec import decode, digest, encode
from muster.store.database import Database, Session
from muster.sync.cases import ABOUT_OTHERS
from muster.sync.changes import CHANGE_COLUMNS, PLANNED, SENT, rank_of
from muster.sync.clashes import find_clashes, settle_clashes
from muster.sync.clearing import Clearing, clear_groups, unseen_problems
from muster.sync.clock import moment
from muster.sync.consequences import Consequences, by_identity, outbound_reads
from muster.sync.desired import decide
from muster.sync.edge_lookup import cleared
from muster.sync.edge_plan import fill_new, plan_edges, return_edges
from muster.sync.frozen import frozen_mappings
from muster.sync.holds import Hold, Holds, load_holds
from muster.sync.marks import OUT, TROUBLE, marked_identities
from muster.sync.naming import (
    coming_objects,
    going,
    lasting_names,
    renaming,
    touch_targets,
    wake_referrers,
    wake_waiting,
    with_those_below,
)
from muster.sync.notes import NoteRow, keep_notes, report_notes
from muster.sync.partial import Unread
from muster.sync.paths import load_paths, wake_readers
from muster.sync.presence import untouchable
from muster.sync.problems import Problem, Report, who_is
from muster.sync.reserving import Name, Reservations, computed_names, written_names
from muster.sync.rules import HELD, CompiledMapping, Rules
from muster.sync.unique import Allocate, Wanted
from muster.sync.values import due_of, earliest
from muster.sync.wishes import MISSED, UNMISSED, Presence, Question, Target, Wish

BATCH: Final = 2000
_COLUMNS: Final = "id, uid, type, doc, origin, leaving, dirty, due_out"


@dataclass(slots=True)
class _Member:
    """One object of one identity."""

    id: int
    space: int
    anchor: str
    mapping: int
    gone: int
    row: tuple[Any, ...]


@dataclass(slots=True)
class _Batch:
    """What a batch of identities needs to be decided, loaded once."""

    members: dict[int, list[_Member]] = field(default_factory=dict)
    presence: dict[tuple[int, int], Presence] = field(default_factory=dict)
    blocked: set[tuple[int, int]] = field(default_factory=set)
    references: dict[tuple[int, int], list[tuple[int, int]]] = field(default_factory=dict)
    named: dict[tuple[int, str, int], tuple[int, str]] = field(default_factory=dict)
    paths: dict[int, dict[str, Value]] = field(default_factory=dict)
    coming: dict[int, set[str]] = field(default_factory=dict)
    """Paths whose values the plan will bring."""
    cleared: set[tuple[int, str, int]] = field(default_factory=set)
    """(identity, system, account) of those who are to be in no group there."""
    frozen: dict[int, set[int]] = field(default_factory=dict)
    """Identity → the spaces in which a mapping that is gone has left it an object."""
    holds: Holds = field(default_factory=Holds)


@dataclass(slots=True)
class _Asked:
    """What is to be decided about one identity. `due`: when its holds change."""

    row: tuple[Any, ...]
    document: Document
    questions: list[Question]
    due: int | None


@dataclass(slots=True)
class _Result:
    """What a batch writes."""

    changes: list[tuple[Any, ...]] = field(default_factory=list)
    presence: list[tuple[Any, ...]] = field(default_factory=list)
    agreed: list[tuple[Any, ...]] = field(default_factory=list)
    identities: list[tuple[Any, ...]] = field(default_factory=list)
    waiting: set[tuple[int, int]] = field(default_factory=set)
    moved: set[int] = field(default_factory=set)
    """Identities that get an object, or that come into or go out of groups."""
    regrouped: set[int] = field(default_factory=set)
    """Identities that come into or go out of all groups."""
    unmissed: list[tuple[int, int]] = field(default_factory=list)
    notes: list[NoteRow] = field(default_factory=list)
    clearings: list[Clearing] = field(default_factory=list)


class Outbound:
    """Turns touched identities into pending changes."""

    def __init__(
        self,
        rules: Rules,
        database: Database,
        report: Report,
        now: int,
        unknown: Unread,
        run: int,
    ) -> None:
        self.rules = rules
        self.database = database
        self.report = report
        self.now = now
        self.unknown = unknown
        self.run = run
        self.context = Context(now=moment(now))
        self.counts = {"identities": 0, "changes": 0}
        self.frozen = {number: name for name, number in frozen_mappings(rules.names, rules.project).items()}
        self.kept_out: Counter[tuple[int, str]] = Counter()
        self.edges = sorted({f.edge for m in rules.mappings.values() for f in m.outbound if f.edge and not f.streamed})
        self.consequences = Consequences(rules)

    def wake(self) -> None:
        """Identities whose answer changes with time, now that the time has come."""
        with self.database.write() as session:
            session.run("UPDATE identity SET dirty = dirty | 2 WHERE due_out IS NOT NULL AND due_out <= ?", self.now)

    def work(self, only: Sequence[int] | None = None) -> dict[str, int]:
        """Decide for every touched identity (or only for those given)."""
        after, found = 0, True
        while found:
            with self.database.write() as session:
                rows = marked_identities(session, _COLUMNS, OUT, after, BATCH, only)
                found = bool(rows) or after > 0
                after = rows[-1][0] if rows else 0
                if rows:
                    self._batch(session, rows)
        owner: int | None = 0
        while owner is not None:
            with self.database.write() as session:
                made, owner = plan_edges(session, self.rules, self.run, owner, self.touchable)
            self.counts["changes"] += made
        self._tell_kept_out()
        with self.database.read() as session:
            report_notes(session, self.rules, self.report)
        return self.counts

    def _tell_kept_out(self) -> None:
        """One message of all creates in whose place something frozen stands, not one for each."""
        for (number, name), count in sorted(self.kept_out.items()):
            mapping = self.rules.mappings[number]
            what = f"{count} creates" if count != 1 else "1 create"
            place = f"{mapping.rules.system}/{mapping.rules.object}"
            self.report.add(
                Problem(
                    "clash",
                    mapping.rules.system,
                    f"{mapping.rules.place.file}: {what} in {place} would take the "
                    f"{mapping.schema.anchor} of a frozen object of mapping {name}. Decide about that mapping first",
                    type=mapping.rules.object,
                )
            )

    def to_be_given(self, scopes: frozenset[str]) -> list[tuple[str, str]]:
        """The unique values (scope, value) of these scopes that `work` would give out now; none is given out."""
        kinds = {name for name, kind in self.rules.types.items() if any(_gives(m, scopes) for m in kind.outbound)}
        if not kinds:
            return []
        with self.database.read() as session:
            reservations = Reservations(self.rules, session)
            after = 0
            while rows := marked_identities(session, _COLUMNS, OUT, after, BATCH):
                after = rows[-1][0]
                rows = [row for row in rows if row[2] in kinds]
                if rows:
                    numbers = [row[0] for row in rows]
                    reservations.load(numbers)
                    batch = self._load(session, rows, numbers)
                    asked = [self._questions(row, batch, reservations) for row in rows]
                    self._prefetch(asked, reservations)
                    self._give(asked, reservations)
            return reservations.given()

    def _give(self, asked: Sequence[_Asked], reservations: Reservations) -> None:
        for one in asked:
            allocate = partial(reservations.allocate, one.row[0], one.row[2])
            for question in one.questions:
                if question.mapping.uses_unique and question.lacks_names():
                    decide(question, self.context, self.now, allocate)

    def touchable(
        self, session: Session, mapping: CompiledMapping, identity: int, number: int, document: Document
    ) -> bool:
        """Whether the identity's object of the mapping, which shows this, may be written."""
        unknown = self.unknown.of(mapping.space, number)
        if untouchable(mapping, document, unknown, self.context) is not None:
            return False
        return not (mapping.may_ignore and self._ignored(session, mapping, identity))

    def _ignored(self, session: Session, mapping: CompiledMapping, identity: int) -> bool:
        """Whether a flow says that nothing is to be done with the identity's object (`IgnoreObjectFlow`)."""
        rows = session.rows(f"SELECT {_COLUMNS} FROM identity WHERE id = ?", identity)
        reservations = Reservations(self.rules, session)
        reservations.load([identity])
        asked = self._questions(rows[0], self._load(session, rows, [identity]), reservations)
        question = next(question for question in asked.questions if question.mapping is mapping)
        return decide(question, self.context, self.now, None).ignored

    # --- one batch

    def _batch(self, session: Session, rows: Sequence[tuple[Any, ...]]) -> None:
        numbers = [row[0] for row in rows]
        self.counts["identities"] += len(numbers)
        batch = self._load(session, rows, numbers)
        reservations = Reservations(self.rules, session)
        if self.rules.scope_sigs:
            reservations.load(numbers)
        asked = [self._questions(row, batch, reservations) for row in rows]
        self._prefetch(asked, reservations)
        result = _Result()
        for one in asked:
            self._identity(one, batch, reservations, result)
        reservations.save()
        before, named = going(session, self.rules, numbers), renaming(session, self.rules, numbers)
        coming = coming_objects(session, self.rules, numbers)
        promised = self.consequences.promised(session, numbers)
        old = [
            row[0] for row in session.rows(f"SELECT id FROM change WHERE state = {PLANNED} AND identity IN ?i", numbers)
        ]
        return_edges(session, self.rules, old)
        session.run("DELETE FROM change WHERE id IN ?i", old)
        self._refuse_clashes(session, numbers, result)
        if result.changes:
            first = session.reserve("change", len(result.changes))
            session.insert("change", CHANGE_COLUMNS, [(first + n, *change) for n, change in enumerate(result.changes)])
        self.counts["changes"] += len(result.changes)
        session.upsert(
            "presence",
            ("identity", "mapping", "wanted", "since", "step"),
            ("identity", "mapping"),
            result.presence,
        )
        self._clear(session, result)
        session.update("object", ("wanted",), ("id",), result.agreed)
        session.update("object", ("gone",), ("id",), result.unmissed)
        session.assign("identity", ("dirty", "due_out"), result.identities)
        keep_notes(session, numbers, result.notes)
        key = ("target", "owner")
        session.upsert("waiting", key, key, sorted(result.waiting))
        creates = [(change[3], change[2]) for change in result.changes if change[5] == Action.CREATE]
        fill_new(session, self.rules, creates)
        touch_targets(session, self.rules, sorted(result.moved))
        wake_waiting(session, {place[0] for place in coming_objects(session, self.rules, numbers) - coming})
        turned = {identity for identity, _, _ in before ^ going(session, self.rules, numbers)}
        renamed = {number for _, number in named ^ renaming(session, self.rules, numbers)}
        turned |= with_those_below(session, self.rules, sorted(renamed)) if renamed else set()
        wake_referrers(session, self.rules, result.regrouped | turned)
        promised ^= self.consequences.promised(session, numbers)
        wake_readers(session, self.rules, by_identity(promised), values=False)

    def _clear(self, session: Session, result: _Result) -> None:
        """Those who are to be in no group leave the groups that nobody else takes them out of."""
        if not result.clearings:
            return
        removals = clear_groups(session, self.rules, result.clearings, self.run, self.context, self.unknown)
        first = session.reserve("change", len(removals)) if removals else 0
        session.insert("change", CHANGE_COLUMNS, [(first + n, *one.row) for n, one in enumerate(removals)])
        session.insert(
            "edge_change",
            ("change", "attribute", "target", "text", "remove"),
            [
                (first + n, attribute, one.identity, text, 1)
                for n, one in enumerate(removals)
                for attribute, text in one.edges
            ],
        )
        self.counts["changes"] += len(removals)
        for problem in unseen_problems(self.rules, result.clearings):
            self.report.add(problem)

    def _refuse_clashes(self, session: Session, numbers: Sequence[int], result: _Result) -> None:
        """Take out the creates whose name is taken, and open a case for a person where an object has it."""
        clashes = find_clashes(session, result.changes, self.frozen)
        creating = {(change[3], change[2]) for change in result.changes if change[5] == Action.CREATE}
        for problem in settle_clashes(session, self.rules, clashes, numbers, creating, self.now):
            self.report.add(problem)
        self.kept_out.update(clashes.frozen)
        if clashes.refused:
            refused = {id(change) for change in clashes.refused}
            result.changes = [change for change in result.changes if id(change) not in refused]
            troubled = clashes.troubled
            result.identities = [
                (dirty | TROUBLE if number in troubled else dirty, due, number)
                for dirty, due, number in result.identities
            ]

    def _load(self, session: Session, rows: Sequence[tuple[Any, ...]], numbers: list[int]) -> _Batch:
        batch = _Batch()
        for found in session.rows(
            "SELECT identity, id, space, anchor, mapping, gone, doc, wrote, wanted, stick, made FROM object "
            "WHERE identity IN ?i",
            numbers,
        ):
            batch.members.setdefault(found[0], []).append(
                _Member(found[1], found[2], found[3], found[4], found[5], found[6:])
            )
            if found[4] in self.frozen and not found[5]:
                batch.frozen.setdefault(found[0], set()).add(found[2])
        for identity, mapping, wanted, since, step in session.rows(
            "SELECT identity, mapping, wanted, since, step FROM presence WHERE identity IN ?i", numbers
        ):
            batch.presence[(identity, mapping)] = Presence(bool(wanted), since, bool(step))
        batch.blocked = {
            (row[0], row[1])
            for row in session.rows(
                "SELECT ci.identity, ci.mapping FROM case_identity ci CROSS JOIN cases c "
                f"WHERE ci.identity IN ?i AND c.object = ci.object AND {ABOUT_OTHERS}",
                numbers,
            )
        }
        batch.blocked.update(
            session.rows(
                f"SELECT identity, mapping FROM change WHERE identity IN ?i AND state = {SENT} AND action = 'create'",
                numbers,
            )
        )
        batch.holds = load_holds(session, numbers, self.now)
        self._load_references(session, numbers, batch)
        by_type: dict[str, list[int]] = {}
        for row in rows:
            by_type.setdefault(row[2], []).append(row[0])
        for name, members in by_type.items():
            kind = self.rules.types[name]
            wanted_paths = set(kind.paths) | (kind.references.keys() & outbound_reads(kind))
            if wanted_paths:
                batch.paths.update(load_paths(session, self.rules, kind, members, wanted_paths))
                batch.coming.update(self.consequences.coming(session, kind, members))
        return batch

    def _load_references(self, session: Session, numbers: list[int], batch: _Batch) -> None:
        if not self.edges:
            return
        held = set(
            session.rows(
                f"SELECT owner, attribute FROM edge WHERE origin = {HELD} AND +owner IN ?i AND +attribute IN ?i",
                numbers,
                self.edges,
            )
        )
        targets: set[int] = set()
        for owner, attribute, target, account, by_hold in session.rows(
            f"SELECT DISTINCT owner, attribute, target, account, origin = {HELD} FROM edge "
            "WHERE owner IN ?i AND attribute IN ?i AND target IS NOT NULL ORDER BY owner, attribute, target",
            numbers,
            self.edges,
        ):
            if by_hold or (owner, attribute) not in held:
                batch.references.setdefault((owner, attribute), []).append((target, account))
                targets.add(target)
        if targets:
            batch.named = lasting_names(session, self.rules, sorted(targets))
            for system in {self.rules.mappings[number].rules.system for number in self.rules.clearing}:
                batch.cleared.update(
                    (identity, system, account)
                    for identity, account in cleared(session, self.rules, system, sorted(targets))
                )

    # --- one identity

    def _questions(self, row: tuple[Any, ...], batch: _Batch, reservations: Reservations) -> _Asked:
        number, uid, type_name, data, _, leaving, _, due_out = row
        document: Document = decode(data)
        paths = batch.paths.get(number)
        if paths:
            document = {**document, **paths}
        if due_out is not None and due_out > self.now:
            due_out = None
        self.context.reset()
        holds = batch.holds.in_force(number, document, self.context, self.rules.project.parameters)
        due = earliest(batch.holds.due.get(number), due_of(self.context, self.now))
        questions = [
            self._question(number, uid, document, bool(leaving), mapping, batch, reservations, holds, due_out)
            for mapping in self.rules.types[type_name].outbound
        ]
        return _Asked(row, document, questions, due)

    def _prefetch(self, asked: Sequence[_Asked], reservations: Reservations) -> None:
        """Find out in one query who holds the unique values that this batch will ask for."""
        wanted = Wanted()
        for one in asked:
            for question in one.questions:
                if question.mapping.uses_unique and question.lacks_names():
                    decide(question, self.context, self.now, wanted)
        reservations.prefetch(wanted.names)

    def _identity(self, asked: _Asked, batch: _Batch, reservations: Reservations, result: _Result) -> None:
        number, _, type_name, _, origin, _, dirty, _ = asked.row
        kind = self.rules.types[type_name]
        questions, due = asked.questions, asked.due

        allocate = partial(reservations.allocate, number, type_name)
        wishes = [decide(question, self.context, self.now, allocate) for question in questions]
        if self.consequences.follows[type_name]:
            coming = batch.coming.get(number, ())
            again = partial(self._again, allocate=allocate)
            self.consequences.follow(kind, questions, wishes, coming, again)
        troubled = False
        origins: dict[str, int] = decode(origin)
        for question, wish in zip(questions, wishes, strict=True):
            if wish.notes:
                troubled |= self._tell(asked, question, wish, result)
            self._record(number, asked.document, question, wish, origins, batch, result)
            due = earliest(due, wish.due)
        waits = number in batch.frozen or any(question.blocked for question in questions)
        if self.rules.scope_sigs and not waits:
            used = computed_names(kind, asked.document).union(*map(_used, questions, wishes))
            reservations.give_back(number, used)
        result.identities.append((dirty & ~OUT | (TROUBLE if troubled else 0), due, number))

    def _question(
        self,
        number: int,
        uid: str,
        document: Document,
        leaving: bool,
        mapping: CompiledMapping,
        batch: _Batch,
        reservations: Reservations,
        holds: Sequence[Hold],
        due: int | None,
    ) -> Question:
        members = [m for m in batch.members.get(number, ()) if m.mapping == mapping.id]
        members.sort(key=lambda member: (member.gone, member.anchor))
        target = _target(members[0]) if members else None
        references: dict[str, list[tuple[int, int, str | None]]] = {}
        for flow in mapping.references:
            references[flow.flow.attribute] = [
                (identity, account, self._name(batch, mapping, identity, account))
                for identity, account in batch.references.get((number, flow.edge), ())
                if not flow.attribute.many or (identity, mapping.rules.system, account) not in batch.cleared
            ]
        return Question(
            mapping=mapping,
            document=document,
            leaving=leaving,
            target=target,
            presence=batch.presence.get((number, mapping.id)),
            holds=holds,
            references=references,
            reserved=reservations.of(number) if mapping.uses_unique else {},
            unknown=self.unknown.of(mapping.space, target.id if target is not None else 0),
            blocked=(number, mapping.id) in batch.blocked or mapping.space in batch.frozen.get(number, ()),
            lacking=self.report.lacking.get(uid, frozenset()),
            due=due,
        )

    def _name(self, batch: _Batch, mapping: CompiledMapping, identity: int, account: int) -> str | None:
        """What names the identity's object in the mapping's system."""
        found = batch.named.get((identity, mapping.rules.system, account))
        return found[1] if found else None

    def _again(self, question: Question, allocate: Allocate) -> Wish:
        return decide(question, self.context, self.now, allocate)

    def _tell(self, asked: _Asked, question: Question, wish: Wish, result: _Result) -> bool:
        """Report what the decision had to say; whether anything is wrong, so that it is worked out again next time."""
        number, uid, *_ = asked.row
        mapping = question.mapping
        rules = mapping.rules
        result.notes += [(number, mapping.id, note.kind, note.message) for note in wish.notes if not note.error]
        for note in wish.notes:
            if not note.error:
                continue
            anchor = question.target.anchor if question.target else None
            who = anchor or f"for {who_is(uid, asked.document)}"
            self.report.add(
                Problem(
                    note.kind,
                    rules.system,
                    f"{note.place}: {rules.system}/{rules.object} {who}: {note.message}",
                    type=rules.object,
                    anchor=anchor,
                    identities=(uid,),
                )
            )
        return any(note.error for note in wish.notes)

    def _record(
        self,
        number: int,
        document: Document,
        question: Question,
        wish: Wish,
        origin: Mapping[str, int],
        batch: _Batch,
        result: _Result,
    ) -> None:
        mapping = question.mapping
        had = question.presence
        target, now = question.target, wish.presence
        if now != had or wish.action is Action.CREATE:
            result.moved.add(number)
        if now is not None and now != had:
            result.presence.append((number, mapping.id, int(now.wanted), now.since, int(now.cleared)))
            if now.cleared != (had is not None and had.cleared):
                result.regrouped.add(number)
        if target is not None:
            if wish.agreed is not None:
                result.agreed.append((encode(wish.agreed), target.id))
            if target.gone == MISSED and now is not None and not now.wanted:
                result.unmissed.append((UNMISSED, target.id))
            if wish.clears is not None:
                result.clearings.append(Clearing(number, target.id, mapping, wish.clears))
        if wish.action is None:
            return
        for numbers in wish.waits.values():
            if wish.action is not Action.CREATE:
                result.waiting.update((target, number) for target, _ in numbers)
        payload = {
            "values": wish.values,
            "was": {name: value for name, value in wish.was.items() if value is not None},
            "reason": self._reason(mapping, wish, origin, batch.members.get(number, ())),
        }
        for name, content in (
            ("add", wish.add),
            ("remove", wish.remove),
            ("waits", wish.waits),
            ("later", wish.later),
            ("answers", wish.answers),
            ("drift", wish.drift),
            ("omitted", wish.omitted),
            ("meant", wish.meant),
        ):
            if content:
                payload[name] = content
        if mapping.unique_of and (names := written_names(mapping, document, wish.values, [*wish.values, *wish.add])):
            payload["names"] = sorted(names)
        if wish.recreate:
            payload["recreate"] = True
        if wish.action is Action.CREATE and mapping.rules.outbound and mapping.rules.outbound.password:
            payload["password"] = mapping.rules.outbound.password
        data = orjson.dumps(payload)
        mark = digest(data)
        result.changes.append(
            (
                self.run,
                mapping.space,
                mapping.id,
                number,
                target.id if target is not None and target.gone != UNMISSED else None,
                wish.action.value,
                wish.anchor,
                _rank(mapping, target, wish),
                1 if wish.waits else 0,
                data,
                mark,
                PLANNED,
            )
        )

    def _reason(
        self, mapping: CompiledMapping, wish: Wish, origin: Mapping[str, int], members: Sequence[_Member]
    ) -> dict[str, Any]:
        """Mapping file and line, rule, and the source object that it goes back to."""
        place = wish.place or mapping.rules.place
        reads = mapping.reads_of.get(wish.rule) or mapping.reads_of["provision"]
        name = next((one for one in sorted(reads) if one in origin), None) if len(origin) > 1 else None
        number = origin.get(name, origin.get("*")) if name else origin.get("*")
        member = next((m for m in members if m.id == number), None)
        source = None
        if member is not None:
            system, kind = self.rules.spaces[member.space]
            source = {"system": system, "object": kind, "anchor": member.anchor}
            if reads:
                source["attribute"] = name or min(reads)
        return {"mapping": place.file, "line": place.line, "rule": wish.rule, "source": source}


def _rank(mapping: CompiledMapping, target: Target | None, wish: Wish) -> int:
    naming = mapping.schema.naming if mapping.schema.name_is_dn else None
    if naming is None or wish.action is None:
        return rank_of(wish.action or Action.UPDATE, None)
    shown = target.document.get(naming) if target is not None else None
    return rank_of(wish.action, wish.values.get(naming, shown), renames=naming in wish.values)


def _gives(mapping: CompiledMapping, scopes: frozenset[str]) -> bool:
    return any(flow.unique in scopes for flow in mapping.outbound)


def _used(question: Question, wish: Wish) -> set[Name]:
    """The unique values that outbound flows gave out and that the object has, or is to have."""
    shown = question.target.document if question.target is not None and not question.target.gone else {}
    values = {**shown, **wish.values}
    pairs = ((flow.unique, key_text((values.get(flow.flow.attribute),))) for flow in question.mapping.outbound)
    return {(scope, key) for scope, key in pairs if scope is not None and key is not None}


def _target(member: _Member) -> Target:
    data, wrote, wanted, stick, _ = member.row
    return Target(
        id=member.id,
        anchor=member.anchor,
        document=decode(data),
        wrote=decode(wrote),
        wanted=decode(wanted),
        stick=decode(stick),
        gone=member.gone,
    )
