"""Connectors that break a promise about the session or about reading, one each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

from muster.connectors.kit.contract import Capabilities, ConnectorSpec, Health, Settings
from muster.connectors.kit.memory import MemoryConnector
from muster.model.changes import Outcome
from muster.model.errors import SESSION_ENDING, AuthFailed, Unreachable, WatermarkExpired
from muster.model.objects import ConnectorObject, EdgePage, Page
from muster.model.schema import ENABLED
from muster.model.secrets import Secret
from muster.model.values import Value, same


class ReadingMutant(MemoryConnector):
    """A connector that is honest but for one thing; `caught_by` names the check that must tell."""

    caught_by: ClassVar[str] = ""

    def pages(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> list[Page]:
        """What the honest connector reads."""
        return list(super().read(wanted, since))


# --- the session


class ClaimsLess(ReadingMutant):
    """Finds objects, and its spec says that it does not."""

    caught_by = "spec_is_readable_without_io"
    spec: ClassVar[ConnectorSpec] = replace(MemoryConnector.spec, capabilities=Capabilities(reads_changes=True))


class ConnectsWhenMade(ReadingMutant):
    """Asks the system while it validates its settings."""

    caught_by = "making_a_connector_connects_nothing"

    def __init__(self, system: str, settings: Settings, objects: Mapping[str, Settings], folder: Path) -> None:
        super().__init__(system, settings, objects, folder)
        self.check()


class MistakesDeathForRefusal(ReadingMutant):
    """Calls a dead system a wrong password."""

    caught_by = "dead_system_is_unreachable"

    def __enter__(self) -> Self:
        try:
            return super().__enter__()
        except Unreachable:
            raise AuthFailed("the password is wrong") from None


class ShowsTheSecret(ReadingMutant):
    """Puts the password into the error's text."""

    caught_by = "wrong_secret_is_auth_failed"

    def __enter__(self) -> Self:
        try:
            return super().__enter__()
        except AuthFailed as error:
            tried = self._settings.password
            shown = tried.reveal() if tried is not None else ""
            raise AuthFailed(f"{error.message} Tried {shown!r}.") from None


class NeverWell(ReadingMutant):
    """Misses a right that it has."""

    caught_by = "check_tells_that_all_is_well"

    def check(self) -> Health:
        return Health(False, "the right to read is missing", ("read",))


class LeavesWithAnError(ReadingMutant):
    """Raises while it disconnects."""

    caught_by = "sessions_leave_nothing_behind"

    def __exit__(self, *exc: object) -> None:
        raise Unreachable("the connection broke while it was closed")


class ShowsThePassword(ReadingMutant):
    """Gives the new password back in the reason."""

    caught_by = "passwords_are_set_and_never_shown"

    def set_password(self, object_type: str, anchor: str, password: Secret, must_change: bool) -> Outcome:
        outcome = super().set_password(object_type, anchor, password, must_change)
        outcome.reason = f"set to {password.reveal()}"
        return outcome


# --- a full read


class EndsEarly(ReadingMutant):
    """Reads one page and says that this was everything."""

    caught_by = "read_gives_everything"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        pages = self.pages(wanted, since)
        yield replace(pages[-1], objects=pages[0].objects)


class ReadsNumbersAsText(ReadingMutant):
    """Gives a number as the text it came as."""

    caught_by = "read_gives_the_schemas_types"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        for page in super().read(wanted, since):
            for item in page.objects:
                item.values = {name: str(v) if type(v) is int else v for name, v in item.values.items()}
            yield page


class GivesMoreThanWanted(ReadingMutant):
    """Gives every attribute, whatever was asked for."""

    caught_by = "read_gives_only_what_is_wanted"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        everything = {name: list(self._schema(name).attributes) for name in wanted}
        return super().read(everything, since)


class ReadsTwice(ReadingMutant):
    """Gives the last object of a page again on the next."""

    caught_by = "anchors_are_unique"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        before: list[ConnectorObject] = []
        for page in super().read(wanted, since):
            page.objects = [*before, *page.objects]
            before = page.objects[-1:]
            yield page


class SaysCompleteTooSoon(ReadingMutant):
    """Says on the first page already what is complete."""

    caught_by = "last_page_says_what_is_complete"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        pages = self.pages(wanted, since)
        yield Page(complete_for=pages[-1].complete_for)
        yield from pages


class DoubtsEmptiness(ReadingMutant):
    """Does not believe that a system can be empty."""

    caught_by = "empty_system_is_complete"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        for page in super().read(wanted, since):
            if not page.objects:
                page.complete_for = frozenset()
            yield page


class SwallowsAFailure(ReadingMutant):
    """Ends a broken read as if it had reached its end."""

    caught_by = "broken_read_raises"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        try:
            yield from super().read(wanted, since)
        except SESSION_ENDING:
            yield Page(last=True, complete_for=frozenset((name, "") for name in wanted))


class LooksUpInPart(ReadingMutant):
    """Leaves an attribute out of what it looks up."""

    caught_by = "get_gives_the_object_whole"

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        found = super().get(object_type, anchor)
        if found is not None:
            found.values.pop("age", None)
        return found


class FindsEverything(ReadingMutant):
    """Gives everybody as if they had the value."""

    caught_by = "find_gives_just_the_equal_ones"

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        for item in super().find(object_type, {}):
            item.values.update({name: value for name, value in equal.items() if value is not None})
            yield item


class FindsTheFirstValueOnly(ReadingMutant):
    """Compares with the first of many values."""

    caught_by = "find_looks_among_many_values"

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        schema = self._schema(object_type)
        for item in super().find(object_type, {}):
            first = {name: v[0] if isinstance(v, list) else v for name, v in item.values.items()}
            if all(same(first.get(name), value, replace(schema.attribute(name), many=False))
                   for name, value in equal.items()):  # fmt: skip
                yield item


class FindsFirstOfMany(ReadingMutant):
    """Looks for the first of many values alone."""

    caught_by = "find_any_gives_those_with_one_of_the_values"

    def find_any(self, object_type: str, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        yield from super().find_any(object_type, attribute, values[:1])


class FindsTwice(ReadingMutant):
    """Gives an object for each of the values that it was looked for by."""

    caught_by = "find_any_gives_those_with_one_of_the_values"

    def find_any(self, object_type: str, attribute: str, values: Sequence[Value]) -> Iterator[ConnectorObject]:
        for value in values:
            yield from super().find_any(object_type, attribute, [value])


# --- a delta


class ForgetsCreates(ReadingMutant):
    """Leaves out of a delta what was created."""

    caught_by = "delta_gives_creates"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        after = self.memory.position(since) if since else None
        for page in super().read(wanted, since):
            if after is not None:
                page.objects = [item for item in page.objects if not self._born_after(item, after)]
            yield page

    def _born_after(self, item: ConnectorObject, after: int) -> bool:
        stored = self.memory.get(self._types[item.type], item.anchor)
        return stored is not None and stored.born > after


class TellsOldNews(ReadingMutant):
    """Tells that something changed, and not what."""

    caught_by = "delta_gives_updates"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        for page in super().read(wanted, since):
            if since is not None:
                page.objects = [replace(item, values={}, whole=False) for item in page.objects]
            yield page


class ForgetsDeletes(ReadingMutant):
    """Leaves the tombstones out of a delta."""

    caught_by = "delta_gives_deletes"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        for page in super().read(wanted, since):
            page.objects = [item for item in page.objects if not item.deleted]
            yield page


class LosesTheThread(ReadingMutant):
    """Gives no watermark at the end of a delta."""

    caught_by = "delta_goes_on_from_delta"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        for page in super().read(wanted, since):
            yield page if since is None else replace(page, watermark=None)


class TakesTheWatermarkLast(ReadingMutant):
    """Takes the watermark when everything was read: what changed meanwhile is never told."""

    caught_by = "watermark_is_taken_before_the_first_page"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        pages = self.pages(wanted, since)
        yield Page(objects=[item for page in pages for item in page.objects])
        yield Page(watermark=self.memory.watermark(), complete_for=pages[-1].complete_for, last=True)


class SaysADeltaIsComplete(ReadingMutant):
    """Says complete_for at the end of a delta: everything that did not change would be deleted."""

    caught_by = "delta_is_never_complete"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        for page in super().read(wanted, since):
            yield replace(page, complete_for=frozenset((n, "") for n in wanted) if page.last else frozenset())


class TrustsAStaleWatermark(ReadingMutant):
    """Answers an expired watermark with an empty delta."""

    caught_by = "expired_watermark_raises"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        try:
            yield from super().read(wanted, since)
        except WatermarkExpired:
            yield Page(watermark=self.memory.watermark(), last=True)


class ReadsTheSwitchAsText(ReadingMutant):
    """Gives `enabled` in the system's own words."""

    caught_by = "enabled_is_a_boolean_both_ways"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        for page in super().read(wanted, since):
            for item in page.objects:
                if ENABLED in item.values:
                    item.values[ENABLED] = "active" if item.values[ENABLED] else "disabled"
            yield page


class HidesAnEmptiedReference(ReadingMutant):
    """Says nothing of a reference that has no target left."""

    caught_by = "emptied_reference_reads_as_whole_and_empty"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        for page in super().read(wanted, since):
            page.edges = [edge for edge in page.edges if edge.values or edge.removed]
            yield page


class CapsEdges(ReadingMutant):
    """Reads the first 1,500 targets and says that those were all (range retrieval forgotten)."""

    caught_by = "large_references_stream_both_ways"

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        for page in super().read(wanted, since):
            page.edges = [replace(edge, values=edge.values[:1500]) for edge in page.edges]
            yield page


class ReadsHalfOfAReference(ReadingMutant):
    """Stops after the first thousand targets of one object, and says that these are all."""

    caught_by = "a_reference_is_read_alone"

    def references(self, object_type: str, anchor: str, attribute: str) -> Iterator[EdgePage]:
        for page in super().references(object_type, anchor, attribute):
            yield replace(page, values=page.values[:1000])
