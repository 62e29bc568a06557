"""Many requests in one (RFC 7644 section 3.7): resources that refer to each other by bulkId, in whatever order.

A resource that others of the same bulk refer to is made before them. Where they refer to each other in a circle, it
is made without what cannot be there yet, and that is added when all are made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from muster.server.scim.call import Answer, Request, refused
from muster.server.scim.errors import ScimError, invalid_syntax, invalid_value
from muster.server.scim.patching import PATCH

REQUEST: Final = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
RESPONSE: Final = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
_PREFIX: Final = "bulkId:"
_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(slots=True)
class _Operation:
    method: str
    path: str
    bulk_id: str | None
    version: str | None
    data: Mapping[str, Any] | None
    answer: Answer | None = None
    location: str | None = None


@dataclass(slots=True)
class _Bulk:
    do: Callable[[Request], Answer]
    split: Callable[[str], tuple[str, ...]]
    operations: list[_Operation]
    most_errors: int | None
    made: dict[str, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    errors: int = 0

    def run(self) -> None:
        """Do them in order, what others need first, until there are too many errors."""
        for one in self.operations:
            if self.full:
                return
            if one.answer is None:
                self._work(one, ())

    @property
    def full(self) -> bool:
        return self.most_errors is not None and self.errors >= self.most_errors

    def _work(self, one: _Operation, waiting: tuple[str, ...]) -> None:
        waiting = (*waiting, one.bulk_id) if one.bulk_id is not None else waiting
        by_id = {each.bulk_id: each for each in self.operations if each.bulk_id is not None and each.method == "POST"}
        for needed in dict.fromkeys(_named(one.data)):
            other = by_id.get(needed)
            if other is not None and other.answer is None and needed not in waiting and not self.full:
                self._work(other, waiting)
        if one.answer is not None or self.full:
            return
        later: list[tuple[str, Any]] = []
        path: tuple[str, ...] = ()
        try:
            data = self._resolved(one, by_id, waiting, later)
            path = self.split(self._path(one.path))
            one.answer = self.do(self._request(one.method, path, data, one.version))
        except ScimError as error:
            one.answer = refused(error)
        if one.answer.status >= 400:
            self.errors += 1
            if one.bulk_id is not None:
                self.failed.add(one.bulk_id)
            return
        one.location = one.answer.headers.get("Location") or one.location
        if one.method == "POST" and one.answer.body is not None:
            number = str(one.answer.body["id"])
            if one.bulk_id is not None:
                self.made[one.bulk_id] = number
            if later:
                self._complete(one, (path[0], number), later, by_id, waiting)

    def _complete(
        self,
        one: _Operation,
        path: tuple[str, ...],
        later: list[tuple[str, Any]],
        by_id: Mapping[str, _Operation],
        waiting: tuple[str, ...],
    ) -> None:
        """Add what was left out, once those are made that it names."""
        for needed in dict.fromkeys(name for _, value in later for name in _named(value)):
            if by_id[needed].answer is None:
                self._work(by_id[needed], tuple(each for each in waiting if each != needed))
        operations = []
        try:
            for name, value in later:
                operations.append({"op": "add", "path": name, "value": self._filled(value)})
            answer = self.do(self._request("PATCH", path, {"schemas": [PATCH], "Operations": operations}, None))
        except ScimError as error:
            answer = refused(error)
        if answer.status >= 400:
            self.errors += 1
            one.answer = answer

    def _request(
        self, method: str, path: tuple[str, ...], data: Mapping[str, Any] | None, version: str | None
    ) -> Request:
        return Request(method, path, {}, {"if-match": version} if version else {}, data)

    def _path(self, path: str) -> str:
        head, found, name = path.partition(_PREFIX)
        return head + self._number(name) if found else path

    def _number(self, name: str) -> str:
        number = self.made.get(name)
        if number is None:
            why = "could not be made" if name in self.failed else "is made by no operation of this bulk"
            raise ScimError(409, f"bulkId:{name[:100]} {why}.", "invalidValue")
        return number

    def _resolved(
        self,
        one: _Operation,
        by_id: Mapping[str, _Operation],
        waiting: tuple[str, ...],
        later: list[tuple[str, Any]],
    ) -> Mapping[str, Any] | None:
        """The data with ids for bulkIds. Of a new resource, what refers to one that waits for it is left for later."""
        if one.data is None or one.method != "POST":
            return None if one.data is None else dict(self._filled(one.data))
        found: dict[str, Any] = {}
        for name, value in one.data.items():
            if isinstance(value, Mapping) and ":" in name:
                inner = {}
                for key, each in value.items():
                    if self._waits(each, by_id, waiting):
                        later.append((f"{name}:{key}", each))
                    else:
                        inner[key] = self._filled(each)
                found[name] = inner
            elif isinstance(value, list):
                now = [each for each in value if not self._waits(each, by_id, waiting)]
                rest = [each for each in value if self._waits(each, by_id, waiting)]
                found[name] = [self._filled(each) for each in now]
                if rest:
                    later.append((name, rest))
            elif self._waits(value, by_id, waiting):
                later.append((name, value))
            else:
                found[name] = self._filled(value)
        return found

    def _waits(self, value: Any, by_id: Mapping[str, _Operation], waiting: tuple[str, ...]) -> bool:
        return any(name in by_id and by_id[name].answer is None and name in waiting for name in _named(value))

    def _filled(self, value: Any) -> Any:
        if isinstance(value, str) and value.startswith(_PREFIX):
            return self._number(value.removeprefix(_PREFIX))
        if isinstance(value, Mapping):
            return {name: self._filled(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._filled(one) for one in value]
        return value


def bulk(
    body: Mapping[str, Any],
    do: Callable[[Request], Answer],
    split: Callable[[str], tuple[str, ...]],
    most: int,
) -> Mapping[str, Any]:
    """The answer to a bulk request; `do` answers one of its requests. Raises `ScimError` for what is none."""
    told = {name.lower(): value for name, value in body.items()}
    if REQUEST.lower() not in [str(one).lower() for one in told.get("schemas") or []]:
        raise invalid_syntax(f"A bulk needs `schemas` with {REQUEST}.")
    listed = told.get("operations")
    if not isinstance(listed, list):
        raise invalid_syntax("A bulk needs `Operations`, a list.")
    if len(listed) > most:
        raise ScimError(413, f"A bulk has {most} operations at most; this one has {len(listed)}.", "tooMany")
    limit = told.get("failonerrors")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise invalid_value("failOnErrors must be a whole number of 1 or more.")
    operations = [_operation(one) for one in listed]
    names = [one.bulk_id for one in operations if one.bulk_id is not None]
    if len(set(names)) < len(names):
        raise invalid_value("Two operations have the same bulkId.")
    work = _Bulk(do, split, operations, limit)
    work.run()
    return {"schemas": [RESPONSE], "Operations": [_told(one) for one in operations if one.answer is not None]}


def _operation(one: Any) -> _Operation:
    if not isinstance(one, Mapping):
        raise invalid_syntax("An operation of a bulk must be an object.")
    told = {name.lower(): value for name, value in one.items()}
    method, path, data = told.get("method"), told.get("path"), told.get("data")
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise invalid_syntax("`method` of an operation must be POST, PUT, PATCH or DELETE.")
    if not isinstance(path, str) or not path.startswith("/"):
        raise invalid_syntax("`path` of an operation must begin with /, such as /Users.")
    if data is not None and not isinstance(data, Mapping):
        raise invalid_syntax("`data` of an operation must be an object.")
    number, version = told.get("bulkid"), told.get("version")
    if method.upper() == "POST" and not isinstance(number, str):
        raise invalid_syntax("A POST in a bulk needs a `bulkId`.")
    return _Operation(
        method.upper(),
        path,
        str(number) if number is not None else None,
        str(version) if version is not None else None,
        data,
    )


def _told(one: _Operation) -> Mapping[str, Any]:
    answer = one.answer
    assert answer is not None
    found: dict[str, Any] = {"method": one.method}
    if one.bulk_id is not None:
        found["bulkId"] = one.bulk_id
    if "ETag" in answer.headers:
        found["version"] = answer.headers["ETag"]
    if one.location is not None:
        found["location"] = one.location
    found["status"] = str(answer.status)
    if answer.status >= 400:
        found["response"] = answer.body
    return found


def _named(value: Any) -> list[str]:
    """The bulkIds that a value names."""
    if isinstance(value, str):
        return [value.removeprefix(_PREFIX)] if value.startswith(_PREFIX) else []
    if isinstance(value, Mapping):
        return [name for one in value.values() for name in _named(one)]
    if isinstance(value, list):
        return [name for one in value for name in _named(one)]
    return []
