"""Step three: metaverse → what each system should hold.

Each touched identity goes through every mapping that could give it an object. The differences become pending changes,
at most one an identity and mapping: a newer one replaces one that was not sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from muster.expressions import Context
from muster.model.changes import Action
from muster.model.values import Document, key_text
from muster.store.codec import decode, encode
from muster.store.database import Database, Session
from muster.store.pacing import Pace
from muster.sync.clock import moment
from muster.sync.identities.partial import PartialDocument, Unread
from muster.sync.identities.paths import wake_readers
from muster.sync.identities.values import due_of, earliest
from muster.sync.marks import OUT, TROUBLE, marked_identities
from muster.sync.names.adopting import doubts
from muster.sync.names.clashes import find_clashes, settle_clashes
from muster.sync.names.reserving import Name, Reservations, computed_names
from muster.sync.names.unique import Allocate, Wanted
from muster.sync.notes import NoteRow, keep_notes, report_notes
from muster.sync.problems import Problem, Report, who_is
from muster.sync.provisioning.consequences import Consequences, by_identity
from muster.sync.provisioning.desired import decide
from muster.sync.provisioning.holds import Hold
from muster.sync.provisioning.outbound_batch import Batch, Loader
from muster.sync.provisioning.pending import pending_change
from muster.sync.provisioning.presence import untouchable
from muster.sync.provisioning.wishes import MISSED, UNMISSED, Question, Wish
from muster.sync.queue.queued import add_changes, drop_changes, planned_changes
from muster.sync.references.clearing import Clearing, clear_groups, unseen_problems
from muster.sync.references.edge_plan import EdgePlan, fill_new, return_edges
from muster.sync.references.naming import (
    Place,
    coming_objects,
    going,
    renaming,
    touch_targets,
    wake_referrers,
    wake_waiting,
    with_those_below,
)
from muster.sync.rules.ruleset import CompiledMapping, Rules
from muster.sync.safety.frozen import frozen_mappings

_COLUMNS: Final = "id, uid, type, doc, origin, leaving, dirty, due_out"


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

    def places(self, rules: Rules, action: Action) -> set[Place]:
        """Where the changes of this batch make, or delete, an object."""
        return {
            (change[3], rules.system_of(change[1]), rules.account_of(change[2]))
            for change in self.changes
            if change[5] == action
        }


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
        self.consequences = Consequences(rules)
        self.loader = Loader(rules, self.consequences, self.frozen, now)
        self.pace = Pace()

    def wake(self) -> None:
        """Identities whose answer changes with time, now that the time has come."""
        with self.database.write() as session:
            session.run("UPDATE identity SET dirty = dirty | 2 WHERE due_out IS NOT NULL AND due_out <= ?", self.now)

    def work(self, only: Collection[int] | None = None) -> dict[str, int]:
        """Decide for every touched identity (or only for those given)."""
        after, found = 0, True
        while found:
            with self.database.write() as session:
                rows = marked_identities(session, _COLUMNS, OUT, after, self.pace.size, only)
                found = bool(rows) or after > 0
                after = rows[-1][0] if rows else 0
                if rows:
                    self._batch(session, rows)
                    self.pace.worked(len(rows), session.seconds)
        self.counts["changes"] += EdgePlan(self.rules, self.database, self.run, self.touchable).plan(only)
        self._tell_kept_out()
        with self.database.read() as session:
            report_notes(session, self.rules, self.report, only)
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

    def to_be_given(self, scopes: frozenset[str], only: Collection[int] | None = None) -> list[tuple[str, str]]:
        """The unique values (scope, value) of these scopes that `work` would give out now; none is given out."""
        kinds = {name for name, kind in self.rules.types.items() if any(_gives(m, scopes) for m in kind.outbound)}
        if not kinds:
            return []
        with self.database.read() as session:
            reservations = Reservations(self.rules, session)
            after = 0
            while rows := marked_identities(session, _COLUMNS, OUT, after, self.pace.size, only):
                after = rows[-1][0]
                rows = [row for row in rows if row[2] in kinds]
                if rows:
                    numbers = [row[0] for row in rows]
                    reservations.load(numbers)
                    batch = self.loader.load(session, rows, self.report.lacking)
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
        asked = self._questions(rows[0], self.loader.load(session, rows, self.report.lacking), reservations)
        question = next(question for question in asked.questions if question.mapping is mapping)
        return decide(question, self.context, self.now, None).ignored

    # --- one batch

    def _batch(self, session: Session, rows: Sequence[tuple[Any, ...]]) -> None:
        numbers = [row[0] for row in rows]
        self.counts["identities"] += len(numbers)
        batch = self.loader.load(session, rows, self.report.lacking)
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
        old = planned_changes(session, numbers)
        promised = self.consequences.promised(session, numbers)
        return_edges(session, self.rules, old)
        drop_changes(session, old)
        self._refuse_clashes(session, numbers, result)
        add_changes(session, result.changes)
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
        wake_waiting(session, {place[0] for place in result.places(self.rules, Action.CREATE) - coming})
        turned = {place[0] for place in before ^ result.places(self.rules, Action.DELETE)}
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
        first = add_changes(session, [one.row for one in removals])
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
        clashes = find_clashes(session, self.rules, result.changes, self.frozen)
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

    # --- one identity

    def _questions(self, row: tuple[Any, ...], batch: Batch, reservations: Reservations) -> _Asked:
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

    def _identity(self, asked: _Asked, batch: Batch, reservations: Reservations, result: _Result) -> None:
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
            if wish.action is not None:
                wish.notes += doubts(question, kind, asked.row[1], self.context)
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
        batch: Batch,
        reservations: Reservations,
        holds: Sequence[Hold],
        due: int | None,
    ) -> Question:
        target = batch.target(number, mapping)
        lacking = self.report.lacking.get(uid, frozenset()) | batch.lacking.get(number, frozenset())
        return Question(
            mapping=mapping,
            document=PartialDocument(document, lacking) if lacking else document,
            leaving=leaving,
            target=target,
            presence=batch.presence.get((number, mapping.id)),
            holds=holds,
            references=batch.referred(number, mapping),
            reserved=reservations.of(number) if mapping.uses_unique else {},
            unknown=self.unknown.of(mapping.space, target.id if target is not None else 0),
            blocked=(number, mapping.id) in batch.blocked or mapping.space in batch.frozen.get(number, ()),
            lacking=lacking,
            undecided=batch.undecided.get(mapping.rules.system, {}),
            renamed=batch.renamed.get(mapping.rules.system, {}),
            due=due,
        )

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
                    held=note.held,
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
        batch: Batch,
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
        members = batch.members.get(number, ())
        result.changes.append(pending_change(self.rules, self.run, number, document, question, wish, origin, members))


def _gives(mapping: CompiledMapping, scopes: frozenset[str]) -> bool:
    return any(flow.unique in scopes for flow in mapping.outbound)


def _used(question: Question, wish: Wish) -> set[Name]:
    """The unique values that outbound flows gave out and that the object has, or is to have."""
    shown = question.target.document if question.target is not None and not question.target.gone else {}
    values = {**shown, **wish.values}
    pairs = ((flow.unique, key_text((values.get(flow.flow.attribute),))) for flow in question.mapping.outbound)
    return {(scope, key) for scope, key in pairs if scope is not None and key is not None}
