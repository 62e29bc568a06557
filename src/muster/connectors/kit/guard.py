"""The wrapper of every connector: retries, rate, dry run, redaction, timing, one outcome a change whatever happens.

Nothing that no store can hold comes through it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Self, TypeVar

from muster.connectors.kit.contract import (
    Acts,
    Connector,
    FindsMany,
    FindsObjects,
    Health,
    ReadsReferences,
    Restores,
    SetsPasswords,
)
from muster.connectors.kit.disabling import after_disabling, disables_among_others, disabling_alone
from muster.connectors.kit.redaction import Redactor
from muster.connectors.kit.retry import Counters, RetryPolicy
from muster.connectors.kit.speaking import ConnectorBug, Speaker
from muster.connectors.kit.storable import checked, sift, storable
from muster.model.changes import Change, Outcome, Result
from muster.model.errors import SESSION_ENDING, MusterError, ProjectError, Throttled, Unreachable
from muster.model.objects import ConnectorObject, EdgePage, Page
from muster.model.schema import SystemSchema, mistaken
from muster.model.secrets import Secret
from muster.model.values import Value

_T = TypeVar("_T")

__all__ = ["ConnectorBug", "Counters", "Guard", "RetryPolicy"]


class Guard:
    """One session with one connector, made safe.

    Connecting, `check`, `schema`, `get`, `find` and a read that has not yet handed out a page are tried again after
    `Unreachable` and `Throttled`. `write` gives exactly one outcome a change: after an error that ends the session,
    the changes without an outcome are RETRY, and `broken` holds the error. No text that leaves the guard holds a
    secret. What a connector must not raise or answer is a `ConnectorBug`. What no store can hold is a problem of its
    object.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        system: str = "",
        secrets: Sequence[Secret] = (),
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        retry: RetryPolicy | None = None,
        changes_per_second: float | None = None,
        dry_run: bool = False,
    ) -> None:
        self.connector = connector
        self.system = system or connector.spec.name
        self.counters = Counters()
        self.broken: MusterError | None = None
        self._redact = Redactor(secrets)
        self._speaker = Speaker(self.system, connector.spec.name, self._redact)
        self._sleep = sleep
        self._clock = clock
        self._retry = retry or RetryPolicy()
        self._pace = 1 / changes_per_second if changes_per_second else 0.0
        self._next = 0.0
        self._dry_run = dry_run
        self._open = False
        self._known: Mapping[str, str] = {}

    # --- session

    def __enter__(self) -> Self:
        self._again("connecting", self._connect)
        return self

    def __exit__(self, *exc: object) -> None:
        self._disconnect()

    def check(self) -> Health:
        """The connector's own check, its texts without secrets."""
        health = self._again("checking", self.connector.check)
        return Health(health.ok, self._redact(health.message), tuple(self._redact(text) for text in health.missing))

    def schema(self) -> SystemSchema:
        """The schema as the system declares it."""
        return self._again("reading the schema", self.connector.schema)

    def expect(self, identities: Mapping[str, str]) -> None:
        """What the system is: a connection made anew that leads to another raises `ProjectError`."""
        self._known = identities

    # --- reading

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None = None) -> Iterator[Page]:
        """The connector's pages. Raises what ends the session; a read without a last page is a `ConnectorBug`."""

        def start() -> tuple[Iterator[Page], Page | None]:
            pages = iter(self.connector.read(wanted, since))
            return pages, next(pages, None)

        rest, page = self._again("reading", start)
        while page is not None:
            sift(page)
            self._check_page(page)
            self._count(page)
            yield page
            if page.last:
                return
            with self._speaking("reading"):
                page = next(rest, None)
        raise self._speaker.bug("reading", "the read ended without a last page")

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        """The object with that anchor, or None."""
        finder = self._finder()

        def look() -> ConnectorObject | None:
            found = finder.get(object_type, anchor)
            return None if found is None else checked(found)

        return self._again("looking up", look)

    def find(self, object_type: str, equal: Mapping[str, Value]) -> list[ConnectorObject]:
        """The objects that have all these values."""
        finder = self._finder()
        return self._again("searching", lambda: [checked(found) for found in finder.find(object_type, equal)])

    def find_any(self, object_type: str, attribute: str, values: Sequence[Value]) -> list[ConnectorObject]:
        """The objects that have one of these values, each once; value by value where the connector knows no better."""
        finder = self._finder()
        if isinstance(finder, FindsMany):
            return self._again("searching", lambda: list(finder.find_any(object_type, attribute, values)))
        found = (one for value in values for one in self.find(object_type, {attribute: value}))
        return list({one.anchor: one for one in found}.values())

    def find_deleted(self, object_type: str, values: Sequence[Value]) -> list[ConnectorObject]:
        """The deleted objects that can be brought back by one of these values; none where nothing can be."""
        finder = self.connector
        if not isinstance(finder, Restores):
            return []
        look = finder.find_deleted
        return self._again("searching", lambda: [checked(found) for found in look(object_type, values)])

    def references(self, object_type: str, anchor: str, attribute: str) -> Iterator[EdgePage]:
        """Every value of a large reference of one object, in pages.

        A connector that cannot read it by itself reads that attribute of all objects of the type.
        """
        reader = self.connector
        if isinstance(reader, ReadsReferences):
            pages = iter(self._again("reading members", lambda: reader.references(object_type, anchor, attribute)))
            with self._speaking("reading members"):
                yield from pages
            return
        for page in self.read({object_type: [attribute]}):
            yield from (one for one in page.edges if one.anchor == anchor and one.attribute == attribute)

    # --- writing

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """One outcome a change, in any order. Raises nothing but `ConnectorBug` and what `changes` itself raises.

        An account that was to be switched off is, even where another value of the same change is refused: the change
        stays REJECTED, and what was done of it is in the outcome's `written`.
        """
        if self._dry_run:
            yield from self._counted(Outcome(change.key, Result.DONE, change.anchor) for change in changes)
            return
        refused: list[tuple[Change, Outcome]] = []

        def others() -> Iterator[Outcome]:
            for change, outcome in self._tried(changes):
                if outcome.result is Result.REJECTED and disables_among_others(change):
                    refused.append((change, outcome))
                else:
                    yield outcome

        yield from self._counted(others())
        if refused:
            yield from self._counted(self._disabled_alone(refused))

    def _disabled_alone(self, refused: Sequence[tuple[Change, Outcome]]) -> Iterator[Outcome]:
        """The outcomes of refused changes after their accounts were switched off, with nothing else, if that goes."""
        first = {change.key: outcome for change, outcome in refused}
        for change, outcome in self._tried([disabling_alone(change) for change, _ in refused]):
            yield after_disabling(first[change.key], outcome)

    def _tried(self, changes: Iterable[Change]) -> Iterator[tuple[Change, Outcome]]:
        """Each change with its last outcome."""
        again: list[tuple[Change, Outcome]] = []
        tried = 1
        batch: Iterable[Change] = changes
        while True:
            for change, outcome in self._written(batch):
                if self._may_try_again(change, outcome, tried, len(again)):
                    again.append((change, outcome))
                else:
                    yield change, outcome
            if not again:
                return
            if self.broken is not None:
                yield from again
                return
            self._wait(max(self._retry.wait(tried, outcome.after) or 0.0 for _, outcome in again))
            self.counters.retries += len(again)
            batch, again = [change for change, _ in again], []
            tried += 1

    def set_password(self, object_type: str, anchor: str, password: Secret, must_change: bool = False) -> Outcome:
        """Set one password; RETRY when the session broke meanwhile."""
        if self._dry_run:
            return Outcome(0, Result.DONE, anchor)
        if not isinstance(self.connector, SetsPasswords):
            raise self._speaker.bug("setting a password", "the connector cannot set passwords")
        setter = self.connector
        self._redact.add([password])
        return self._done(
            "setting a password", anchor, lambda: setter.set_password(object_type, anchor, password, must_change)
        )

    def act(self, object_type: str, anchor: str, action: str, parameters: Mapping[str, Value], key: str) -> Outcome:
        """Do something with one object; RETRY when the session broke meanwhile."""
        if self._dry_run:
            return Outcome(0, Result.DONE, anchor)
        if not isinstance(self.connector, Acts):
            raise self._speaker.bug(action, "the connector cannot act")
        actor = self.connector
        return self._done(action, anchor, lambda: actor.act(object_type, anchor, action, parameters, key))

    def _done(self, doing: str, anchor: str, call: Callable[[], Outcome]) -> Outcome:
        """The outcome of one thing done with one object."""
        try:
            with self._speaking(doing):
                outcome = call()
        except SESSION_ENDING as error:
            self.broken = error
            return Outcome(0, Result.RETRY, anchor, reason=error.message, after=_asked(error))
        if outcome.secret is not None:
            self._redact.add([outcome.secret])
        outcome.reason = self._redact(outcome.reason)
        self._count_outcome(outcome)
        return outcome

    # --- how a write keeps its promise

    def _written(self, changes: Iterable[Change]) -> Iterator[tuple[Change, Outcome]]:
        if self.broken is not None:
            yield from ((change, self._unsent(change)) for change in changes)
            return
        source = iter(changes)
        pending: dict[int, Change] = {}
        feed_failed: list[BaseException] = []

        def feed() -> Iterator[Change]:
            while True:
                try:
                    change = next(source, None)
                except BaseException as error:
                    feed_failed.append(error)
                    raise
                if change is None:
                    return
                if change.password is not None:
                    self._redact.add([change.password])
                self._keep_pace()
                pending[change.key] = change
                yield change

        def start() -> Iterator[Outcome]:
            yield from self.connector.write(feed())

        outcomes = start()
        heard = self._speaker.heard("writing", feed_failed)
        while True:
            started = self._clock()
            try:
                with heard:
                    outcome = next(outcomes, None)
            except SESSION_ENDING as error:
                if feed_failed:
                    raise
                self.broken = error
                break
            finally:
                self.counters.seconds += self._clock() - started
            if outcome is None:
                break
            written = pending.pop(outcome.key, None)
            if written is None:
                raise self._speaker.bug("writing", f"an outcome for change {outcome.key}, which is not waiting for one")
            if outcome.reason:
                outcome.reason = self._redact(outcome.reason)
            outcome.values = storable(outcome.values)
            yield written, outcome
        if self.broken is not None:
            yield from ((change, self._unsent(change)) for change in chain(list(pending.values()), source))
        elif pending:
            raise self._speaker.bug("writing", f"no outcome for {len(pending)} changes (the first: {min(pending)})")
        elif next(source, None) is not None:
            raise self._speaker.bug("writing", "the write ended before it had taken every change")

    def _unsent(self, change: Change) -> Outcome:
        reason = self.broken.message if self.broken else ""
        return Outcome(change.key, Result.RETRY, change.anchor, reason=reason, after=_asked(self.broken))

    def _may_try_again(self, change: Change, outcome: Outcome, tried: int, held: int) -> bool:
        return (
            outcome.result is Result.RETRY
            and self.broken is None
            and change.edges is None
            and held < self._retry.together
            and self._retry.wait(tried, outcome.after) is not None
        )

    def _keep_pace(self) -> None:
        if self._pace:
            now = self._clock()
            if now < self._next:
                self._wait(self._next - now)
            self._next = max(now, self._next) + self._pace

    # --- how anything is tried again, and for how long

    def _connect(self) -> None:
        self.connector.__enter__()
        self._open = True

    def _still_the_same(self) -> None:
        other = mistaken(self.system, self._known, self.connector.schema().identities) if self._known else None
        if other is not None:
            raise ProjectError(other)

    def _disconnect(self) -> None:
        if self._open:
            self._open = False
            with self._speaking("disconnecting"):
                self.connector.__exit__(None, None, None)

    def _again(self, doing: str, call: Callable[[], _T]) -> _T:
        tried = 1
        reconnect = False
        while True:
            try:
                with self._speaking(doing):
                    if reconnect:
                        self._connect()
                        self._still_the_same()
                    return call()
            except (Unreachable, Throttled) as error:
                pause = self._retry.wait(tried, _asked(error))
                if pause is None:
                    raise
                if self._open:
                    self._disconnect()
                    reconnect = True
                self._wait(pause)
                self.counters.retries += 1
                tried += 1

    @contextmanager
    def _speaking(self, doing: str) -> Iterator[None]:
        started = self._clock()
        try:
            with self._speaker.heard(doing):
                yield
        finally:
            self.counters.seconds += self._clock() - started

    # --- small things

    def _finder(self) -> FindsObjects:
        if not isinstance(self.connector, FindsObjects):
            raise self._speaker.bug("searching", "the connector cannot find objects")
        return self.connector

    def _check_page(self, page: Page) -> None:
        for problem in page.problems:
            problem.message = self._redact(problem.message)
            problem.where = self._redact(problem.where)
        if not page.last and (page.watermark is not None or page.complete_for):
            raise self._speaker.bug("reading", "a page that is not the last one carries a watermark or complete_for")

    def _count(self, page: Page) -> None:
        counters = self.counters
        counters.pages += 1
        counters.reads += len(page.objects)
        counters.problems += len(page.problems)
        counters.edges += sum(len(edge.values) + len(edge.removed) for edge in page.edges)

    def _count_outcome(self, outcome: Outcome) -> None:
        self.counters.writes += 1
        self.counters.results[outcome.result] += 1

    def _counted(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        for outcome in outcomes:
            self._count_outcome(outcome)
            yield outcome

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self.counters.waited += seconds
            self._sleep(seconds)


def _asked(error: MusterError | None) -> float | None:
    return error.retry_after if isinstance(error, Throttled) else None
