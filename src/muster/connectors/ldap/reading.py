"""Reading a directory whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from muster.connectors.ldap.session import Session
from muster.connectors.ldap.wire import Entry, LdapType, Reader
from muster.model.objects import ConnectorObject, Page, ReadProblem

EDGES_TOGETHER: Final = 50_000
"""Values of large attributes in one page of a read, about."""


_CONTAINERS: Final = (
    "organizationalUnit",
    "organization",
    "domain",
    "dcObject",
    "locality",
    "country",
    "nsContainer",
)
_LOWERED: Final = frozenset(name.lower().encode() for name in _CONTAINERS)


def everything(
    session: Session, types: Mapping[str, LdapType], wanted: Mapping[str, Sequence[str]], watermark: str | None
) -> Iterator[Page]:
    """All objects of the wanted types, type by type; `watermark` was taken before.

    A type whose tree goes on in another server (a reference, RFC 4511 section 4.5.3) is not complete: a problem
    says so.
    """
    complete: set[tuple[str, str]] = set()
    for name, attributes in wanted.items():
        kind = types[name]
        reader = Reader(kind, attributes)
        elsewhere = False
        for found in session.pages(kind.base, kind.filter, reader.request):
            entries = [(dn, entry) for dn, entry in found if dn is not None]
            if len(entries) < len(found) and not elsewhere:
                elsewhere = True
                yield Page(problems=[_elsewhere(kind)])
            yield from pages_of(reader, entries)
        if not elsewhere:
            complete.add((name, kind.base))
    yield Page(watermark=watermark, complete_for=frozenset(complete), last=True)


def pages_of(reader: Reader, entries: Sequence[tuple[str, Entry]]) -> Iterator[Page]:
    """The entries as pages that are never the last; big groups are spread over several."""
    page = Page()
    values = 0
    for dn, entry in entries:
        found, edges, problem = reader.read(dn, entry)
        if problem is not None:
            page.problems.append(problem)
        if found is not None:
            page.objects.append(found)
        for part in edges:
            page.edges.append(part)
            values += len(part.values)
            if values >= EDGES_TOGETHER:
                yield page
                page, values = Page(), 0
    if page.objects or page.edges or page.problems:
        yield page


def _elsewhere(kind: LdapType) -> ReadProblem:
    return ReadProblem(
        kind.name,
        None,
        f"part of {kind.base!r} is in another server (the search answered with a reference). Make a system of its own "
        "for that part, or a narrower base for this one.",
    )


def tombstone(kind: LdapType, anchor: str) -> ConnectorObject:
    """What says that an object is gone, or no longer one of its type."""
    return ConnectorObject(kind.name, anchor, deleted=True, partition=kind.base)


def containers_filter() -> str:
    """The filter for entries that others are named below."""
    return "(|" + "".join(f"(objectClass={name})" for name in _CONTAINERS) + ")"


def is_container(entry: Entry) -> bool:
    """Whether others are named below this entry, as far as its classes say."""
    classes = next((values for name, values in entry.items() if name.lower() == "objectclass"), ())
    return any(one.lower() in _LOWERED for one in classes)
