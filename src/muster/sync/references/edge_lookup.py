"""One large reference of one owner in one system: who belongs in, what names them and how, what the system shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from muster.store.codec import decode
from muster.store.database import Session
from muster.sync.joins.cases import ABOUT_JOINS, UNJUDGED, any_case
from muster.sync.queue.changes import PLANNED
from muster.sync.references.naming import going, moving
from muster.sync.rules.ruleset import HELD, CompiledMapping, CompiledOutbound, Rules

Account = tuple[int, int]
"""An identity, and which of its accounts."""


@dataclass(slots=True)
class LargeReference:
    """Looks up what `edge_plan.py` decides from. `object`: the object that holds the reference; 0 while there is none.

    Every question is about some targets or texts, never about all.
    """

    session: Session
    rules: Rules
    mapping: CompiledMapping
    flow: CompiledOutbound
    owner: int
    object: int = 0
    spaces: list[int] = field(init=False)
    ignored: list[int] = field(init=False)
    """The objects whose edges do not count here."""

    def __post_init__(self) -> None:
        self.spaces = self.rules.spaces_of(self.mapping.rules.system)
        self.ignored = outranked(self.session, self.rules, self.owner, self.flow.edge, self.mapping)

    @property
    def _itself(self) -> set[Account]:
        """The owner's own object: nothing that has members is one of them."""
        return {(self.owner, self.rules.account_of(self.mapping.id))}

    @property
    def _own_name(self) -> str:
        return str(self.session.value("SELECT COALESCE(ref, anchor) FROM object WHERE id = ?", self.object) or "")

    @property
    def shows_something(self) -> bool:
        """Whether the object shows any value."""
        return bool(
            self.session.value(
                "SELECT count FROM shown_digest WHERE object = ? AND attribute = ?",
                self.object,
                self.flow.attribute_id,
            )
        )

    def wanted(self, targets: Sequence[int]) -> set[Account]:
        """Those of the targets that belong in."""
        found = self.edges_to(targets)
        system = self.mapping.rules.system
        gone = {(who, account) for who, place, account in going(self.session, self.rules, targets) if place == system}
        return found - gone - self._itself - cleared(self.session, self.rules, system, targets)

    def impossible(self, targets: Sequence[int], names: Mapping[Account, str]) -> set[Account]:
        """Those of the targets that cannot be in: the group itself, and who is in another forest."""
        schema = self.rules.schemas.get(self.mapping.rules.system)
        realm = schema.realm(self._own_name) if schema is not None and schema.realms else None
        found = {
            account
            for account, text in names.items()
            if schema is not None and realm is not None and schema.realm(text) not in (realm, None)
        }
        return found | {account for account in self._itself if account[0] in targets}

    def edges_to(self, targets: Sequence[int]) -> set[Account]:
        """Those of the targets to which the owner has an edge that counts here."""
        return set(
            self.session.rows(
                "SELECT DISTINCT target, account FROM edge "
                "WHERE target IN ?i AND attribute = ? AND +owner = ? AND origin NOT IN ?i",
                list(targets),
                self.flow.edge,
                self.owner,
                self.ignored,
            )
        )

    def names(self, targets: Sequence[int]) -> dict[Account, str]:
        """What names the targets' objects in this system."""
        found: dict[Account, str] = {}
        for _, _, identity, mapping_id, text in sorted(
            self.session.rows(
                "SELECT space, anchor, identity, mapping, COALESCE(ref, anchor) FROM object "
                "WHERE identity IN ?i AND +space IN ?i AND gone = 0",
                list(targets),
                self.spaces,
            ),
            reverse=True,
        ):
            if self.rules.bears_names(mapping_id):
                found[(identity, self.rules.account_of(mapping_id))] = text
        return found

    def moving(self, targets: Sequence[int]) -> set[Account]:
        """Those of the targets whose object gets a new name that the system does not put into references by itself."""
        found = moving(self.session, self.rules, targets)
        return {(who, account) for who, system, account in found if system == self.mapping.rules.system}

    def shown(self, texts: Iterable[str]) -> dict[str, int]:
        """What the system shows of these texts, and whether we wrote it."""
        return dict(
            self.session.rows(
                "SELECT text, wrote FROM shown WHERE object = ? AND attribute = ? AND text IN ?t",
                self.object,
                self.flow.attribute_id,
                sorted(texts),
            )
        )

    def coming(self, targets: Sequence[int]) -> set[Account]:
        """Those of the targets that get an object in this system by another change of the plan."""
        return {
            (identity, self.rules.account_of(mapping))
            for identity, mapping in self.session.rows(
                "SELECT identity, mapping FROM change "
                f"WHERE identity IN ?i AND space IN ?i AND state = {PLANNED} AND action = 'create'",
                list(targets),
                self.spaces,
            )
        }

    def owned(self, texts: Sequence[str], *, gone: bool = False) -> dict[str, int]:
        """The identities whose objects in this system bear these names (or bore them, before they were deleted)."""
        found: dict[str, int] = {}
        for column, condition in (("anchor", "AND ref IS NULL"), ("ref", "")):
            if column == "ref" and not self.rules.naming.get(self.mapping.rules.system):
                continue
            found.update(
                self.session.rows(
                    f"SELECT {column}, identity FROM object WHERE space IN ?i AND {column} IN ?t {condition} "
                    f"AND gone {'>' if gone else '='} 0 AND identity IS NOT NULL",
                    self.spaces,
                    list(texts),
                )
            )
        return found

    def returning(self, texts: Sequence[str]) -> set[str]:
        """The names of deleted objects of members whose objects the plan makes again."""
        bore = self.owned(texts, gone=True)
        members = sorted(set(bore.values()))
        back = {who for who, _ in self.wanted(members) & self.coming(members)}
        return {text for text, who in bore.items() if who in back}

    def undecided(self, texts: Sequence[str]) -> set[str]:
        """The names of objects that may be members', if a person says so, or a rule or a value is mended."""
        if not texts or not any_case(self.session):
            return set()
        bear = self.session.rows(
            "SELECT COALESCE(o.ref, o.anchor), ci.identity, ci.mapping FROM cases c CROSS JOIN case_identity ci "
            f"CROSS JOIN object o WHERE {ABOUT_JOINS} AND ci.object = c.object AND o.id = c.object "
            "AND o.space IN ?i AND COALESCE(o.ref, o.anchor) IN ?t",
            self.spaces,
            list(texts),
        )
        wanted = self.wanted(sorted({identity for _, identity, _ in bear}))
        unjudged = self.session.rows(
            f"SELECT COALESCE(o.ref, o.anchor) FROM cases c CROSS JOIN object o WHERE {UNJUDGED} AND o.id = c.object "
            "AND o.space IN ?i AND COALESCE(o.ref, o.anchor) IN ?t",
            self.spaces,
            list(texts),
        )
        found = {text for text, identity, mapping in bear if (identity, self.rules.account_of(mapping)) in wanted}
        return found | {row[0] for row in unjudged}

    def own_keys(self, texts: Sequence[str]) -> set[str]:
        """Those of the texts that an edge of the owner holds as they are: members whom nobody here knows."""
        hows = [
            number
            for number, (kind, argument) in self.rules.hows.items()
            if (kind == "system" and argument == self.mapping.rules.system)
            or (kind == "space" and int(argument) in self.spaces)
        ]
        return {
            row[0]
            for row in self.session.rows(
                "SELECT key FROM edge WHERE how IN ?i AND key IN ?t AND +owner = ? AND +attribute = ? "
                "AND +origin NOT IN ?i",
                hows,
                list(texts),
                self.owner,
                self.flow.edge,
                self.ignored,
            )
        }


def cleared(session: Session, rules: Rules, system: str, identities: Sequence[int]) -> set[Account]:
    """Those whose deprovisioning in the system took them out of all groups."""
    return {
        (identity, rules.account_of(mapping))
        for identity, mapping in session.rows(
            "SELECT identity, mapping FROM presence WHERE identity IN ?i AND step = 1 AND wanted = 0", list(identities)
        )
        if mapping in rules.mappings and rules.mappings[mapping].rules.system == system
    }


def outranked(session: Session, rules: Rules, owner: int, attribute: int, mapping: CompiledMapping) -> list[int]:
    """The objects of the owner whose edges the mapping does not write.

    All of them where a hold says what there is. Those of an account that is neither the main one nor the mapping's own;
    and, unless the sources are merged, all but the objects of the best source that shows something (by precedence, then
    anchor).
    """
    reading = {
        m.id: (m, flow)
        for m in rules.mappings.values()
        for flow in m.inbound
        if flow.attribute_id == attribute and m.rules.identity == mapping.rules.identity
    }
    held = session.one(
        "SELECT key FROM edge WHERE owner = ? AND attribute = ? AND origin = ? LIMIT 1", owner, attribute, HELD
    )
    if held is not None:
        return [row[0] for row in session.rows("SELECT id FROM object WHERE identity = ?", owner)]
    if attribute not in rules.contested and all(m.rules.account == "main" for m, _ in reading.values()):
        return []
    ignored: list[int] = []
    ranked: list[tuple[int, str, int]] = []
    for number, mapping_id, anchor in session.rows(
        "SELECT id, mapping, anchor FROM object WHERE identity = ? AND mapping IN ?i AND gone = 0",
        owner,
        sorted(reading),
    ):
        source, flow = reading[mapping_id]
        if source.rules.account not in ("main", mapping.rules.account):
            ignored.append(number)
            continue
        ranked.append((flow.flow.precedence, anchor, number))
    for position, (_, _, number) in enumerate(sorted(ranked) if attribute in rules.contested else ()):
        if session.one(
            "SELECT origin FROM edge WHERE owner = ? AND attribute = ? AND origin = ? LIMIT 1", owner, attribute, number
        ):
            return ignored + [entry[2] for entry in sorted(ranked)[position + 1 :]]
    return ignored


def spelled(session: Session, rules: Rules, system: str, texts: Sequence[str]) -> dict[str, str]:
    """How the system itself writes these names, where names are compared in another form than they are written."""
    if not rules.naming.get(system):
        return {}
    found: dict[str, str] = {}
    for space, ref, data in session.rows(
        "SELECT space, ref, doc FROM object WHERE ref IN ?t AND space IN ?i AND gone = 0",
        list(texts),
        rules.spaces_of(system),
    ):
        schema = rules.schema_of(space)
        name = decode(data).get(schema.naming) if schema is not None and schema.naming else None
        if isinstance(name, str):
            found[ref] = name
    return found
