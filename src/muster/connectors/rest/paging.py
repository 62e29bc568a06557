"""A list, page by page, and whether none of it can have been missed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx

from muster.connectors.rest import templates
from muster.connectors.rest.answers import Answer
from muster.connectors.rest.asking import Asking, Known
from muster.connectors.rest.picks import pick
from muster.connectors.rest.requests import By, ListRequest, Paging
from muster.connectors.rest.settings import Meaning
from muster.model.errors import IncompleteRead

PASSES: Final = 3
"""How often a list that changes under the reader is read from its start."""
_EMPTY: Final = 1_000
"""So many empty pages in a row are a list without an end."""
_LINK: Final = re.compile(r"<([^>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:\"[^\"]*\"|[^\s\";,]+))*)")


class Listing:
    """All records of a list, each once; `whole` says afterwards whether none can have been missed.

    Pages by number or offset move when something is deleted meanwhile. Such a list of several pages is whole when it
    has as many records as it says (`total`), and else when a second pass shows the same ones. Cursors and links are the
    application's own to keep still.
    """

    def __init__(
        self,
        session: Asking,
        request: ListRequest,
        known: Known,
        identify: Callable[[Any], str | None],
        since: tuple[str, str] | None = None,
        operation: str = "read",
    ) -> None:
        self.whole = False
        self.first: Answer | None = None
        self.last: Answer | None = None
        self._session = session
        self._request = request
        self._known = known
        self._identify = identify
        self._operation = operation
        line = request.changes.request if since is not None and request.changes else None
        self._method, _, self._template = (line or request.request).partition(" ")
        self._since = {since[0]: since[1]} if since is not None else {}

    def records(self) -> Iterator[list[Any]]:
        """The records. Raises `IncompleteRead` and what ends the session."""
        seen: set[str] = set()
        before: set[str] | None = None
        for _ in range(PASSES):
            found: set[str] = set()
            pages, total = 0, None
            steady = True
            for answered, records in self._pages():
                pages += 1
                names = [self._identify(one) for one in records]
                found.update(name for name in names if name is not None)
                fresh = [one for one, name in zip(records, names, strict=True) if name is None or name not in seen]
                now = self._total(answered)
                steady = steady and (total is None or now == total)
                total = now if now is not None else total
                seen.update(name for name, times in Counter(names).items() if name is not None and times == 1)
                yield fresh
            self.whole = steady and self._settled(pages, total, found, before)
            if self.whole:
                return
            before = found if steady else None

    def _settled(self, pages: int, total: int | None, found: set[str], before: set[str] | None) -> bool:
        paging = self._request.paging
        if total is not None:
            return total == len(found)
        moves = paging is not None and paging.by in (By.PAGE, By.OFFSET)
        return not moves or pages <= 1 or found == before

    def _pages(self) -> Iterator[tuple[Answer, list[Any]]]:
        paging, request = self._request.paging, self._request
        path = templates.path(self._template, self._known)
        query = {**templates.query(request.parameters, self._known), **self._since}
        body = templates.body(request.body, self._known)
        first = dict(query)
        if paging is not None and paging.size is not None:
            first[paging.size] = str(paging.count)
        number, found, empty = paging.first if paging is not None else 0, 0, 0
        if paging is not None and paging.parameter is not None and paging.by in (By.PAGE, By.OFFSET):
            first[paging.parameter] = str(number if paging.by is By.PAGE else 0)
        been = {path + str(first)}
        target, asked = path, first
        previous: list[str | None] | None = None
        while True:
            answered = self._answered(target, asked, body)
            records = self._items(answered)
            yield answered, records
            found += len(records)
            empty = 0 if records else empty + 1
            if paging is None:
                return
            moves = paging.by in (By.PAGE, By.OFFSET)
            total = self._total(answered)
            if moves and (not records or (total is not None and found >= total)):
                return
            names = [self._identify(one) for one in records]
            if moves and names == previous:
                raise self._endless("shows the same page again")
            previous = names
            number += 1
            step = self._next(paging, answered, number if paging.by is By.PAGE else found)
            if step is None:
                return
            if paging.by in (By.NEXT, By.LINK):
                target, asked = step, {}
            else:
                asked = {**first, paging.parameter or "": step}
            place = target + str(asked)
            if place in been or empty > _EMPTY:
                raise self._endless("goes in a circle" if place in been else "does not end")
            been.add(place)

    def _next(self, paging: Paging, answered: Answer, number: int) -> str | None:
        """The number, cursor or address of the next page; None when there is none."""
        if paging.by in (By.PAGE, By.OFFSET):
            return str(number)
        if paging.by is By.LINK:
            link = next_link(answered.headers.get("link", ""))
        else:
            given = pick(paging.at or "")(answered.body)
            link = str(given) if isinstance(given, str | int) and not isinstance(given, bool) and given != "" else None
        if link is None or paging.by is By.CURSOR:
            return link
        return str(httpx.URL(answered.asked).join(link))

    def _answered(self, target: str, query: dict[str, str], body: Any) -> Answer:
        session = self._session
        answered = session.ask(
            self._method,
            target,
            query,
            body,
            headers=templates.headers(self._request.headers, self._known),
            reading=True,
        )
        self.first = self.first or answered
        self.last = answered
        if session.meaning(answered, self._operation) is not Meaning.DONE:
            raise session.not_readable(self._method, target, answered)
        return answered

    def _items(self, answered: Answer) -> list[Any]:
        found = pick(self._request.items)(answered.body)
        if found is None and self._total(answered) == 0:
            return []
        if not isinstance(found, list):
            raise IncompleteRead(
                f"{self._session.system}: {self._session.called(self._method, self._template)} was answered without a "
                f"list at {self._request.items!r}. Correct `items`."
            )
        return found

    def _total(self, answered: Answer) -> int | None:
        paging = self._request.paging
        if paging is None or paging.total is None:
            return None
        found = pick(paging.total)(answered.body)
        if isinstance(found, str) and found.isdigit():
            return int(found)
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def _endless(self, how: str) -> IncompleteRead:
        return IncompleteRead(
            f"{self._session.system}: the list {self._method} {self._template} {how}. Correct its `paging`; by page or "
            "offset, `total` says where it ends."
        )


def next_link(header: str) -> str | None:
    """The target of the link with relation `next` (RFC 8288 section 3)."""
    for found in _LINK.finditer(header):
        for name, quoted, plain in re.findall(r";\s*([\w*-]+)\s*=\s*(?:\"([^\"]*)\"|([^\s\";,]+))", found[2]):
            if name.lower() == "rel" and "next" in (quoted or plain).lower().split():
                return found[1]
    return None
