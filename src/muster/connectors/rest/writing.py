"""Writing to an application: each change as requests, and what became of a create that nobody answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from muster.connectors.rest import wire
from muster.connectors.rest.answers import Answer, located
from muster.connectors.rest.asking import Asking
from muster.connectors.rest.looking import objects_with, record_of
from muster.connectors.rest.picks import pick
from muster.connectors.rest.requests import Request
from muster.connectors.rest.settings import Meaning, Members, Sends
from muster.connectors.rest.templates import Unfit, holes
from muster.connectors.rest.wire import Record, RestType
from muster.model.changes import Action, Change, EdgeChange, Outcome, Result
from muster.model.errors import IncompleteRead, MusterError, Throttled, Unreachable
from muster.model.schema import ENABLED
from muster.model.values import Document, Scalar, Value, WrongType, comparable, items, same, shown

RESULTS: Final[Mapping[Meaning, Result]] = {
    Meaning.DONE: Result.DONE,
    Meaning.EXISTS: Result.EXISTS,
    Meaning.GONE: Result.GONE,
    Meaning.CONFLICT: Result.CONFLICT,
    Meaning.REFUSE: Result.REJECTED,
    Meaning.RETRY: Result.RETRY,
}


class Refused(Exception):
    """A request of a change was not done; carries what became of it."""

    def __init__(self, result: Result, reason: str) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason


class Writer:
    """Writes changes of the given types in one session."""

    def __init__(self, session: Asking, types: Mapping[str, RestType]) -> None:
        self._session = session
        self.types = types

    def single(self, change: Change) -> Outcome:
        """One change on its own."""
        kind = self.types[change.type]
        try:
            if change.action is Action.CREATE:
                return self._create(change, kind)
            if change.anchor is None:
                return Outcome(
                    change.key, Result.REJECTED, reason=f"{kind.name}: an update or delete without an anchor."
                )
            if change.action is Action.DELETE:
                return self._delete(change, kind, change.anchor)
            return self._update(change, kind, change.anchor)
        except Refused as refused:
            return Outcome(change.key, refused.result, change.anchor, reason=refused.reason)
        except (WrongType, Unfit, IncompleteRead) as error:
            return Outcome(change.key, Result.REJECTED, change.anchor, reason=f"{kind.name}: {error}")
        except Throttled as error:
            return Outcome(change.key, Result.RETRY, change.anchor, reason=error.message, after=error.retry_after)

    def set_password(self, change: Change, must_change: bool) -> Outcome:
        """Set the password of a change."""
        kind = self.types[change.type]
        assert change.anchor is not None
        try:
            self._password(change, kind, change.anchor, must_change)
        except Refused as refused:
            return Outcome(change.key, refused.result, change.anchor, reason=refused.reason)
        except Unfit as error:
            return Outcome(change.key, Result.REJECTED, change.anchor, reason=f"{kind.name}: {error}")
        return Outcome(change.key, Result.DONE, change.anchor)

    # --- create

    def _create(self, change: Change, kind: RestType) -> Outcome:
        request = needed(kind, "create")
        if change.key in self._session.doubtful:
            found = self._made(change, kind)
            if found is not None:
                return self._found(change, found)
        known = self.known(change, kind)
        try:
            answered = self._session.send(request, known, once=True)
        except (Unreachable, IncompleteRead) as error:
            return self.doubt(change, kind, error)
        meaning = self._session.meaning(answered, "create")
        if (answered.status >= 500 and meaning is Meaning.RETRY) or (answered.success and answered.strange):
            return self.doubt(change, kind, self._session.refusal(request.method, request.path, answered))
        if meaning is Meaning.EXISTS:
            return self.exists(change, kind, self._session.refusal(request.method, request.path, answered))
        self.judged(request, answered, "create")
        return self.created(change, kind, pick(request.record)(answered.body), answered)

    def exists(self, change: Change, kind: RestType, reason: str) -> Outcome:
        """The outcome of a create that found an object in its way, with that one's anchor where it is found."""
        return Outcome(change.key, Result.EXISTS, self._made(change, kind) or change.anchor, reason=reason)

    def created(self, change: Change, kind: RestType, record: Any, answered: Answer) -> Outcome:
        """What became of a create that was answered as done, after all that follows it."""
        anchor = wire.anchor_of(kind, record)
        other = self._other(change, kind, record)
        if anchor is None and not other:
            anchor = change.anchor or located(answered)
        if other or anchor is None:
            return self.doubt(
                change, kind, other or f"{kind.name}: the answer to its create shows no {kind.spec.anchor}"
            )
        values: Document = {kind.spec.anchor: anchor} if kind.schema.assigned else {}
        try:
            self._after_create(change, kind, anchor)
        except Refused as refused:
            reason = f"{kind.name} {anchor}: created, but {refused.reason}"
            return Outcome(change.key, Result.REJECTED, anchor, values, reason=reason)
        return Outcome(change.key, Result.DONE, anchor, values)

    def _after_create(self, change: Change, kind: RestType, anchor: str) -> None:
        spec = kind.spec
        assert spec.create is not None
        if change.password is not None and "password" not in set(holes(spec.create.body)):
            self._password(change, kind, anchor, must_change=False)
        if spec.disable is not None and change.values.get(ENABLED) is False:
            self._switch(kind, anchor, False, change)
        self._edges(change, kind, anchor)

    def doubt(self, change: Change, kind: RestType, why: MusterError | str) -> Outcome:
        """Nobody knows whether a create was done: look. Raises the error again where that does not tell either."""
        self._session.doubtful.add(change.key)
        try:
            found = self._made(change, kind)
        except MusterError:
            if isinstance(why, MusterError):
                raise why from None
            raise
        if found is not None:
            return self._found(change, found)
        if isinstance(why, Unreachable):
            raise why
        if kind.schema.assigned and not any(change.values.get(name) for name in kind.spec.unique):
            names = " and ".join(kind.spec.unique)
            reason = f"{why} It cannot be looked for, as it has no {names}: flow one, or look by hand."
            return Outcome(change.key, Result.REJECTED, change.anchor, reason=reason)
        reason = f"{why} Looked for it: it is not there (yet)."
        return Outcome(change.key, Result.RETRY, change.anchor, reason=reason)

    def _made(self, change: Change, kind: RestType) -> str | None:
        """The anchor of the object that a create may have made, or that is in its way."""
        if not kind.schema.assigned and change.anchor is not None:
            return change.anchor if record_of(self._session, kind, change.anchor) is not None else None
        for name in kind.spec.unique:
            value = change.values.get(name)
            if value is None or isinstance(value, list):
                continue
            found = [one.anchor for one in objects_with(self._session, kind, {name: value})]
            if len(found) == 1:
                return found[0]
        return None

    @staticmethod
    def _found(change: Change, anchor: str) -> Outcome:
        reason = "its create was not answered as it should be, and it was found there afterwards."
        return Outcome(change.key, Result.EXISTS, anchor, reason=reason)

    def _other(self, change: Change, kind: RestType, record: Any) -> str:
        """How an answer shows another object than the one that was to be made; empty when it does not."""
        if not isinstance(record, dict):
            return ""
        anchor = wire.anchor_of(kind, record)
        if not kind.schema.assigned and anchor not in (None, change.anchor):
            return f"{kind.name} {change.anchor}: the answer shows {kind.name} {anchor}."
        for name in kind.spec.unique:
            try:
                has = wire.value_of(kind, record, name)
            except WrongType:
                continue
            if has is not None and not same(has, change.values.get(name), kind.schema.attribute(name)):
                return f"{kind.name}: the answer shows {name} {shown(has)}, not the one that was sent."
        return ""

    # --- update

    def _update(self, change: Change, kind: RestType, anchor: str) -> Outcome:
        spec = kind.spec
        values: dict[str, Value] = dict(change.values)
        record, version = self._current(change, kind, anchor)
        if record is not None:
            values |= _with_single_values(change, kind, record)
        switched = values.pop(ENABLED, None) if spec.disable is not None and ENABLED in values else None
        if switched is False:
            self._switch(kind, anchor, False, change)
        sent = bool(values)
        if values:
            request = needed(kind, "update")
            known = self.known(change, kind, values, record)
            self._checked(request, known, "update", kind, anchor, version)
        if switched is True:
            self._switch(kind, anchor, True, change)
        if change.password is not None and not (values and "password" in set(holes(needed(kind, "update").body))):
            self._password(change, kind, anchor, must_change=False)
        edges = change.edges is not None
        self._edges(change, kind, anchor)
        idle = not (sent or edges or switched is not None or change.password or record is not None)
        if idle and record_of(self._session, kind, anchor) is None:
            return Outcome(change.key, Result.GONE, anchor)
        return Outcome(change.key, Result.DONE, anchor)

    def _current(self, change: Change, kind: RestType, anchor: str) -> tuple[Record | None, str | None]:
        """The record as it is, where the change needs it. Raises `Refused` when it is gone or not as expected."""
        spec = kind.spec
        wanted = {ENABLED} if change.action is Action.DELETE else set(change.values)
        request = spec.delete if change.action is Action.DELETE else spec.update
        named = set(holes([request.path, request.parameters, request.body])) if request is not None else set()
        elsewhere = named & set(kind.schema.attributes) - wanted - {spec.anchor}
        whole = spec.sends is Sends.WHOLE and change.action is not Action.DELETE and bool(change.values)
        if not (change.expected or change.add or change.remove or whole or elsewhere):
            return None, None
        found = record_of(self._session, kind, anchor)
        if found is None:
            raise Refused(Result.GONE, f"{kind.name} {anchor} is not there.")
        record, version = found
        differing = wire.differs(kind, record, change.expected)
        if differing:
            raise Refused(Result.CONFLICT, f"{kind.name} {anchor}: {differing}.")
        return record, version if change.expected or whole else None

    def _switch(self, kind: RestType, anchor: str, on: bool, change: Change) -> None:
        request = kind.spec.enable if on else kind.spec.disable
        assert request is not None
        known = {"anchor": anchor, kind.spec.anchor: anchor, "key": str(change.key)}
        self._checked(request, known, "enable" if on else "disable", kind, anchor)

    def _password(self, change: Change, kind: RestType, anchor: str, must_change: bool) -> None:
        request = kind.spec.password
        assert change.password is not None
        self._session.hide(change.password)
        if request is None:
            raise Refused(Result.REJECTED, f"{kind.name}: the system file has no request `password`.")
        known = {
            "anchor": anchor,
            kind.spec.anchor: anchor,
            "key": str(change.key),
            "password": change.password,
            "must_change": must_change,
        }
        self._checked(request, known, "password", kind, anchor)

    # --- large lists

    def _edges(self, change: Change, kind: RestType, anchor: str) -> None:
        left_out: list[str] = []
        for part in change.edges or ():
            members = kind.spec.members.get(part.attribute)
            if members is None:
                raise Refused(Result.REJECTED, f"{kind.name}: {part.attribute} is not among `members`.")
            left_out += self._values(members, part, kind, anchor)
        if left_out:
            raise Refused(Result.REJECTED, f"{kind.name} {anchor}: " + "; ".join(left_out[:5]))

    def _values(self, members: Members, part: EdgeChange, kind: RestType, anchor: str) -> Iterator[str]:
        for operation, request, values in (("add", members.add, part.add), ("remove", members.remove, part.remove)):
            if values and request is None:
                yield f"the system file has no request `{operation}` for {part.attribute}"
                continue
            assert request is not None or not values
            size = members.size if request is not None and "values" in set(holes(request.body)) else 1
            for at in range(0, len(values), size):
                if request is not None:
                    yield from self._some(operation, request, values[at : at + size], kind, anchor, part.attribute)

    def _some(
        self, operation: str, request: Request, values: list[str], kind: RestType, anchor: str, name: str
    ) -> Iterator[str]:
        """Add or remove values; when several at once are refused, each is tried alone."""
        known = {"anchor": anchor, kind.spec.anchor: anchor, "values": values, "value": values[0]}
        answered = self._session.send(request, known)
        meaning = self._session.meaning(answered, operation)
        harmless = Meaning.EXISTS if operation == "add" else Meaning.GONE
        if meaning in (Meaning.DONE, harmless) or (operation == "add" and answered.status == 409):
            if meaning is Meaning.GONE and record_of(self._session, kind, anchor) is None:
                raise Refused(Result.GONE, f"{kind.name} {anchor} is not there.")
            return
        if meaning is Meaning.GONE and record_of(self._session, kind, anchor) is None:
            raise Refused(Result.GONE, f"{kind.name} {anchor} is not there.")
        words = self._session.refusal(request.method, request.path, answered)
        if meaning is Meaning.RETRY:
            raise Refused(Result.RETRY, words)
        if len(values) == 1:
            yield f"{name} {values[0]} was refused: {words}"
            return
        for one in values:
            yield from self._some(operation, request, [one], kind, anchor, name)

    # --- delete

    def _delete(self, change: Change, kind: RestType, anchor: str) -> Outcome:
        request = needed(kind, "delete")
        record, version = self._current(change, kind, anchor)
        self._checked(request, self.known(change, kind, {}, record), "delete", kind, anchor, version)
        return Outcome(change.key, Result.DONE, anchor)

    # --- what all have in common

    def known(
        self, change: Change, kind: RestType, values: Mapping[str, Value] | None = None, record: Record | None = None
    ) -> dict[str, Any]:
        """What fills the holes of a request for one change."""
        creating = change.action is Action.CREATE
        given = dict(change.values if values is None else values)
        if creating:
            given = {name: value for name, value in given.items() if value is not None}
            if kind.spec.disable is not None:
                given.pop(ENABLED, None)
            if not kind.schema.assigned and change.anchor is not None:
                given.setdefault(kind.spec.anchor, change.anchor)
        elif kind.schema.assigned:
            given.pop(kind.spec.anchor, None)
        found: dict[str, Any] = {}
        if record is not None:
            shows = wire.read(kind, record, kind.small)
            found |= wire.wire_values(kind, getattr(shows, "values", {}))
        found |= wire.wire_values(kind, given)
        into = record if kind.spec.sends is Sends.WHOLE else None
        found["*"] = wire.document(kind, given, clearing=not creating, into=into)
        found["key"] = str(change.key)
        if change.anchor is not None:
            found |= {"anchor": change.anchor}
            found.setdefault(kind.spec.anchor, change.anchor)
        if change.password is not None:
            self._session.hide(change.password)
            found["password"] = change.password
        return found

    def _checked(
        self,
        request: Request,
        known: Mapping[str, Any],
        operation: str,
        kind: RestType,
        anchor: str,
        version: str | None = None,
    ) -> None:
        """Send a request about an object. Raises `Refused` unless it was done, and to that object."""
        if version is not None:
            request = request.model_copy(update={"headers": {**request.headers, "If-Match": version}})
        answered = self._session.send(request, known)
        self.judged(request, answered, operation)
        found = wire.anchor_of(kind, pick(request.record)(answered.body))
        if found is not None and found != anchor and operation != "delete":
            raise Refused(
                Result.REJECTED,
                f"{kind.name} {anchor}: {request.method} {request.path} was answered with {kind.name} {found}. Look "
                "what the application did to both; the next read shows it.",
            )

    def judged(self, request: Request, answered: Answer, operation: str) -> None:
        """Raises `Refused` unless the answer says that it was done."""
        meaning = self._session.meaning(answered, operation)
        if meaning is Meaning.GONE and answered.strange:
            meaning = Meaning.REFUSE
        if meaning is not Meaning.DONE:
            raise Refused(RESULTS[meaning], self._session.refusal(request.method, request.path, answered))


def needed(kind: RestType, operation: str) -> Request:
    """The request of the system file, whose body is the record where it says none. Raises `Refused` without one."""
    found = getattr(kind.spec, operation)
    if found is None:
        raise Refused(Result.REJECTED, f"{kind.name}: the system file has no request `{operation}`.")
    assert isinstance(found, Request)
    bare = found.body is None and operation in ("create", "update")
    return found.model_copy(update={"body": "{*}"}) if bare else found


def _with_single_values(change: Change, kind: RestType, record: Record) -> dict[str, Value]:
    """The many-valued attributes of which single values are added and removed, whole."""
    found: dict[str, Value] = {}
    for name in dict.fromkeys([*change.add, *change.remove]):
        attribute = kind.attribute(name)
        shows = change.values[name] if name in change.values else wire.value_of(kind, record, name)
        have: list[Scalar] = items(shows)
        gone = {comparable(one, attribute) for one in change.remove.get(name, ())}
        kept = [one for one in have if comparable(one, attribute) not in gone]
        there = {comparable(one, attribute) for one in kept}
        found[name] = [*kept, *(one for one in change.add.get(name, ()) if comparable(one, attribute) not in there)]
    return found
