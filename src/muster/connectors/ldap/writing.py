"""Writing to a directory: each change as a chain of requests, many chains at once."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import ldap
from ldap.controls.libldap import AssertionControl

from muster.connectors.ldap import controls, errors, requests, wire
from muster.connectors.ldap import dn as dns
from muster.connectors.ldap.modifying import Part, ValueWriter, chunks
from muster.connectors.ldap.pipeline import Job, Pipeline, Reply, Send, Steps
from muster.connectors.ldap.session import Session
from muster.connectors.ldap.wire import LdapType
from muster.model.aside import name_aside
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.secrets import Secret
from muster.model.values import Document, WrongType, same, shown

BATCH: Final = 500
"""Changes whose DNs are looked up with one search."""

_CANNOT_MOVE: Final = (
    ldap.AFFECTS_MULTIPLE_DSAS,
    ldap.NOT_ALLOWED_ON_NONLEAF,
    ldap.PROTOCOL_ERROR,
    ldap.UNWILLING_TO_PERFORM,
)
"""How servers say that they do not move an object between containers (RFC 4511 section 4.9)."""


class Writer(ValueWriter):
    """Writes changes of the given types over one session."""

    def __init__(self, session: Session, types: Mapping[str, LdapType]) -> None:
        self._session = session
        self._types = types
        self._dns: dict[tuple[str, str], str] = {}
        self._moves: dict[dns.Key, dns.Key] = {}
        self._asserts = controls.ASSERTION in session.offers.controls
        self._post_read = controls.POST_READ in session.offers.controls
        self._anchor_control = {name: controls.post_read(kind.anchor) for name, kind in types.items()}

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change. Raises `Unreachable` when the server does not answer any more."""
        pipeline = Pipeline(self._session, self._session.settings.window)
        source = iter(changes)
        while batch := list(islice(source, BATCH)):
            if pipeline.leaving:
                yield from pipeline.finish()
            self._dns = self._located(batch)
            for change in self._in_order(batch):
                yield from pipeline.submit(lambda change=change: self._job(change))  # type: ignore[misc]
        yield from pipeline.finish()

    def _located(self, batch: Sequence[Change]) -> dict[tuple[str, str], str]:
        """The DN of every object that the batch updates or deletes, with one search a type."""
        anchors: dict[str, list[str]] = {}
        for change in batch:
            if change.anchor is not None and change.action is not Action.CREATE:
                anchors.setdefault(change.type, []).append(change.anchor)
        found: dict[tuple[str, str], str] = {}
        for name, some in anchors.items():
            kind = self._types[name]
            entries = self._session.search(
                kind.base, ldap.SCOPE_SUBTREE, requests.any_anchor(kind, dict.fromkeys(some)), [kind.anchor]
            )
            for dn, entry in entries:
                for values in entry.values():
                    found[name, kind.anchor_of(values)] = dn
        return found

    def _in_order(self, batch: Sequence[Change]) -> list[Change]:
        """The batch with whoever leaves a name before whoever takes it. Notes who moves from where to where."""
        self._moves = {}
        leaving: dict[dns.Key, Change] = {}
        for change in batch:
            here = self._dns.get((change.type, change.anchor or ""))
            if change.action is Action.CREATE or change.action is Action.DELETE or here is None:
                continue
            try:
                there = requests.renamed_dn(self._types[change.type], change, here)
                if there is not None and dns.key(here) not in leaving:
                    leaving[dns.key(here)] = change
                    self._moves[dns.key(here)] = dns.key(there)
            except (WrongType, dns.MalformedDn):
                continue  # told when it is its turn
        places = {change.key: place for place, change in leaving.items()}
        ordered: list[Change] = []
        seen: set[int] = set()
        for change in batch:
            chain: list[Change] = []
            at: Change | None = change
            while at is not None and at.key not in seen:
                seen.add(at.key)
                chain.append(at)
                at = leaving.get(self._moves[places[at.key]]) if at.key in places else None
            ordered.extend(reversed(chain))
        return ordered

    def _job(self, change: Change) -> Job | Outcome:
        kind = self._types[change.type]
        try:
            if change.action is Action.CREATE:
                dn = requests.new_dn(kind, change)
                return Job(self._create(change, kind, dn), (dns.key(dn),), moves=True)
            here = self._dns.get((change.type, change.anchor or ""))
            if here is None:
                return Outcome(
                    change.key,
                    Result.GONE,
                    change.anchor,
                    reason=gone(kind),
                )
            if change.action is Action.DELETE:
                return Job(self._delete(change, kind, here), (dns.key(here),), moves=True, leaves=True)
            there = requests.renamed_dn(kind, change, here)
            places = (dns.key(here),) if there is None else tuple({dns.key(here), dns.key(there)})
            moving = there is not None or requests.loses_name(kind, change, here)
            return Job(self._update(change, kind, here, there), places, moves=moving, leaves=moving)
        except (WrongType, dns.MalformedDn) as error:
            return Outcome(change.key, Result.REJECTED, change.anchor, reason=f"{error}")

    # --- create

    def _create(self, change: Change, kind: LdapType, dn: str) -> Steps:
        edges = chunks(change.edges)
        first = next(edges, None)
        try:
            entry = requests.additions(kind, change, dn, {first.attribute: first.add} if first else {})
        except WrongType as error:
            return Outcome(change.key, Result.REJECTED, reason=f"{dn}: {error}")
        password = change.password
        if password is not None and self._session.offers.is_389:
            entry.append(("userPassword", [password.reveal().encode()]))
            password = None
        asked = [self._anchor_control[change.type]] if self._post_read else None
        reply = yield lambda connection: connection.add_ext(dn, entry, asked)
        if reply.error is not None:
            return (yield from self._not_created(change, kind, dn, reply.error))
        anchor = None
        for control in reply.controls:
            if isinstance(control, controls.PostRead) and control.entry:
                dn = control.dn
                anchor = kind.anchor_of(next(iter(control.entry.values())))
        if anchor is None:
            anchor = yield from self._anchor_of(kind, dn)
        values: Document = {"dn": dn}
        problem = yield from self._edges(kind, dn, edges)
        if problem is None and password is not None:
            problem = yield from self._password(dn, password)
        if problem is not None:
            return outcome_of(change, problem, dn, anchor, values, "created, but ")
        return Outcome(change.key, Result.DONE, anchor, values)

    def _not_created(self, change: Change, kind: LdapType, dn: str, error: ldap.LDAPError) -> Steps:
        if isinstance(error, ldap.ALREADY_EXISTS):
            anchor = yield from self._anchor_of(kind, dn)
            return Outcome(change.key, Result.EXISTS, anchor, {"dn": dn}, reason=f"{dn} is taken.")
        if isinstance(error, ldap.NO_SUCH_OBJECT):
            return Outcome(change.key, Result.REJECTED, reason=no_parent(dn, error))
        return Outcome(change.key, errors.result_of(error), reason=errors.refusal(error, dn))

    def _anchor_of(self, kind: LdapType, dn: str) -> Generator[Send, Reply, str | None]:
        entry = yield from self._entry(dn, [kind.anchor])
        return next((kind.anchor_of(values) for values in (entry or {}).values()), None)

    def _entry(self, dn: str, attributes: Sequence[str]) -> Generator[Send, Reply, wire.Entry | None]:
        reply = yield lambda connection: connection.search_ext(dn, ldap.SCOPE_BASE, "(objectClass=*)", list(attributes))
        return reply.entries[0][1] if reply.error is None and reply.entries else None

    # --- update

    def _update(self, change: Change, kind: LdapType, dn: str, there: str | None) -> Steps:
        anchor = change.anchor
        if there is None and requests.loses_name(kind, change, dn):
            naming = dns.rdn_values(dn)[0][0]
            entry = yield from self._entry(dn, [naming])
            there = requests.name_left(kind, change, dn, next(iter((entry or {}).values()), ()))
        try:
            replaced = requests.replacements(kind, change.values)
            remove = requests.without_name(kind, change.remove, there or dn)
            single = requests.value_changes(kind, change.add, remove)
            condition, refused = yield from self._condition(change, kind, dn)
        except WrongType as error:
            return Outcome(change.key, Result.REJECTED, anchor, reason=f"{dn}: {error}")
        if refused is not None:
            return refused
        values: Document = {}
        if there is not None:
            problem = yield from self._rename(dn, there, condition)
            if problem is not None:
                return outcome_of(change, problem, dn, anchor, values)
            dn, condition, values = there, [], {"dn": there}
        if replaced or single:
            problem = yield from self._modify(kind, dn, replaced, single, condition)
            if problem is not None:
                return outcome_of(change, problem, dn, anchor, values, "renamed, but " if values else "")
        problem = yield from self._edges(kind, dn, chunks(change.edges))
        if problem is None and change.password is not None:
            problem = yield from self._password(dn, change.password)
        if problem is not None:
            return outcome_of(change, problem, dn, anchor, values)
        return Outcome(change.key, Result.DONE, anchor, values)

    def _condition(
        self, change: Change, kind: LdapType, dn: str
    ) -> Generator[Send, Reply, tuple[list[Any], Outcome | None]]:
        """How `expected` is held: by the server itself in the same request (RFC 4528), else by reading first."""
        if not change.expected:
            return [], None
        asserted = requests.assertion(kind, change.expected) if self._asserts else None
        if asserted is not None:
            return [AssertionControl(True, asserted)], None
        reader = self._reader(kind, change.expected)
        entry = yield from self._entry(dn, reader.request)
        if entry is None:
            return [], Outcome(change.key, Result.GONE, change.anchor, reason=f"{dn} is no longer there.")
        found, _, problem = reader.read(dn, entry)
        if found is None:
            return [], Outcome(change.key, Result.CONFLICT, change.anchor, reason=problem.message if problem else "")
        for name, value in change.expected.items():
            has = found.values.get(name)
            equal = dns.same(str(has), str(value)) if name == "dn" else same(has, value, kind.schema.attribute(name))
            if not equal:
                reason = f"{dn}: {name} is {shown(has)}, expected {shown(value)}."
                return [], Outcome(change.key, Result.CONFLICT, change.anchor, reason=reason)
        return [], None

    def _reader(self, kind: LdapType, names: Iterable[str]) -> wire.Reader:
        return wire.Reader(kind, names)

    def _rename(self, dn: str, there: str, condition: list[Any]) -> Part:
        """Rename, move or both; the words where that cannot be."""
        _, parent = dns.split(there)
        error = yield from self._renamed(dn, there, condition)
        if isinstance(error, ldap.NO_SUCH_OBJECT) and (yield from self._entry(dn, ["1.1"])) is not None:
            return f"cannot move to {there}: there is no {parent}. Make the container first."
        if isinstance(error, ldap.ALREADY_EXISTS):
            return f"cannot be renamed: {there} is taken by another object."
        if isinstance(error, _CANNOT_MOVE) and not dns.same(parent, dns.split(dn)[1]):
            return (
                f"cannot move to {parent}: {errors.said(error)}. This server does not move an object there (another "
                "database or server, or an object with others below it): let dn stay below the present container, or "
                "move it with the server's own tools; its values are written when its dn is right."
            )
        return error

    def _renamed(self, dn: str, there: str, condition: list[Any]) -> Generator[Send, Reply, ldap.LDAPError | None]:
        """Rename, move or both. Who holds the name, and moves in a circle with this one, steps aside first.

        It stands under a name of its own until its turn comes; if that does not come, the next run finds it there.
        """
        error = yield from self._put(dn, there, condition)
        if isinstance(error, ldap.ALREADY_EXISTS) and (aside := self._aside(dn, there)) is not None:
            problem = yield from self._put(there, aside, [])
            if problem is None:
                self._moves[dns.key(aside)] = self._moves.pop(dns.key(there))
                error = yield from self._put(dn, there, condition)
        if error is None:
            self._moves.pop(dns.key(dn), None)
        return error

    def _aside(self, dn: str, there: str) -> str | None:
        """A name for the object that stands at `there`, when it is on its way to `dn`; else None."""
        here, at = dns.key(dn), dns.key(there)
        for _ in range(len(self._moves)):
            if at == here:
                break
            at = self._moves.get(at, ())
        if at != here:
            return None
        anchor = next(anchor for (_, anchor), known in self._dns.items() if dns.same(known, there))
        return dns.child(dns.rdn_values(there)[0][0], name_aside(anchor), dns.split(there)[1])

    def _put(self, dn: str, there: str, condition: list[Any]) -> Generator[Send, Reply, ldap.LDAPError | None]:
        """Rename, move or both (RFC 4511 section 4.9); the old name's value goes."""
        own, parent = dns.split(there)
        _, old_parent = dns.split(dn)
        superior = None if dns.same(parent, old_parent) else parent
        reply = yield lambda connection: connection.rename(dn, own, superior, 1, condition or None)
        if reply.error is None:
            top = dns.key(dn)
            for at, known in self._dns.items():
                if dns.key(known)[-len(top) :] == top:
                    self._dns[at] = dns.moved(known, dn, there)
        return reply.error

    # --- delete, password

    def _delete(self, change: Change, kind: LdapType, dn: str) -> Steps:
        try:
            condition, refused = yield from self._condition(change, kind, dn)
        except WrongType as error:
            return Outcome(change.key, Result.REJECTED, change.anchor, reason=f"{dn}: {error}")
        if refused is not None:
            return refused
        reply = yield lambda connection: connection.delete_ext(dn, condition or None)
        if reply.error is not None:
            return outcome_of(change, reply.error, dn, change.anchor, {})
        self._dns.pop((change.type, change.anchor or ""), None)
        return Outcome(change.key, Result.DONE, change.anchor)

    def _password(self, dn: str, password: Secret) -> Part:
        """Set by the operation made for it (RFC 3062), so that the server applies its policy and keeps a hash."""
        if self._session.offers.modifies_passwords:
            reply = yield lambda connection: connection.passwd(dn, None, password.reveal())
        else:
            mods = [(ldap.MOD_REPLACE, "userPassword", [password.reveal().encode()])]
            reply = yield lambda connection: connection.modify_ext(dn, mods)
        return None if reply.error is None else f"the password was refused: {errors.said(reply.error)}"


def gone(kind: LdapType) -> str:
    """Why an object is not written to: it is not there."""
    return f"no object below {kind.base!r} has this {kind.anchor}."


def no_parent(dn: str, error: ldap.LDAPError) -> str:
    """Why an object is not made: nothing is there to make it in."""
    _, parent = dns.split(dn)
    nearest = errors.details(error).get("matched")
    there = f" The nearest that exists is {nearest}." if nearest else ""
    return f"{dn}: there is no {parent}.{there} Make the container first, or let dn name one that exists."


def outcome_of(
    change: Change, problem: str | ldap.LDAPError, dn: str, anchor: str | None, values: Document, before: str = ""
) -> Outcome:
    """What became of a change that was refused; `before`: what was done of it all the same."""
    if isinstance(problem, str):
        return Outcome(change.key, Result.REJECTED, anchor, values, reason=f"{dn}: {before}{problem}")
    result = errors.result_of(problem)
    if before and result in (Result.GONE, Result.EXISTS):
        result = Result.REJECTED
    return Outcome(change.key, result, anchor, values, reason=before + errors.refusal(problem, dn))
