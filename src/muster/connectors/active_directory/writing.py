"""Writing to one domain, on the ldap connector's pipeline."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, Final

import ldap

from muster.connectors.active_directory import entries, errors
from muster.connectors.active_directory.member_writing import MemberWriter
from muster.connectors.active_directory.objects import AdReader
from muster.connectors.active_directory.schema import AdType
from muster.connectors.active_directory.views import signed
from muster.connectors.ldap import dn as dns
from muster.connectors.ldap import requests
from muster.connectors.ldap.controls import Request
from muster.connectors.ldap.modifying import Part, chunks
from muster.connectors.ldap.pipeline import Job, Reply, Send, Steps
from muster.connectors.ldap.requests import Modification
from muster.connectors.ldap.wire import Entry, LdapType
from muster.connectors.ldap.writing import no_parent
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.secrets import Secret
from muster.model.values import Document, Value, WrongType

TREE_DELETE: Final = Request("1.2.840.113556.1.4.805", critical=True)

_LEAVES: Final = frozenset({"user", "inetorgperson", "computer", "contact", "group"})
"""Classes whose objects hold only what belongs to them (a phone's partnership, a computer's service)."""

_TRIES: Final = 3


class AdWriter(MemberWriter):
    """Writes changes of one domain's types over its session."""

    def _located(self, batch: Sequence[Change]) -> dict[tuple[str, str], str]:
        anchors: dict[str, list[str]] = {}
        for change in batch:
            if change.anchor is not None and change.action is not Action.CREATE:
                anchors.setdefault(change.type, []).append(change.anchor)
        return {(name, anchor): dn for name, some in anchors.items() for anchor, dn in self.located(name, some)}

    def located(self, name: str, anchors: Sequence[str]) -> Iterable[tuple[str, str]]:
        """The anchors that are there, each with its DN."""
        kind = self._domain.types[name]
        asked = requests.any_anchor(kind, dict.fromkeys(anchors))
        for dn, entry in self._session.search(kind.base, ldap.SCOPE_SUBTREE, asked, [kind.anchor]):
            if kind.partition(dn) is not None:
                yield kind.anchor_of(entry[kind.anchor]), dn

    def _job(self, change: Change) -> Job | Outcome:
        kind = self._domain.types[change.type]
        try:
            if change.action is Action.CREATE:
                change = entries.named(kind, change)
            return super()._job(change)
        except WrongType as error:
            return Outcome(change.key, Result.REJECTED, change.anchor, reason=f"{error}.")

    def _reader(self, kind: LdapType, names: Iterable[str]) -> AdReader:
        return AdReader(self._domain.types[kind.name], names)

    # --- create

    def _create(self, change: Change, kind: LdapType, dn: str) -> Steps:
        ours = self._domain.types[kind.name]
        try:
            entries.check(ours, change, dn)
            entry = entries.additions(ours, change, dn)
        except WrongType as error:
            return Outcome(change.key, Result.REJECTED, reason=f"{dn}: {error}.")
        reply = yield lambda connection: connection.add_ext(dn, entry)
        if isinstance(reply.error, ldap.NO_SUCH_OBJECT):
            problem = yield from self._make_room(ours, dn, reply.error)
            if problem is not None:
                return Outcome(change.key, Result.REJECTED, reason=problem)
            reply = yield lambda connection: connection.add_ext(dn, entry)
        if isinstance(reply.error, ldap.ALREADY_EXISTS):
            return (yield from self._taken(change, ours, dn))
        if reply.error is not None:
            return self._refused(change, reply.error, dn, None)
        anchor = yield from self._anchor_of(ours, dn)
        values: Document = {"dn": dn}
        problem = yield from self._edges(ours, dn, chunks(change.edges))
        if problem is not None:
            return self._refused(change, problem, dn, anchor, values, "created, but ")
        return Outcome(change.key, Result.DONE, anchor, values)

    def _taken(self, change: Change, kind: AdType, dn: str) -> Steps:
        """Who has the name already: the DN, or sAMAccountName, which is one for the whole domain."""
        here = yield from self._first(dn, ldap.SCOPE_BASE, kind.filter, [kind.anchor])
        if here is not None:
            anchor = kind.anchor_of(here[1][kind.anchor])
            return Outcome(change.key, Result.EXISTS, anchor, {"dn": dn}, reason=f"{dn} is taken.")
        if (yield from self._entry(dn, ["1.1"])) is not None:
            reason = f"{dn} is taken by an object that is no {kind.name}. Give this one another name."
            return Outcome(change.key, Result.REJECTED, reason=reason)
        name = next((value for key, value in change.values.items() if key.lower() == "samaccountname"), None)
        if name is not None:
            asked = requests.equality(kind, "sAMAccountName", name)
            holder = yield from self._first(kind.base, ldap.SCOPE_SUBTREE, asked, [kind.anchor])
            if holder is not None:
                there, entry = holder
                reason = f"{dn}: sAMAccountName {name!r} is taken by {there}."
                found = yield from self._first(there, ldap.SCOPE_BASE, kind.filter, [kind.anchor])
                if found is None or kind.partition(there) is None:
                    return Outcome(change.key, Result.REJECTED, reason=reason)
                anchor = kind.anchor_of(entry[kind.anchor])
                return Outcome(change.key, Result.EXISTS, anchor, {"dn": there}, reason=reason)
        return Outcome(change.key, Result.REJECTED, reason=f"{dn}: another object has one of its names.")

    def _first(
        self, base: str, scope: int, asked: str, names: Sequence[str]
    ) -> Generator[Send, Reply, tuple[str, Entry] | None]:
        reply = yield lambda connection: connection.search_ext(base, scope, asked, list(names))
        return reply.entries[0] if reply.error is None and reply.entries else None

    # --- containers

    def _make_room(self, kind: AdType, dn: str, error: ldap.LDAPError) -> Generator[Send, Reply, str | None]:
        """Make the organizational units that are missing above `dn`, where the settings want that; else why not."""
        _, parent = dns.split(dn)
        missing: list[str] = []
        at = parent
        while (yield from self._entry(at, ["1.1"])) is None:
            if not self._domain.holds(at):
                return f"{dn}: it is not in {self._domain.root.base}, this system's domain."
            if not kind.create_containers or not at.lower().startswith("ou="):
                hint = "" if kind.create_containers else " `create_containers: true` has missing OUs made."
                return no_parent(dn, error) + hint
            missing.append(at)
            at = dns.split(at)[1]
        if not missing:
            return errors.refusal(error, dn)
        for container in reversed(missing):
            entry = [
                ("objectClass", [b"top", b"organizationalUnit"]),
                ("ou", [text.encode() for _, text in dns.rdn_values(container)]),
            ]
            reply = yield lambda connection, at=container, entry=entry: connection.add_ext(at, entry)  # type: ignore[misc]
            if reply.error is not None and not isinstance(reply.error, ldap.ALREADY_EXISTS):
                return f"{dn}: the container could not be made. {errors.refusal(reply.error, container)}"
        return None

    # --- update

    def _update(self, change: Change, kind: LdapType, dn: str, there: str | None) -> Steps:
        ours = self._domain.types[kind.name]
        anchor = change.anchor
        try:
            entries.check(ours, change, there)
            replaced = entries.replacements(ours, change, there or dn)
            single = entries.value_changes(ours, change)
            numbers = entries.views_in(ours, change.values)
            for values in numbers.values():
                entries.changed(ours, 0, values)
            _, refused = yield from self._condition(change, ours, dn)
        except WrongType as error:
            return Outcome(change.key, Result.REJECTED, anchor, reason=f"{dn}: {error}.")
        if refused is not None:
            return refused
        shown: Document = {}
        problem: Any = None
        if there is not None:
            problem = yield from self._moved(ours, dn, there)
            if problem is not None:
                return self._refused(change, problem, dn, anchor)
            dn, shown = there, {"dn": there}
        if change.password is not None:
            problem = yield from self._password(dn, change.password)
        if problem is None and (replaced or numbers):
            problem = yield from self._replace(ours, dn, replaced, numbers)
        if problem is None and single:
            problem = yield from self._single(ours, dn, single)
        if problem is None:
            problem = yield from self._edges(ours, dn, chunks(change.edges))
        if problem is not None:
            return self._refused(change, problem, dn, anchor, shown, "renamed, but " if shown else "")
        return Outcome(change.key, Result.DONE, anchor, shown)

    def _moved(self, kind: AdType, dn: str, there: str) -> Part:
        if not self._domain.holds(there):
            return (
                f"cannot move to {there}: it is in another domain. Let the account go here, and be made anew there by "
                "a mapping of its own."
            )
        _, parent = dns.split(there)
        error = yield from self._renamed(dn, there, [])
        if isinstance(error, ldap.NO_SUCH_OBJECT | ldap.OTHER) and (yield from self._entry(parent, ["1.1"])) is None:
            problem = yield from self._make_room(kind, there, error)
            if problem is not None:
                return f"cannot move. {problem}"
            error = yield from self._renamed(dn, there, [])
        if isinstance(error, ldap.ALREADY_EXISTS):
            return f"cannot be renamed: {there} is taken by another object."
        return error

    def _replace(
        self, kind: AdType, dn: str, replaced: list[Modification], numbers: dict[str, dict[str, Value]]
    ) -> Part:
        """Replace attributes, and numbers only if they still are what they were: others change other bits of them."""
        error: ldap.LDAPError | None = None
        for _ in range(_TRIES):
            mods, later = list(replaced), list[Modification]()
            for stored, values in numbers.items():
                if not any(kind.views[name].swapped for name in values):
                    mods.append((ldap.MOD_REPLACE, stored, [signed(entries.changed(kind, 0, values), stored)]))
                    continue
                entry = yield from self._entry(dn, [stored])
                was = next(iter((entry or {}).values()), [b"0"])[0]
                for number in entries.steps(kind, stored, was, values):
                    into = later if any(name == stored for _, name, _ in mods) else mods
                    new = signed(number, stored)
                    into += [(ldap.MOD_DELETE, stored, [was]), (ldap.MOD_ADD, stored, [new])]
                    was = new
            error = None
            for some in (mods, later):
                if some and error is None:
                    reply = yield lambda connection, some=some: connection.modify_ext(dn, some)  # type: ignore[misc]
                    error = reply.error
            if not numbers or not isinstance(error, ldap.NO_SUCH_ATTRIBUTE):
                return error
        return error

    # --- delete, password, outcomes

    def _delete(self, change: Change, kind: LdapType, dn: str) -> Steps:
        ours = self._domain.types[kind.name]
        try:
            _, refused = yield from self._condition(change, ours, dn)
        except WrongType as error:
            return Outcome(change.key, Result.REJECTED, change.anchor, reason=f"{dn}: {error}.")
        if refused is not None:
            return refused
        reply = yield lambda connection: connection.delete_ext(dn)
        if isinstance(reply.error, ldap.NOT_ALLOWED_ON_NONLEAF) and ours.object_class.lower() in _LEAVES:
            reply = yield lambda connection: connection.delete_ext(dn, [TREE_DELETE])
        if reply.error is not None:
            return self._refused(change, reply.error, dn, change.anchor)
        self._dns.pop((change.type, change.anchor or ""), None)
        return Outcome(change.key, Result.DONE, change.anchor)

    def _password(self, dn: str, password: Secret) -> Part:
        mods = [(ldap.MOD_REPLACE, "unicodePwd", [entries.password(password)])]
        reply = yield lambda connection: connection.modify_ext(dn, mods)
        return None if reply.error is None else f"the password was refused: {errors.refusal(reply.error, dn)}"

    def _refused(
        self,
        change: Change,
        problem: str | ldap.LDAPError,
        dn: str,
        anchor: str | None,
        values: Document | None = None,
        before: str = "",
    ) -> Outcome:
        if isinstance(problem, str):
            reason = problem if problem.startswith(dn) else f"{dn}: {before}{problem}"
            return Outcome(change.key, Result.REJECTED, anchor, values or {}, reason=reason)
        result = errors.result_of(problem, creating=change.action is Action.CREATE and not before)
        if before and result is Result.GONE:
            result = Result.REJECTED
        return Outcome(change.key, result, anchor, values or {}, reason=before + errors.refusal(problem, dn))
