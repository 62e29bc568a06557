"""Objects of nobody that a person would get by taking a unique value that they show.

A join line says that equal values mean one person. So a value is no stranger's when all who show it are objects that
the join rules would tie to the person who takes it; not, where a line before speaks against it: an account that shows
another number is somebody else's, whatever its login is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from muster.model.values import Document
from muster.store.database import Session
from muster.sync.decisions import Decisions, load_decisions
from muster.sync.joining import line_that_ties
from muster.sync.rules import CompiledJoin, CompiledMapping, Rules, identity_keys


@dataclass(frozen=True, slots=True)
class Loose:
    """An object that is joined to nobody, with its keys."""

    id: int
    anchor: str
    mapping: CompiledMapping
    keys: frozenset[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Adopted:
    """An object that becomes an identity's by a value that the identity takes and the object shows."""

    identity: int
    value: str
    object: Loose
    line: CompiledJoin


@dataclass(slots=True)
class Adopting:
    """What the objects of nobody are, of those that stand in the way of a batch of identities."""

    rules: Rules
    session: Session
    _objects: dict[int, Loose] = field(default_factory=dict)
    _known: set[int] = field(default_factory=set)
    _decisions: Decisions = field(default_factory=Decisions)
    _taken: set[tuple[int, int]] = field(default_factory=set)
    _identities: set[int] = field(default_factory=set)

    def load(self, objects: Iterable[int], identities: Iterable[int]) -> None:
        """Look up these objects, and which places the identities have filled or disputed."""
        fresh = sorted(set(objects) - self._known)
        if fresh:
            self._known.update(fresh)
            self._load_objects(fresh)
        owners = sorted(set(identities) - self._identities)
        if owners:
            self._identities.update(owners)
            self._taken.update(
                self.session.rows("SELECT identity, mapping FROM object WHERE identity IN ?i AND gone = 0", owners)
            )
            self._taken.update(
                self.session.rows("SELECT identity, mapping FROM case_identity WHERE identity IN ?i", owners)
            )

    def _load_objects(self, numbers: list[int]) -> None:
        found = load_decisions(self.session, numbers)
        self._decisions.alone |= found.alone | found.joins.keys()
        self._decisions.refused |= found.refused
        keys: dict[int, set[tuple[int, str]]] = {}
        for number, sig, key in self.session.rows(
            "SELECT object, sig, key FROM object_key WHERE object IN ?i", numbers
        ):
            keys.setdefault(number, set()).add((sig, key))
        for number, anchor, mapping_id in self.session.rows(
            "SELECT id, anchor, mapping FROM object o WHERE id IN ?i AND identity IS NULL AND gone = 0 AND dirty = 0 "
            "AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.object = o.id)",
            numbers,
        ):
            mapping = self.rules.mappings.get(mapping_id)
            if mapping is not None:
                self._objects[number] = Loose(number, anchor, mapping, frozenset(keys.get(number, ())))

    def adopt(
        self, identity: int, kind: str, value: str, objects: Collection[int], document: Document
    ) -> list[Adopted] | None:
        """These objects, as the identity's from now on; None when the join rules would not tie every one of them to
        the identity, if it held `document`."""
        found: list[Adopted] = []
        places: set[int] = set()
        keys = set(identity_keys(self.rules.types[kind], document))
        for number in sorted(objects):
            one = self._objects.get(number)
            if one is None or number in self._decisions.alone or identity in self._decisions.refused.get(number, ()):
                return None
            line = line_that_ties(one.mapping, one.keys, keys)
            place = one.mapping.id
            if line is None or one.mapping.rules.identity != kind:
                return None
            if not one.mapping.rules.several and (place in places or (identity, place) in self._taken):
                return None
            places.add(place)
            found.append(Adopted(identity, value, one, line))
        for adopted in found:
            del self._objects[adopted.object.id]
        self._taken.update((identity, place) for place in places)
        return found
