"""Unique values: who holds which, and which are free.

Values are given out in one serial step, identity by identity in the order of their ids (which is the order of
precedence, then anchor). A value is free when no other identity has reserved it and no object of another hand shows it.
It is tentative, and given back when it is not used any more, until something is written with it or an object of the
identity shows it: then it is firm, and the identity's for good. What an object shows of which a person must decide
whose it is, is neither free nor taken: nobody gets it, or one after it, before that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from muster.model.values import Document, Value, key_text
from muster.store.codec import decode
from muster.store.database import CHUNK, Session
from muster.sync.joins.cases import ERRORS, UNDECIDED, any_case
from muster.sync.names.adopting import Adopting
from muster.sync.names.unique import AsIf, Disputed, Reservation
from muster.sync.queue.changes import SENT
from muster.sync.rules.ruleset import CompiledMapping, CompiledType, Rules

Name = tuple[str, str]
"""A unique value: its scope and its key."""

_COLUMNS: Final = ("scope", "key", "identity", "value", "firm")


class Reservations:
    """The reservations that one batch looks at and makes, in memory until `save`."""

    def __init__(self, rules: Rules, session: Session) -> None:
        self.rules = rules
        self.session = session
        self._holders: dict[Name, set[int]] = {}
        self._shown: dict[Name, set[int]] = {}
        self._loose: dict[Name, set[int]] = {}
        self._disputed: dict[Name, dict[str, bool]] = {}
        """Objects as a message names them, and whether a rule or a value is to be mended before it can be told whose
        they are."""
        self.adopting = Adopting(rules, session)
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
                for key, identity, number in self.session.rows(
                    "SELECT k.key, o.identity, o.id FROM object_key k JOIN object o ON o.id = k.object "
                    "WHERE k.sig = ? AND k.key IN ?t AND o.gone = 0",
                    sig,
                    part,
                ):
                    if identity is None:
                        self._loose.setdefault((scope, key), set()).add(number)
                    else:
                        self._shown.setdefault((scope, key), set()).add(identity)
                if any_case(self.session):
                    self._fetch_disputed(scope, sig, part)

    def _fetch_disputed(self, scope: str, sig: int, keys: list[str]) -> None:
        for key, space, anchor, kind in self.session.rows(
            "SELECT k.key, o.space, o.anchor, c.kind FROM object_key k JOIN object o ON o.id = k.object "
            f"JOIN cases c ON c.object = o.id WHERE k.sig = ? AND k.key IN ?t AND o.gone = 0 AND {UNDECIDED}",
            sig,
            keys,
        ):
            about = f"{'/'.join(self.rules.spaces[space])} {anchor}"
            self._disputed.setdefault((scope, key), {})[about] = kind in ERRORS

    def allocate(
        self, identity: int, kind: str, scope: str, candidates: Sequence[str], as_if: AsIf | None = None
    ) -> str | Disputed | None:
        """The first candidate that is free for the identity, of a type; it is reserved now. None when all are taken,
        `Disputed` when a person must decide first whether one of them is."""
        self.prefetch((scope, value) for value in candidates)
        for value in candidates:
            key = key_text((value,))
            if key is None:
                continue
            name = (scope, key)
            shown = self._shown.get(name, set())
            if (self._holders.get(name, set()) | shown) - {identity}:
                continue
            if disputed := self._disputed.get(name):
                return Disputed(" and ".join(sorted(disputed)), value, unjudged=any(disputed.values()))
            loose = self._loose.get(name)
            if loose and not (as_if is not None and self._own(identity, kind, loose, value, as_if)):
                continue
            firm = identity in shown
            self._holders.setdefault(name, set()).add(identity)
            self._new[name] = (identity, value, int(firm))
            self.of(identity).setdefault(scope, []).append(Reservation(value, firm))
            return value
        return None

    def _own(self, identity: int, kind: str, objects: set[int], value: str, as_if: AsIf) -> bool:
        """Whether these objects of nobody would be the identity's if it had the value; then they are."""
        self.adopting.load((number for loose in self._loose.values() for number in loose), self._had)
        return self.adopting.adopt(identity, kind, objects, as_if(value))

    def given(self) -> list[tuple[str, str]]:
        """What was given out and not yet saved: (scope, value)."""
        return [(scope, value) for (scope, _), (_, value, _) in self._new.items()]

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
    scopes: dict[int, list[str]] = {}
    for scope, sigs in rules.scope_sigs.items():
        for sig in sigs:
            scopes.setdefault(sig, []).append(scope)
    if not scopes:
        return
    rows = {
        (1, scope, key, identity)
        for sig, key, identity in session.rows(
            "SELECT k.sig, k.key, o.identity FROM object_key k JOIN object o ON o.id = k.object "
            "WHERE k.object IN ?i AND k.sig IN ?i",
            list(objects),
            sorted(scopes),
        )
        for scope in scopes[sig]
    }
    session.update("reserved", ("firm",), ("scope", "key", "identity"), sorted(rows))


def release_shown(session: Session, rules: Rules, parted: Mapping[int, int]) -> None:
    """Objects leave their identities (object → identity), and the names that they alone showed go with them.

    A name stays where another object of the identity shows it, or was written with it.
    """
    owners = sorted(set(parted.values()))
    staying: dict[int, list[tuple[int, CompiledMapping | None, Document]]] = {}
    for number, identity, mapping_id, wrote in session.rows(
        "SELECT id, identity, mapping, wrote FROM object WHERE identity IN ?i AND gone = 0", owners
    ):
        if number not in parted:
            staying.setdefault(identity, []).append((number, rules.mappings.get(mapping_id), decode(wrote)))
    for scope, sigs in rules.scope_sigs.items():
        shown: dict[str, set[int]] = {}
        for key, number in session.rows(
            "SELECT k.key, k.object FROM reserved r JOIN object_key k ON k.key = r.key "
            "WHERE r.scope = ? AND r.identity IN ?i AND k.sig IN ?i",
            scope,
            owners,
            sigs,
        ):
            shown.setdefault(key, set()).add(number)
        gone: list[tuple[str, str, int]] = []
        for number, identity in parted.items():
            others = staying.get(identity, ())
            if not any(_writes(mapping, scope, wrote) for _, mapping, wrote in others):
                kept = {other for other, _, _ in others}
                gone.extend((scope, key, identity) for key, by in shown.items() if number in by and not by & kept)
        session.delete("reserved", ("scope", "key", "identity"), gone)


def _writes(mapping: CompiledMapping | None, scope: str, wrote: Document) -> bool:
    """Whether something that was written came from a unique value of this scope."""
    if mapping is None:
        return bool(wrote)
    return any(scope in {one for one, _ in mapping.unique_of.get(attribute, ())} for attribute in wrote)
