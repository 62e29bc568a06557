"""Promises about reading only what changed."""

from __future__ import annotations

from muster.connectors.kit.check import all_of, deltas, promise, reads, supplies
from muster.connectors.kit.subject import Subject
from muster.model.errors import WatermarkExpired
from muster.model.objects import ConnectorObject


def _tells_deletes(subject: Subject) -> str:
    return "" if subject.delta_deletes else "its changes do not tell deletions; only a full read does"


def _reads_changes(subject: Subject) -> str:
    return "" if subject.capabilities.reads_changes else "it does not read changes"


@promise(all_of(reads, deltas))
def delta_gives_creates(subject: Subject) -> None:
    """What was created after the watermark comes with the next delta."""
    subject.add(1)
    since = _watermark(subject)
    created = subject.add(2)
    found = _delta(subject, since)
    assert created in found, f"{created!r} was created and did not come"
    assert not found[created].deleted, f"{created!r} was created and came as deleted"
    value = subject.sample(2)[subject.text]
    assert found[created].values.get(subject.text) == value, f"{created!r} came as {found[created].values}"


@promise(all_of(reads, deltas))
def delta_gives_updates(subject: Subject) -> None:
    """What was changed after the watermark comes with the next delta, with its new value."""
    changed = subject.add(1)
    subject.add(2)
    since = _watermark(subject)
    subject.change(changed, {subject.text: "changed"})
    found = _delta(subject, since)
    assert changed in found, f"{changed!r} was changed and did not come"
    assert found[changed].values.get(subject.text) == "changed", f"{changed!r} came as {found[changed].values}"


@promise(all_of(reads, deltas, _tells_deletes))
def delta_gives_deletes(subject: Subject) -> None:
    """What was deleted after the watermark comes as a tombstone with the next delta."""
    deleted = subject.add(1)
    stays = subject.add(2)
    since = _watermark(subject)
    subject.remove(deleted)
    found = _delta(subject, since)
    assert deleted in found, f"{deleted!r} was deleted and did not come"
    assert found[deleted].deleted, f"{deleted!r} was deleted and came as if alive"
    assert stays not in found or not found[stays].deleted, f"{stays!r} came as deleted and is there"


@promise(all_of(reads, deltas))
def delta_goes_on_from_delta(subject: Subject) -> None:
    """The watermark of a delta continues it: each change comes in one of a chain of deltas."""
    first = subject.add(1)
    since = _watermark(subject)
    subject.change(first, {subject.text: "once"})
    pages = subject.pages(since)
    second = pages[-1].watermark
    assert second is not None, "the last page of a delta carries no watermark"
    subject.change(first, {subject.text: "twice"})
    found = _delta(subject, second)
    assert first in found, f"{first!r} was changed again and did not come"
    assert found[first].values.get(subject.text) == "twice", f"{first!r} came as {found[first].values}"


@promise(all_of(reads, deltas))
def watermark_is_taken_before_the_first_page(subject: Subject) -> None:
    """What changes while a full read is under way is seen by the next delta."""
    changed = subject.add(1)
    subject.add(2)
    wanted = subject.wanted()
    since = None
    with subject.open() as connector:
        for number, page in enumerate(connector.read(wanted, None)):
            if number == 0:
                subject.change(changed, {subject.text: "meanwhile"})
            since = page.watermark
    assert since is not None, "the read carries no watermark"
    found = _delta(subject, since)
    assert changed in found, f"{changed!r} was changed while it was read, and the next delta does not tell"
    assert found[changed].values.get(subject.text) == "meanwhile", f"{changed!r} came as {found[changed].values}"


@promise(all_of(reads, deltas))
def delta_is_never_complete(subject: Subject) -> None:
    """A delta does not say that it saw everything: what does not come is not deleted."""
    subject.add(1)
    since = _watermark(subject)
    pages = subject.pages(since)
    assert not any(page.complete_for for page in pages), "a delta says complete_for"


@promise(all_of(_reads_changes, supplies("expired", "its watermarks do not expire")))
def expired_watermark_raises(subject: Subject) -> None:
    """A watermark that the system no longer knows raises WatermarkExpired, never an empty delta."""
    subject.add(1)
    since = subject.expired()
    if since is None:
        return
    try:
        subject.pages(since)
    except WatermarkExpired:
        return
    raise AssertionError("the expired watermark was read as if it were good")


def _watermark(subject: Subject) -> str:
    watermark = subject.pages()[-1].watermark
    assert watermark is not None, "the full read carries no watermark"
    return watermark


def _delta(subject: Subject, since: str) -> dict[str, ConnectorObject]:
    pages = subject.pages(since)
    assert pages, "the delta has no page"
    assert pages[-1].last, "the delta has no last page"
    return {item.anchor: item for page in pages for item in page.objects}
