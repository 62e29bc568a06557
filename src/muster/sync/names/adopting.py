"""Objects of nobody that a person would get by taking a unique value that they show, and objects of a person that may
be somebody else's by now.

A join line says that equal values mean one person. So a value is no stranger's when all who show it are objects that
the join rules would tie to the person who takes it; not, where a line before speaks against it: an account that shows
another number is somebody else's, whatever its login is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from muster.expressions import Context
from muster.model.values import Document
from muster.store.database import Session
from muster.sync.joins.cases import named
from muster.sync.joins.decisions import Decisions, load_decisions
from muster.sync.joins.joining import line_that_parts, line_that_ties, object_keys
from muster.sync.problems import who_is
from muster.sync.provisioning.wishes import Note, Question, Target
from muster.sync.rules.ruleset import CompiledMapping, CompiledType, Rules, identity_keys


@dataclass(frozen=True, slots=True)
class Loose:
    """An object that is joined to nobody, with its keys."""

    id: int
    mapping: CompiledMapping
    keys: frozenset[tuple[int, str]]


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
        for number, mapping_id in self.session.rows(
            "SELECT id, mapping FROM object o WHERE id IN ?i AND identity IS NULL AND gone = 0 AND dirty = 0 "
            "AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.object = o.id)",
            numbers,
        ):
            mapping = self.rules.mappings.get(mapping_id)
            if mapping is not None:
                self._objects[number] = Loose(number, mapping, frozenset(keys.get(number, ())))

    def adopt(self, identity: int, kind: str, objects: Collection[int], document: Document) -> bool:
        """Whether the join rules would tie every one of these objects to the identity, if it held `document`; then they
        are its own from now on."""
        found: list[Loose] = []
        places: set[int] = set()
        keys = set(identity_keys(self.rules.types[kind], document))
        for number in sorted(objects):
            one = self._objects.get(number)
            if one is None or number in self._decisions.alone or identity in self._decisions.refused.get(number, ()):
                return False
            line = line_that_ties(one.mapping, one.keys, keys)
            place = one.mapping.id
            if line is None or one.mapping.rules.identity != kind:
                return False
            if not one.mapping.rules.several and (place in places or (identity, place) in self._taken):
                return False
            places.add(place)
            found.append(one)
        for one in found:
            del self._objects[one.id]
        self._taken.update((identity, place) for place in places)
        return True


def undecided(session: Session, objects: Sequence[int]) -> set[int]:
    """Those of these objects that no person said to be somebody's."""
    return set(objects) - load_decisions(session, objects).joins.keys() if objects else set()


def doubts(question: Question, kind: CompiledType, uid: str, context: Context) -> list[Note]:
    """What to tell of a change to an object that may be somebody else's than that identity's (public id)."""
    target = question.target
    if target is None or target.gone:
        return []
    who = who_is(uid, question.document)
    told = (_taken_over(question, target, kind, who, context), _contradicted(question, target, kind, who, context))
    return [note for note in told if note is not None]


def _taken_over(question: Question, target: Target, kind: CompiledType, who: str, context: Context) -> Note | None:
    """What to tell of a change to an object that was nobody's and that only a name which Muster gives out ties to
    `who`: it may be a stranger's. None of all others."""
    mapping = question.mapping
    if not target.stranger:
        return None
    keys = object_keys(mapping, target.document, context).found
    join = line_that_ties(mapping, keys, identity_keys(kind, dict(question.document)))
    if join is None or not join.given:
        return None
    shows = " and ".join(repr(question.document.get(name)) for name in join.line.attributes)
    message = (
        f"was nobody's, shows {shows}, and is joined to {who}, who has that name ({join.line.place}). If it is "
        f"somebody else's: muster joins split {named(mapping.rules.system, mapping.rules.object, target.anchor)}"
    )
    return Note("adopted", message, join.line.place, error=False)


def _contradicted(question: Question, target: Target, kind: CompiledType, who: str, context: Context) -> Note | None:
    """What to tell of a change to an object in which another hand changed what it is known by: it may have been made
    anew for somebody else. None of all others, and where it shows what Muster itself wrote or last found right there.

    It is told and not held: whoever can write such a value could keep an account from being switched off.
    """
    mapping = question.mapping
    keys = object_keys(mapping, target.document, context).found
    join = line_that_parts(mapping, keys, identity_keys(kind, dict(question.document)))
    if join is None or join.given:
        return None
    before = object_keys(mapping, {**target.document, **target.wrote, **target.wanted}, context).found
    if not {key for key in before if key[0] == join.sig}.isdisjoint(keys):
        return None
    names = join.line.attributes
    found = zip(names, join.program.run(target.document, context), strict=True)
    message = (
        f"shows {_listed(found)}, but is joined to {who}, who has "
        f"{_listed((name, question.document.get(name)) for name in names)} ({join.line.place}): another hand changed "
        "that, or made it anew for somebody else. If it is somebody else's, before these changes are applied: muster "
        f"joins split {named(mapping.rules.system, mapping.rules.object, target.anchor)}"
    )
    return Note("other-key", message, join.line.place, error=False)


def _listed(values: Iterable[tuple[str, object]]) -> str:
    return " and ".join(f"{name} {value!r}" for name, value in values)
