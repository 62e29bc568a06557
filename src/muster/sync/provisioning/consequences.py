"""A plan follows its own consequences: what systems will answer to its creates is known after apply, and so is whatever
depends on it: of the identity itself, and of those who read it through a reference (`[manager.mail]`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

import orjson

from muster.model.changes import Action
from muster.store.database import Session
from muster.sync.identities.partial import PartialDocument
from muster.sync.identities.paths import path_ends, whole_path
from muster.sync.provisioning.wishes import Question, Wish
from muster.sync.queue.changes import PLANNED
from muster.sync.rules.ruleset import CompiledMapping, CompiledType, Rules

Promise = tuple[int, str]
"""An identity, and an attribute that a system will answer."""

_NOTHING: Final = frozenset[str]()


class Consequences:
    """What the creates of a plan will bring to light. The rules say beforehand where to look at all."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        given = {name: _computed(kind, _given(kind.outbound)) for name, kind in rules.types.items()}
        every = set().union(*given.values())
        self.paths = {
            name: [path for path in sorted(kind.paths) if "." in whole_path(path) and _last(path) in every]
            for name, kind in rules.types.items()
        }
        """By type, what its identities read through references that a create may answer."""
        through = {_last(path) for paths in self.paths.values() for path in paths}
        self.answering = [
            mapping.id
            for kind in rules.types.values()
            for mapping in kind.outbound
            if _computed(kind, _given([mapping])) & through
        ]
        """The mappings whose creates others may have to wait for."""
        self.follows = {
            name: bool(self.paths[name] or given[name] & (outbound_reads(kind) | through))
            for name, kind in rules.types.items()
        }
        """By type, whether anything of its identities may be known after apply."""

    def follow(
        self,
        kind: CompiledType,
        questions: Sequence[Question],
        wishes: list[Wish],
        coming: Collection[str],
        decide: Callable[[Question], Wish],
    ) -> None:
        """Decide again what depends on values that the plan's creates will bring; `coming` are those of others."""
        later: frozenset[str] = _NOTHING
        for _ in range(len(questions) + 1):
            answers = [_answers(question, wish) for question, wish in zip(questions, wishes, strict=True)]
            new = frozenset(_computed(kind, set(coming).union(*answers)))
            if new == later:
                break
            later = new
            for position, question in enumerate(questions):
                if any(flow.reads & later for flow in question.mapping.outbound):
                    question.document = PartialDocument(question.document, later | question.lacking)
                    wishes[position] = decide(question)
        for question, wish in zip(questions, wishes, strict=True):
            wish.answers = sorted(_computed(kind, _answers(question, wish)))

    # --- through references

    def promised(self, session: Session, identities: Sequence[int]) -> set[Promise]:
        """What pending creates will answer of these identities, of what others read."""
        if not self.answering:
            return set()
        return {
            (identity, name)
            for identity, payload in session.rows(
                "SELECT c.identity, p.doc FROM change c JOIN payload p ON p.change = c.id "
                f"WHERE c.identity IN ?i AND c.state = {PLANNED} AND c.action = 'create' AND +c.mapping IN ?i",
                list(identities),
                self.answering,
            )
            for name in orjson.loads(payload).get("answers", ())
        }

    def coming(self, session: Session, kind: CompiledType, identities: Sequence[int]) -> dict[int, set[str]]:
        """The paths of these identities that lead to what a pending create will answer."""
        found: dict[int, set[str]] = {}
        paths = self.paths[kind.type.name]
        if not paths or not self._any_create(session):
            return found
        ends: dict[str, dict[int, set[int]]] = {}
        for path in paths:
            reference, _, name = whole_path(path).rpartition(".")
            if reference not in ends:
                ends[reference] = path_ends(session, self.rules, reference.split("."), identities)
            promised = {who for who, what in self.promised(session, sorted(ends[reference])) if what == name}
            for who in promised:
                for reader in ends[reference][who]:
                    found.setdefault(reader, set()).add(path)
        return found

    def _any_create(self, session: Session) -> bool:
        spaces = sorted({self.rules.mappings[number].space for number in self.answering})
        query = f"SELECT id FROM change WHERE state = {PLANNED} AND space IN ?i AND action = 'create' LIMIT 1"
        return session.one(query, spaces) is not None


def _last(path: str) -> str:
    return whole_path(path).rpartition(".")[2]


def _given(mappings: Iterable[CompiledMapping]) -> set[str]:
    return {answer.flow.attribute.name for mapping in mappings for answer in mapping.answers}


def _answers(question: Question, wish: Wish) -> set[str]:
    """What the system will answer to a create, and the identity does not hold yet."""
    if wish.action is not Action.CREATE:
        return set()
    return {
        answer.flow.attribute.name
        for answer in question.mapping.answers
        if answer.flow.attribute.name not in question.document and answer.reads - wish.values.keys()
    }


def _computed(kind: CompiledType, names: Collection[str]) -> set[str]:
    """These attributes, and those that are computed from them."""
    found = set(names)
    for computed in kind.computed:
        if computed.value.expression.reads & found:
            found.add(computed.attribute.name)
    return found


def outbound_reads(kind: CompiledType) -> set[str]:
    """What the mappings that write identities of a type read of them."""
    found: set[str] = set()
    for mapping in kind.outbound:
        for flow in mapping.outbound:
            found |= flow.reads
        out = mapping.rules.outbound
        if out is not None:
            found |= out.asks
    return found


def by_identity(promises: Iterable[Promise]) -> Mapping[int, set[str]]:
    """The attributes of each identity."""
    found: dict[int, set[str]] = {}
    for identity, name in promises:
        found.setdefault(identity, set()).add(name)
    return found
