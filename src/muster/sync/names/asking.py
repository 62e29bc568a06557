"""Systems are asked who has a unique value before it is given out: an object that no read showed is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from muster.model.objects import ConnectorObject
from muster.model.values import key_text
from muster.store.database import Database, Session, chunks
from muster.sync.names.lookup import Found, take_in
from muster.sync.rules.ruleset import Rules

FindAny: TypeAlias = Callable[[str, str, Sequence[str]], Sequence[ConnectorObject]]
"""(object type, attribute, values) → the objects of the system that have one of the values."""


class Asking:
    """Asks the systems of a run, for each value once."""

    def __init__(self, rules: Rules, database: Database, systems: Mapping[str, FindAny]) -> None:
        self.rules = rules
        self.database = database
        self._asked: set[tuple[int, str]] = set()
        self._places: dict[int, tuple[int, str, FindAny]] = {}
        for space, shown in rules.indexed.items():
            find = systems.get(rules.system_of(space))
            if find is not None:
                self._places.update((one.sig, (space, one.attribute, find)) for one in shown)
        self.scopes = frozenset(
            scope for scope, sigs in rules.scope_sigs.items() if any(sig in self._places for sig in sigs)
        )
        """The scopes of which some system can be asked."""

    def ask(self, names: Iterable[tuple[str, str]]) -> bool:
        """Ask for values (scope, value) that are about to be given out; whether somebody has one whom we did not know.

        Such objects are taken in, to be joined or avoided as any other.
        """
        wanted: dict[int, dict[str, str]] = {}
        for scope, value in names:
            key = key_text((value,))
            for sig in self.rules.scope_sigs.get(scope, ()):
                if key is not None and sig in self._places and (sig, key) not in self._asked:
                    self._asked.add((sig, key))
                    wanted.setdefault(sig, {})[key] = value
        any_found = False
        for sig, values in sorted(wanted.items()):
            space, attribute, find = self._places[sig]
            kind = self.rules.spaces[space][1]
            for batch in chunks(values.items()):
                found = find(kind, attribute, [value for _, value in batch])
                if found:
                    with self.database.write() as session:
                        any_found |= self._take_in(session, sig, space, [key for key, _ in batch], found)
        return any_found

    def _take_in(
        self, session: Session, sig: int, space: int, keys: list[str], found: Sequence[ConnectorObject]
    ) -> bool:
        known = {
            row[0]
            for row in session.rows(
                "SELECT o.anchor FROM object_key k JOIN object o ON o.id = k.object "
                "WHERE k.sig = ? AND k.key IN ?t AND o.gone = 0",
                sig,
                keys,
            )
        }
        strange = [Found(space, item) for item in found if item.anchor not in known]
        take_in(session, self.rules, strange)
        return bool(strange)
