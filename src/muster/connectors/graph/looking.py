"""Looking objects up: by id, by values, by one of many values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from muster.connectors.graph.filters import TOGETHER, Filter, among, both, equality, query
from muster.connectors.graph.reading import page_of
from muster.connectors.graph.resources import ABSENT, ANCHOR, MANAGER, GraphType
from muster.connectors.graph.session import BATCH, Answer, Request, Session
from muster.model.errors import IncompleteRead
from muster.model.objects import ConnectorObject
from muster.model.values import Scalar, Value, WrongType, comparable_set, convert, same

_UNSUPPORTED = "Request_UnsupportedQuery"


class Looking:
    """Looks for objects of one type in one session."""

    def __init__(self, session: Session, kind: GraphType) -> None:
        self._session = session
        self._kind = kind
        asked = {"$select": ",".join(kind.selected(kind.shown))}
        if kind.has_manager:
            asked["$expand"] = f"{MANAGER}($select={ANCHOR})"
        self._asked = asked

    def get(self, anchor: str) -> ConnectorObject | None:
        """The object with that id, whole, or None."""
        if not _is_id(anchor):
            return None
        request = self._single(anchor)
        answer = self._session.send(request)
        if answer.status == 404:
            return None
        if not answer.good:
            raise self._session.incomplete(request, answer)
        return self._read([answer.body])[0]

    def find(self, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        """The objects that have these values. A value of another type matches nothing."""
        anchor = equal.get(ANCHOR)
        rest = {name: value for name, value in equal.items() if name != ANCHOR}
        if isinstance(anchor, str):
            found = self.get(anchor)
            if found is not None and all(self._has(found, name, value) for name, value in rest.items()):
                yield found
            return
        if any(value is not None and self._is_absent(name) for name, value in rest.items()):
            return
        try:
            filters = [equality(self._kind, name, value) for name, value in rest.items()]
        except WrongType:
            return
        asked = [one for one in filters if one is not None]
        by_hand = [name for name, one in zip(rest, filters, strict=True) if one is None]
        for one in self._found(both(asked) if asked else None):
            if all(self._has(one, name, rest[name]) for name in by_hand):
                yield one

    def find_any(self, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        """The objects that have one of these values, each once: hundreds of values in one batch."""
        wanted = self._wanted(attribute, values)
        if not wanted:
            return
        seen: set[str] = set()
        for one in self._by_id(wanted) if attribute == ANCHOR else self._by_values(attribute, wanted):
            if one.anchor not in seen:
                seen.add(one.anchor)
                yield one

    def _wanted(self, attribute: str, values: Sequence[Value]) -> list[Scalar]:
        """Those of the values that the attribute can have, each once."""
        found: dict[Scalar, None] = {}
        for value in values if not self._is_absent(attribute) else ():
            try:
                one = convert(value, self._kind.attribute(attribute))
            except WrongType:
                continue
            found.update(dict.fromkeys(one if isinstance(one, list) else [] if one is None else [one]))
        return list(found)

    def _is_absent(self, name: str) -> bool:
        """Whether no object can have a value, so that nothing is to be looked for."""
        return name in self._kind.places and self._kind.place(name).search == ABSENT

    def _by_id(self, wanted: Sequence[Scalar]) -> Iterator[ConnectorObject]:
        ids = [str(one) for one in wanted if _is_id(str(one))]
        for at in range(0, len(ids), BATCH):
            requests = [self._single(one) for one in ids[at : at + BATCH]]
            for request, answer in zip(requests, self._session.batch(requests), strict=True):
                if answer.status != 404:
                    yield from self._read([self._good(request, answer).body])

    def _by_values(self, attribute: str, wanted: Sequence[Scalar]) -> Iterator[ConnectorObject]:
        filters = [among(self._kind, attribute, wanted[at : at + TOGETHER]) for at in range(0, len(wanted), TOGETHER)]
        asked = [one for one in filters if one is not None]
        if not asked:
            for one in self._found(None):
                if any(self._has(one, attribute, value) for value in wanted):
                    yield one
            return
        for at in range(0, len(asked), BATCH):
            requests = [self._list(one) for one in asked[at : at + BATCH]]
            for request, answer in zip(requests, self._session.batch(requests), strict=True):
                yield from self._read(self._good(request, answer).values)
                following = answer.body.get("@odata.nextLink")
                if isinstance(following, str):
                    yield from self._pages(Request("GET", following, None, request.headers))

    def _found(self, asked: Filter | None) -> Iterator[ConnectorObject]:
        """The objects that a filter finds; all, without one."""
        yield from self._pages(self._list(asked))

    def _pages(self, request: Request) -> Iterator[ConnectorObject]:
        for answer in self._session.pages(request):
            yield from self._read(self._good(request, answer).values)

    def _single(self, anchor: str) -> Request:
        return Request("GET", f"{self._kind.path(anchor)}?{query(self._asked)}")

    def _list(self, asked: Filter | None) -> Request:
        parameters = {**self._asked, "$top": str(self._session.settings.page_size)}
        if asked is not None:
            parameters.update(asked.parameters)
        headers = asked.headers if asked is not None else {}
        return Request("GET", f"{self._kind.path()}?{query(parameters)}", None, headers)

    def _good(self, request: Request, answer: Answer) -> Answer:
        if not answer.good:
            raise self._session.incomplete(request, answer)
        return answer

    def _read(self, resources: Sequence[Mapping[str, object]]) -> list[ConnectorObject]:
        page = page_of(self._kind, [dict(one) for one in resources], self._kind.shown)
        for problem in page.problems:
            raise IncompleteRead(f"{self._session.system}: {problem.where}: {problem.message}")
        return page.objects

    def _has(self, found: ConnectorObject, name: str, value: Value) -> bool:
        attribute = self._kind.attribute(name)
        has = found.values.get(name)
        if attribute.many and value is not None:
            return comparable_set(value, attribute) <= comparable_set(has, attribute)
        return same(has, value, attribute)


def _is_id(text: str) -> bool:
    """Whether a text can be an id: what else stands in a path has a meaning of its own."""
    return bool(text) and all(letter.isalnum() or letter == "-" for letter in text)
