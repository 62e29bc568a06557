"""Part of step two: identities worked out whole, a batch at a time, with everything that has a say loaded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from muster.expressions import Context
from muster.model.values import Document, Value
from muster.store.database import Session
from muster.sync.clock import moment
from muster.sync.identities.partial import Unread
from muster.sync.identities.paths import lacking_paths, load_paths
from muster.sync.identities.values import MADE, Joined, Trouble, Values, due_of, earliest, recompute
from muster.sync.joins.cases import any_case
from muster.sync.names.reserving import Reservations, computed_names
from muster.sync.names.unique import UNDECIDED, NeverRead, Wanted, never_read
from muster.sync.problems import Problem, Report, who_is
from muster.sync.provisioning.holds import Holds, load_holds, overrides
from muster.sync.rules.ruleset import Rules


@dataclass(slots=True)
class Identity:
    """One identity as it stands before it is recomputed."""

    id: int
    uid: str
    type: str
    document: Document
    data: bytes
    origin: dict[str, int]
    kept: dict[str, Value]
    dirty: int
    due: int | None = None
    fresh: bool = False


@dataclass(slots=True)
class Worked:
    """What became of a batch. `results`: the values of each, and whether it is leaving; `empty`: those that no object
    is left of; `moved`: (since when time alone changed its values, identity); `lacking`: by identity, attributes of
    which it became known that it lacks them, or lacks them no more."""

    results: list[tuple[Identity, Values, bool]] = field(default_factory=list)
    empty: list[Identity] = field(default_factory=list)
    moved: list[tuple[int, int]] = field(default_factory=list)
    lacking: dict[int, frozenset[str]] = field(default_factory=dict)


class Recomputing:
    """Works out identities. Reads the store and writes nothing; what went wrong is told to the report."""

    def __init__(self, rules: Rules, report: Report, now: int, unknown: Unread) -> None:
        self.rules = rules
        self.report = report
        self.now = now
        self.unknown = unknown
        self.context = Context(now=moment(now))
        self.never_read = never_read(rules.project.mappings.values(), unknown.systems)

    def work(
        self,
        session: Session,
        identities: Sequence[Identity],
        joined: Mapping[int, list[Joined]],
        reservations: Reservations,
        *,
        allocate: bool,
    ) -> Worked:
        """The identities' values; with `allocate`, unique ones are given out, in `reservations`.

        What is not used any more is given back at once, so that whoever needs a name finds it free.
        """
        numbers = [item.id for item in identities]
        unique = any(self.rules.types[item.type].computed for item in identities)
        if unique:
            reservations.load(numbers)
        holds = Holds() if identities[0].fresh else load_holds(session, numbers, self.now)
        paths, lacking = self._computed_paths(session, identities)
        frozen = {} if identities[0].fresh else self._frozen(session, numbers)
        done = Worked()
        plan: list[tuple[Identity, Values, list[Joined]]] = []
        for item in identities:
            objects = joined[item.id]
            if not objects and item.id not in frozen:
                done.empty.append(item)
                continue
            plan.append((item, Values(item.document, item.origin, [], item.kept, None, []), objects))
        if allocate:
            self._prefetch(plan, reservations, paths)
        doubtful = self._doubtful(session, numbers) if allocate else {}
        for item, old, objects in plan:
            leaving = not any(o.mapping.rules.project and o.made != MADE for o in objects) and item.id not in frozen
            work = partial(
                recompute,
                self.rules.types[item.type],
                old,
                objects,
                reserved=reservations.of(item.id) if unique else None,
                paths=paths.get(item.id),
                unknown=self.unknown or None,
                allocate=partial(reservations.allocate, item.id, item.type) if allocate else None,
                frozen=frozen.get(item.id, frozenset()),
                leaving=leaving,
                doubtful=doubtful.get(item.id),
                unread=self.never_read.get(item.type),
                lacking_paths=lacking.get(item.id, frozenset()),
            )
            values = self._held(item.id, holds, work)
            if item.due is not None and item.due <= self.now and values.document != item.document:
                done.moved.append((self._since(item.due, values, work), item.id))
            done.results.append((item, values, leaving))
            if unique:
                used = computed_names(self.rules.types[item.type], values.document)
                reservations.give_back(item.id, used, but_for=self.rules.flow_scopes)
            changed = self._tell(item, values)
            if changed:
                done.lacking[item.id] = changed
        return done

    def _held(self, identity: int, holds: Holds, work: Callable[..., Values]) -> Values:
        """The identity's values under the holds that they leave in force."""
        mine = holds.by_identity.get(identity)
        if not mine:
            return work(self.context, self.now)
        context = Context(now=moment(self.now))
        document = work(self.context, self.now).document if any(hold.condition for hold in mine) else {}
        fixed = overrides(holds.in_force(identity, document, context, self.rules.project.parameters))
        values = work(self.context, self.now, overrides=fixed)
        values.due = earliest(values.due, holds.due.get(identity), due_of(context, self.now))
        return values

    def _since(self, due: int, values: Values, work: Callable[..., Values]) -> int:
        """The instant from which the identity holds what it holds now, when time alone brought it there."""
        at: int | None = due
        while at is not None and at < self.now:
            then = work(Context(now=moment(at)), at)
            if then.document == values.document:
                return at
            at = then.due
        return self.now

    def _prefetch(
        self,
        plan: Sequence[tuple[Identity, Values, list[Joined]]],
        reservations: Reservations,
        paths: Mapping[int, Mapping[str, Value]],
    ) -> None:
        """Find out in one query who holds the values that this batch will ask for."""
        wanted = Wanted()
        for item, old, objects in plan:
            recompute(
                self.rules.types[item.type],
                old,
                objects,
                self.context,
                self.now,
                reserved=reservations.of(item.id),
                paths=paths.get(item.id),
                allocate=wanted,
            )
        reservations.prefetch(wanted.names)

    def _frozen(self, session: Session, identities: Sequence[int]) -> dict[int, frozenset[int]]:
        """The objects of mappings which cannot run now, by identity: such an identity does not leave."""
        found: dict[int, frozenset[int]] = {}
        for identity, number, mapping in session.rows(
            "SELECT identity, id, mapping FROM object WHERE identity IN ?i AND gone = 0", list(identities)
        ):
            if mapping not in self.rules.mappings:
                found[identity] = found.get(identity, frozenset()) | {number}
        return found

    def _doubtful(self, session: Session, identities: Sequence[int]) -> dict[int, dict[str, str]]:
        """The attributes that accounts would change which may be these identities', if a person says so: each with the
        account. A name is kept for good; so it is not made of what the next decision may make another."""
        found: dict[int, dict[str, str]] = {}
        if not any_case(session):
            return found
        for identity, mapping_id, space, anchor in session.rows(
            "SELECT ci.identity, ci.mapping, o.space, o.anchor FROM case_identity ci CROSS JOIN cases c CROSS JOIN "
            "object o WHERE ci.identity IN ?i AND c.object = ci.object AND o.id = c.object "
            "AND c.kind IN ('several', 'rivals')",
            list(identities),
        ):
            mapping = self.rules.mappings.get(mapping_id)
            if mapping is not None and mapping.rules.outbound is not None:
                about = f"{'/'.join(self.rules.spaces[space])} {anchor}"
                names = found.setdefault(identity, {})
                for flow in mapping.inbound:
                    names[flow.flow.attribute.name] = min(about, names.get(flow.flow.attribute.name, about))
        return found

    def _computed_paths(
        self, session: Session, identities: Sequence[Identity]
    ) -> tuple[dict[int, dict[str, Value]], dict[int, frozenset[str]]]:
        """What computed values read through references, by identity; and what those at the end lack."""
        found: dict[int, dict[str, Value]] = {}
        lacking: dict[int, frozenset[str]] = {}
        for name, kind in self.rules.types.items():
            wanted = {p for c in kind.computed for p in c.value.expression.reads if p in kind.paths}
            if wanted:
                numbers = [item.id for item in identities if item.type == name]
                found.update(load_paths(session, self.rules, kind, numbers, frozenset(wanted)))
                if self.report.lacking:
                    lacking.update(lacking_paths(session, self.rules, kind, numbers, self.report.lacking))
        return found, lacking

    # --- telling people

    def _tell(self, item: Identity, values: Values) -> frozenset[str]:
        """What could not be worked out of an identity; what it lacks since, or no more."""
        for trouble in values.troubles:
            kept = trouble.attribute not in values.lacking
            self.report.add(_problem(item, who_is(item.uid, values.document), trouble, kept=kept))
        faulty = values.lacking.union(trouble.attribute for trouble in values.troubles)
        self.report.note_faulty(item.uid, item.type, faulty)
        return self.report.note_lacking(item.uid, values.lacking)


def _problem(item: Identity, who: str, trouble: Trouble, *, kept: bool) -> Problem:
    joined = trouble.joined
    system = joined.mapping.rules.system if joined else ""
    kind = joined.mapping.rules.object if joined else item.type
    about = f"{system}/{kind} {joined.anchor}" if joined else f"{item.type} {who}"
    place = trouble.place
    if isinstance(trouble.waits, NeverRead):  # told once: the read that failed is told besides
        message = f"{place.file}:{place.line}:{place.column}: {trouble.message}"
        return Problem("never-read", "", message, type=item.type, note=True)
    if trouble.waits:
        return Problem(
            UNDECIDED,
            system,
            f"{place.file}:{place.line}:{place.column}: {about}: {trouble.message}",
            type=kind,
            identities=(item.uid,),
            held=True,
        )
    then = "The last good value is kept" if kept else "Until then it has no value"
    return Problem(
        "expression",
        system,
        f"{place.file}:{place.line}:{place.column}: {about}: {trouble.message}. {then}",
        type=kind,
        anchor=joined.anchor if joined else None,
        identities=(item.uid,),
    )
