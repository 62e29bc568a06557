"""Unique values: who holds which, and which are free.

Values are given out in one serial step, identity by identity in the order of their ids (which is the order of
precedence, then anchor). A value is free when no other identity has reserved it and no object of another hand shows it.
It is tentative, and given back when it is not used any more, until something is written with it or an object of the
identity shows it: then it is firm, and the identity's for good.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from muster.model.values import Document, Value, key_text
from muster.store.database import CHUNK, Session
from muster.sync.changes import SENT
from muster.sync.rules import CompiledMapping, CompiledType, Rules
from muster.sync.unique import Reservation

Name = tuple[str, str]
"""A unique value: its scope and its key."""

NOBODY: Final = 0
"""Stands for the identity of whoever holds a value that an object of nobody shows."""

_COLUMNS: Final = ("scope", "key", "identity", "value", "firm")


class Reservations:
    """The reservations that one batch looks at and makes, in memory until `save`."""

    def __init__(self, rules: Rules, session: Session) -> None:
        self.rules = rules
        self.session = session
        self._holders: dict[Name, set[int]] = {}
        self._shown: dict[Name, set[int]] = {}
        self._asked: set[Name] = set()
        self._new: dict[Name, tuple[int, str, int]] = {}
        self._released: set[Name] = set()
        self._had: dict[int, dict[str, list[Reservation]]] = {}

    def load(self, identities: Sequence[int]) -> None:
        """Fetch what these identities hold."""
        for start in range(0, len(identities), CHUNK):
            part = list(identities[start : start + CHUNK])
            for number in part:
                self._had.setdefault(number, {})
            for scope, identity, value, firm in self.session.rows(
                "SELECT scope, identity, value, firm FROM reserved WHERE identity IN ?i ORDER BY scope, key", part
            ):
                self._had[identity].setdefault(scope, []).append(Reservation(value, bool(firm)))

    def of(self, identity: int) -> dict[str, list[Reservation]]:
        """What the identity holds, by scope."""
        if identity not in self._had:
            self.load([identity])
        return self._had[identity]

    def prefetch(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Look up in one go who holds these (scope, value) pairs."""
        by_scope: dict[str, set[str]] = {}
        for scope, value in wanted:
            key = key_text((value,))
            if key is not None and (scope, key) not in self._asked:
                by_scope.setdefault(scope, set()).add(key)
        for scope, keys in sorted(by_scope.items()):
            self._fetch(scope, sorted(keys))

    def _fetch(self, scope: str, keys: list[str]) -> None:
        for start in range(0, len(keys), CHUNK):
            part = keys[start : start + CHUNK]
            self._asked.update((scope, key) for key in part)
            for key, identity in self.session.rows(
                "SELECT key, identity FROM reserved WHERE scope = ? AND key IN ?t", scope, part
            ):
                self._holders.setdefault((scope, key), set()).add(identity)
            for sig in self.rules.scope_sigs.get(scope, ()):
                for key, identity in self.session.rows(
                    "SELECT k.key, o.identity FROM object_key k JOIN object o ON o.id = k.object "
                    "WHERE k.sig = ? AND k.key IN ?t AND o.gone = 0",
                    sig,
                    part,
                ):
                    self._shown.setdefault((scope, key), set()).add(identity or NOBODY)

    def allocate(self, identity: int, scope: str, candidates: Sequence[str]) -> str | None:
        """The first free candidate, now reserved for the identity; None when all are taken."""
        self.prefetch((scope, value) for value in candidates)
        for value in candidates:
            key = key_text((value,))
            if key is None:
                continue
            name = (scope, key)
            shown = self._shown.get(name, set())
            if (self._holders.get(name, set()) | shown) - {identity}:
                continue
            firm = identity in shown
            self._holders.setdefault(name, set()).add(identity)
            self._new[name] = (identity, value, int(firm))
            self.of(identity).setdefault(scope, []).append(Reservation(value, firm))
            return value
        return None

    def give_back(self, identity: int, used: Collection[Name], but_for: Collection[str] = ()) -> None:
        """Release what the identity only had in mind and does not use any more, in all scopes but some."""
        own = self.of(identity)
        for scope, held in own.items():
            if scope in but_for:
                continue
            for one in held:
                name = (scope, key_text((one.value,)) or "")
                if not one.firm and name not in used:
                    self._holders.get(name, set()).discard(identity)
                    if self._new.pop(name, None) is None:
                        self._released.add(name)
            own[scope] = [one for one in held if one.firm or (scope, key_text((one.value,))) in used]

    def save(self) -> None:
        """Write what changed."""
        self.session.delete("reserved", ("scope", "key"), sorted(self._released - self._new.keys()))
        self.session.upsert(
            "reserved",
            _COLUMNS,
            ("scope", "key"),
            [
                (scope, key, identity, value, firm)
                for (scope, key), (identity, value, firm) in sorted(self._new.items())
            ],
        )
        self._new.clear()
        self._released.clear()


def computed_names(kind: CompiledType, document: Mapping[str, Value]) -> set[Name]:
    """The unique values among an identity's computed values."""
    pairs = ((scope, key_text((document.get(attribute),))) for attribute, scope in kind.unique.items())
    return {(scope, key) for scope, key in pairs if key is not None}


def written_names(mapping: CompiledMapping, identity: Document, values: Document, names: Iterable[str]) -> set[Name]:
    """The unique values that the writing of these attributes (`names`) uses.

    `values`: what is written; `identity`: what the identity holds, from which that was worked out.
    """
    found: set[Name] = set()
    for attribute in names:
        for scope, source in mapping.unique_of.get(attribute, ()):
            key = key_text((values.get(attribute) if source is None else dict.get(identity, source),))
            if key is not None:
                found.add((scope, key))
    return found


def release_taken(session: Session, rules: Rules, keys: Sequence[tuple[int, str, int]]) -> None:
    """Objects show these values (index, key, object): who had one of them in mind, and wrote nothing yet, gets another.

    Its own object may be among them; it then gets the same value again. What was sent before an interruption may be
    what shows now: that is settled first.
    """
    for scope, sigs in rules.scope_sigs.items():
        shown = sorted({key for sig, key, _ in keys if sig in sigs})
        rows = (
            session.rows(
                "SELECT key, identity FROM reserved r WHERE scope = ? AND key IN ?t AND firm = 0 AND NOT EXISTS "
                f"(SELECT 1 FROM change c WHERE c.identity = r.identity AND c.state = {SENT})",
                scope,
                shown,
            )
            if shown
            else ()
        )
        if rows:
            session.delete("reserved", ("scope", "key"), [(scope, key) for key, _ in rows])
            session.run("UPDATE identity SET dirty = dirty | 3 WHERE id IN ?i", [identity for _, identity in rows])


def make_firm(session: Session, written: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """These changes (identity, payload) were made: the names that they used are the identities' for good."""
    rows = {
        (1, scope, key, identity)
        for identity, payload in written
        for scope, key in payload.get("names", ())
        if identity
    }
    session.update("reserved", ("firm",), ("scope", "key", "identity"), sorted(rows))


def make_shown_firm(session: Session, rules: Rules, objects: Sequence[int]) -> None:
    """These objects were joined: the names that they show are their identities' for good."""
    for scope, sigs in rules.scope_sigs.items():
        session.run(
            "UPDATE reserved SET firm = 1 WHERE firm = 0 AND scope = ? AND EXISTS (SELECT 1 FROM object_key k JOIN "
            "object o ON o.id = k.object WHERE o.id IN ?i AND k.sig IN ?i AND k.key = reserved.key "
            "AND o.identity = reserved.identity)",
            scope,
            list(objects),
            sigs,
        )
