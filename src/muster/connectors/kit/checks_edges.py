"""Promises about large many-valued references: streamed both ways, a value at a time, never lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from muster.connectors.kit.check import all_of, has, promise, writes
from muster.connectors.kit.contract import ReadsReferences
from muster.connectors.kit.subject import Subject
from muster.model.changes import Action, Change, EdgeChange, Result
from muster.model.objects import EdgePage

MANY: Final = 2_600
"""More targets than one request of any protocol takes."""

_has_large: Final = all_of(writes, has("large", "it has no large reference"))


@promise(_has_large)
def large_references_stream_both_ways(subject: Subject) -> None:
    """An iterator of adds is written in chunks and read back as edges, whole, every one."""
    anchor = subject.add(1)
    targets = subject.targets(MANY)
    _write(subject, anchor, add=targets)
    _expect(subject, anchor, targets)


@promise(_has_large)
def edges_are_removed_one_by_one(subject: Subject) -> None:
    """Removing some targets leaves the others; removing and adding again changes nothing."""
    anchor = subject.add(1)
    targets = subject.targets(20)
    _write(subject, anchor, add=targets)
    for _ in range(2):
        _write(subject, anchor, add=targets[15:], remove=targets[:5])
        _expect(subject, anchor, targets[5:])


@promise(_has_large)
def emptied_reference_reads_as_whole_and_empty(subject: Subject) -> None:
    """A reference without targets is told as whole and empty, so that what is gone can be taken away."""
    anchor = subject.add(1)
    targets = subject.targets(3)
    _write(subject, anchor, add=targets)
    _write(subject, anchor, remove=targets[:2])
    _expect(subject, anchor, targets[2:])
    if _empties(subject, anchor, targets[2:]):
        _expect(subject, anchor, [])


@promise(_has_large)
def create_takes_its_edges_along(subject: Subject) -> None:
    """A create with edges writes the object and its edges."""
    targets = subject.targets(5)
    change = subject.create(1)
    change.edges = _chunks(subject, targets, [])
    outcome = subject.written(change)
    assert outcome.result is Result.DONE, f"found {outcome.result} {outcome.reason}"
    assert outcome.anchor is not None
    _expect(subject, outcome.anchor, targets)


def _reads_alone(subject: Subject) -> str:
    return "" if issubclass(subject.connector, ReadsReferences) else "it reads no reference of one object alone"


@promise(all_of(_has_large, _reads_alone))
def a_reference_is_read_alone(subject: Subject) -> None:
    """All targets of one object and nobody else's, the last page marked; no page where there is no such object."""
    assert subject.large is not None
    anchor, other = subject.add(1), subject.add(2)
    targets = subject.targets(MANY)
    _write(subject, anchor, add=targets[1:])
    _write(subject, other, add=targets[:1])
    with subject.open() as connector:
        assert isinstance(connector, ReadsReferences)
        pages = list(connector.references(subject.object_type, anchor, subject.large))
        assert list(connector.references(subject.object_type, f"{anchor}0", subject.large)) == []
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True], "the last edge page is not marked"
    found = sorted(value for page in pages for value in page.values)
    assert found == sorted(targets[1:]), f"{len(found)} edges came, expected {MANY - 1}"


def _chunks(subject: Subject, add: list[str], remove: list[str]) -> Iterator[EdgeChange]:
    assert subject.large is not None
    for at in range(0, max(len(add), len(remove)), 700):
        yield EdgeChange(subject.large, add[at : at + 700], remove[at : at + 700])


def _write(subject: Subject, anchor: str, add: list[str] | None = None, remove: list[str] | None = None) -> None:
    change = Change(1, subject.object_type, Action.UPDATE, anchor, edges=_chunks(subject, add or [], remove or []))
    outcome = subject.written(change)
    assert outcome.result is Result.DONE, f"found {outcome.result} {outcome.reason}"


def _empties(subject: Subject, anchor: str, last: list[str]) -> bool:
    """Whether the last targets could be removed; some systems (LDAP's groupOfNames) insist on one."""
    change = Change(1, subject.object_type, Action.UPDATE, anchor, edges=_chunks(subject, [], last))
    outcome = subject.written(change)
    assert outcome.result in (Result.DONE, Result.REJECTED), f"found {outcome.result} {outcome.reason}"
    return outcome.result is Result.DONE


def _expect(subject: Subject, anchor: str, targets: list[str]) -> None:
    pages: list[EdgePage] = [
        edge
        for page in subject.pages()
        for edge in page.edges
        if edge.anchor == anchor and edge.attribute == subject.large
    ]
    assert pages, f"no edges came for {anchor!r}"
    assert all(edge.whole for edge in pages), "a full read gave edges with whole=False"
    assert [edge.last for edge in pages] == [False] * (len(pages) - 1) + [True], "the last edge page is not marked"
    found = [value for edge in pages for value in edge.values]
    assert len(found) == len(set(found)), "an edge came twice"
    missing, extra = set(targets) - set(found), set(found) - set(targets)
    assert not missing, f"{len(missing)} edges are missing, such as {sorted(missing)[:3]}"
    assert not extra, f"{len(extra)} edges too many, such as {sorted(extra)[:3]}"
