"""Reading an application: everything, or what changed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final

from muster.connectors.rest import wire
from muster.connectors.rest.answers import Answer
from muster.connectors.rest.asking import Asking
from muster.connectors.rest.paging import PASSES, Listing
from muster.connectors.rest.picks import pick
from muster.connectors.rest.requests import Changes, Form
from muster.connectors.rest.templates import Unfit
from muster.connectors.rest.wire import RestType, anchor_of
from muster.model.errors import IncompleteRead, WatermarkExpired
from muster.model.objects import ConnectorObject, EdgePage, Page, ReadProblem
from muster.model.values import instant_text


def everything(session: Asking, types: Mapping[str, RestType], wanted: Mapping[str, Sequence[str]]) -> Iterator[Page]:
    """All objects of the wanted types, and the watermark of those that tell changes."""
    complete: set[tuple[str, str]] = set()
    marks: dict[str, str | None] = {}
    for name, attributes in wanted.items():
        kind = types[name]
        listing = Listing(session, kind.spec.read, {}, partial(anchor_of, kind))
        whole = True
        for records in listing.records():
            page = page_of(session, kind, records, attributes)
            page.objects = [one for one in page.objects if not one.deleted]
            yield page
        whole = listing.whole
        marks[name] = _mark(kind.spec.read.changes, listing)
        if whole:
            complete.add((name, ""))
        else:
            yield Page(problems=[ReadProblem(name, None, _RESTLESS, kind.spec.read.path)])
    yield Page(watermark=json.dumps(marks, sort_keys=True), complete_for=frozenset(complete), last=True)


def changed(
    session: Asking, types: Mapping[str, RestType], wanted: Mapping[str, Sequence[str]], since: str
) -> Iterator[Page]:
    """What changed. Raises `WatermarkExpired` for a type that tells no changes."""
    known = _marks(session.system, since)
    for name in wanted:
        if types[name].spec.read.changes is None or not known.get(name):
            raise WatermarkExpired(f"{session.system}: {name} tells no changes since then. Read everything.")
    marks: dict[str, str | None] = {}
    blind = False
    for name, attributes in wanted.items():
        kind = types[name]
        changes = kind.spec.read.changes
        assert changes is not None
        asked = known[name] or ""
        listing = Listing(session, kind.spec.read, {}, partial(anchor_of, kind), (changes.parameter, asked), "changes")
        for records in listing.records():
            yield page_of(session, kind, records, attributes)
        if not listing.whole:
            raise WatermarkExpired(f"{session.system}: {name}: {_RESTLESS}")
        marks[name] = _mark(changes, listing) or asked
        blind |= changes.deleted is None
    yield Page(watermark=json.dumps(marks, sort_keys=True), last=True, blind=blind)


def page_of(session: Asking, kind: RestType, records: Sequence[Any], wanted: Sequence[str]) -> Page:
    """The records as a page that is not the last."""
    page = Page()
    changes = kind.spec.read.changes
    deleted = pick(changes.deleted) if changes is not None and changes.deleted is not None else None
    times = Counter(anchor_of(kind, one) for one in records)
    doubles = sorted(name for name, count in times.items() if name is not None and count > 1)
    page.problems = [ReadProblem(kind.name, anchor, _DOUBLE, kind.spec.read.path) for anchor in doubles]
    for record in records:
        anchor = anchor_of(kind, record)
        if anchor in doubles:
            continue
        if anchor is not None and deleted is not None and deleted(record) not in (None, False, "", "false", 0):
            page.objects.append(ConnectorObject(kind.name, anchor, deleted=True))
            continue
        found = wire.read(kind, record, wanted)
        if isinstance(found, ReadProblem):
            page.problems.append(found)
            continue
        page.objects.append(found)
        for name in kind.spec.members:
            if name in wanted:
                page.edges.extend(edges_of(session, kind, found.anchor, record, name))
    return page


def edges_of(session: Asking, kind: RestType, anchor: str, record: Any, name: str) -> list[EdgePage]:
    """The values of a large list of one object, by its own request or out of its record."""
    members = kind.spec.members[name]
    if members.read is None:
        return wire.edges(kind, anchor, name, wire.members_in(kind, record, name))
    value = pick(members.value)

    def identify(one: Any) -> str | None:
        found = value(one)
        return None if found is None else str(found)

    listing = Listing(session, members.read, {"anchor": anchor}, identify)
    try:
        found = [identify(one) for records in listing.records() for one in records]
    except Unfit as error:
        raise IncompleteRead(
            f"{session.system}: {kind.name} {anchor!r}: {name} cannot be asked for: {error}."
        ) from None
    pages = wire.edges(kind, anchor, name, found)
    if not listing.whole:
        for page in pages:
            page.whole = False
    return pages


def _mark(changes: Changes | None, listing: Listing) -> str | None:
    """From when the next reading of changes is to be; None where nothing tells."""
    if changes is None:
        return None
    if changes.at is not None:
        # From the first answer where it has one: what changes while the list is read comes again then.
        texts = [pick(changes.at)(one.body) for one in (listing.first, listing.last) if one is not None]
        return next((str(text) for text in texts if text not in (None, "")), None)
    moment = _answered_at(listing.first)
    return None if moment is None else written(moment - timedelta(seconds=changes.overlap), changes.form)


def _answered_at(first: Answer | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(first.headers.get("date", "")) if first is not None else None
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment is not None else None


def written(moment: datetime, form: Form) -> str:
    """An instant as a parameter holds it."""
    if form is Form.ISO:
        return instant_text(moment)
    seconds = moment.timestamp()
    return str(int(seconds if form is Form.EPOCH else seconds * 1000))


def _marks(system: str, since: str) -> dict[str, str | None]:
    try:
        found = json.loads(since)
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise WatermarkExpired(f"{system}: the watermark is not one of this connector. Read everything.")
    return {str(name): None if mark is None else str(mark) for name, mark in found.items()}


_DOUBLE: Final = "the application shows several objects with this anchor; none of them is read. Have it show each once."
_RESTLESS: Final = (
    f"the list changed under the reader {PASSES} times, or has fewer objects than it says. Read at a quieter hour, or "
    "in larger pages (`paging: {count: …}`)."
)
