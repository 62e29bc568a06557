"""What is loaded once for a batch of identities, so that what their systems should hold can be decided in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from muster.model.values import Value
from muster.store.codec import decode
from muster.store.database import Session
from muster.sync.identities.paths import lacking_paths, load_paths
from muster.sync.identities.values import MADE_AGAIN
from muster.sync.joins.cases import ABOUT_OTHERS, undecided_names
from muster.sync.names.adopting import undecided
from muster.sync.provisioning.consequences import Consequences, outbound_reads
from muster.sync.provisioning.holds import Holds, load_holds
from muster.sync.provisioning.wishes import Presence, Target
from muster.sync.queue.changes import SENT
from muster.sync.references.edge_lookup import cleared
from muster.sync.references.naming import Place, lasting_names
from muster.sync.rules.ruleset import HELD, CompiledMapping, Rules

T = TypeVar("T")


@dataclass(slots=True)
class Member:
    """One object of one identity."""

    id: int
    space: int
    anchor: str
    mapping: int
    gone: int
    row: tuple[Any, ...]

    @property
    def untouched(self) -> bool:
        """Whether another hand made it, and nothing was ever written to it."""
        _, wrote, _, _, made = self.row
        return not made and not decode(wrote)


@dataclass(slots=True)
class Batch:
    """What a batch of identities needs to be decided, loaded once."""

    members: dict[int, list[Member]] = field(default_factory=dict)
    presence: dict[tuple[int, int], Presence] = field(default_factory=dict)
    blocked: set[tuple[int, int]] = field(default_factory=set)
    references: dict[tuple[int, int], list[tuple[int, int]]] = field(default_factory=dict)
    named: dict[Place, tuple[int, str]] = field(default_factory=dict)
    renamed: dict[str, dict[tuple[int, int], str]] = field(default_factory=dict)
    """System → (identity, account) → the present name of an object that gets another."""
    paths: dict[int, dict[str, Value]] = field(default_factory=dict)
    coming: dict[int, set[str]] = field(default_factory=dict)
    """Paths whose values the plan will bring."""
    lacking: dict[int, frozenset[str]] = field(default_factory=dict)
    """Paths that lead to what somebody else should have, and has not yet because of something that was told."""
    undecided: dict[str, dict[tuple[int, int], set[str]]] = field(default_factory=dict)
    """System → (identity, account) → names of objects of which a person must decide whether they are theirs."""
    cleared: set[tuple[int, str, int]] = field(default_factory=set)
    """(identity, system, account) of those who are to be in no group there."""
    frozen: dict[int, set[int]] = field(default_factory=dict)
    """Identity → the spaces in which a mapping that is gone has left it an object."""
    holds: Holds = field(default_factory=Holds)
    strangers: set[int] = field(default_factory=set)
    """Objects (ids) that may be a stranger's."""

    def target(self, identity: int, mapping: CompiledMapping) -> Target | None:
        """The identity's object of the mapping: the one that is there, where others are gone."""
        members = [member for member in self.members.get(identity, ()) if member.mapping == mapping.id]
        if not members:
            return None
        member = min(members, key=lambda one: (one.gone, one.anchor))
        data, wrote, wanted, stick, made = member.row
        return Target(
            id=member.id,
            anchor=member.anchor,
            document=decode(data),
            wrote=decode(wrote),
            wanted=decode(wanted),
            stick=decode(stick),
            gone=member.gone,
            again=made == MADE_AGAIN,
            stranger=member.id in self.strangers,
        )

    def referred(self, identity: int, mapping: CompiledMapping) -> dict[str, list[tuple[int, int, str | None]]]:
        """Attribute → to whom its reference leads: (identity, account, what names their object in the system)."""
        system = mapping.rules.system
        found: dict[str, list[tuple[int, int, str | None]]] = {}
        for flow in mapping.references:
            found[flow.flow.attribute] = [
                (target, account, self.named.get((target, system, account), (0, None))[1])
                for target, account in self.references.get((identity, flow.edge), ())
                if not flow.attribute.many or (target, system, account) not in self.cleared
            ]
        return found


class Loader:
    """Loads batches. `frozen`: the mappings that are gone, by id."""

    def __init__(self, rules: Rules, consequences: Consequences, frozen: Mapping[int, str], now: int) -> None:
        self.rules = rules
        self.consequences = consequences
        self.frozen = frozen
        self.now = now
        self.edges = sorted({f.edge for m in rules.mappings.values() for f in m.outbound if f.edge and not f.streamed})

    def load(
        self, session: Session, rows: Sequence[Sequence[Any]], lacking: Mapping[str, frozenset[str]] | None = None
    ) -> Batch:
        """What the identities of these rows (id, uid, type, …) have, are and refer to.

        `lacking`: what identities (public ids) should have, and have not yet because of something that was told.
        """
        numbers = [row[0] for row in rows]
        batch = Batch()
        for found in session.rows(
            "SELECT identity, id, space, anchor, mapping, gone, doc, wrote, wanted, stick, made FROM object "
            "WHERE identity IN ?i",
            numbers,
        ):
            batch.members.setdefault(found[0], []).append(
                Member(found[1], found[2], found[3], found[4], found[5], found[6:])
            )
            if found[4] in self.frozen and not found[5]:
                batch.frozen.setdefault(found[0], set()).add(found[2])
        by_names = (m for found in batch.members.values() for m in found if m.mapping in self.rules.by_names)
        batch.strangers = undecided(session, [member.id for member in by_names if member.untouched])
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
                if lacking and kind.paths:
                    batch.lacking.update(lacking_paths(session, self.rules, kind, members, lacking))
        return batch

    def _load_references(self, session: Session, numbers: list[int], batch: Batch) -> None:
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
            batch.named, renamed = lasting_names(session, self.rules, sorted(targets))
            batch.renamed = _by_system(renamed)
            batch.undecided = _by_system(undecided_names(session, self.rules, sorted(targets)))
            for system in {self.rules.mappings[number].rules.system for number in self.rules.clearing}:
                batch.cleared.update(
                    (identity, system, account)
                    for identity, account in cleared(session, self.rules, system, sorted(targets))
                )


def _by_system(found: Mapping[Place, T]) -> dict[str, dict[tuple[int, int], T]]:
    sorted_out: dict[str, dict[tuple[int, int], T]] = {}
    for (identity, system, account), what in found.items():
        sorted_out.setdefault(system, {})[(identity, account)] = what
    return sorted_out
