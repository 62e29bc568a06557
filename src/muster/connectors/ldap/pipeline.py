"""Many write requests in flight on one connection, their order kept where one needs another.

A server works on the requests of one connection in any order. So a change waits while another is under way for the
same entry, for one above it that is being made, moved or removed, or, when it moves or removes an entry itself, for
one below it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import ldap

from muster.connectors.ldap import controls, errors
from muster.connectors.ldap.dn import Key
from muster.connectors.ldap.session import Session
from muster.connectors.ldap.wire import Entry
from muster.model.changes import Outcome


@dataclass(slots=True)
class Reply:
    """The answer to one request: the server's refusal, or what it sent."""

    error: ldap.LDAPError | None = None
    entries: list[tuple[str, Entry]] = field(default_factory=list)
    controls: Sequence[Any] = ()


Send: TypeAlias = Callable[[Any], int]
"""Sends one request on a connection and returns its message id."""

Steps: TypeAlias = Generator[Send, Reply, Outcome]
"""One change: requests one after the other, each with the answer to the one before in hand, then the outcome."""


@dataclass(slots=True)
class Job:
    """One change on its way. `places`: the entries it is about. `moves`: it makes, moves or removes one."""

    steps: Steps
    places: tuple[Key, ...]
    moves: bool
    leaves: bool = False
    reply: Reply = field(default_factory=Reply)


class Pipeline:
    """Runs jobs, at most `window` at a time. Raises `Unreachable` when the server does not answer any more."""

    def __init__(self, session: Session, window: int) -> None:
        self._session = session
        self._window = window
        self._running: dict[int, Job] = {}
        self._held: Counter[Key] = Counter()
        self._moving: Counter[Key] = Counter()
        self._parents: Counter[Key] = Counter()
        self.leaving = 0

    def submit(self, prepare: Callable[[], Job | Outcome]) -> Iterator[Outcome]:
        """Start one job as soon as it may; outcomes of others come meanwhile.

        `prepare` is asked again after each of them, because what they did may have moved the entry.
        """
        while len(self._running) >= self._window:
            yield from self._one()
        while True:
            job = prepare()
            if isinstance(job, Outcome):
                yield job
                return
            if not self._blocked(job):
                break
            yield from self._one()
        self._count(job, 1)
        yield from self._advance(job, None)

    def finish(self) -> Iterator[Outcome]:
        """Wait until nothing is in flight."""
        while self._running:
            yield from self._one()

    def _blocked(self, job: Job) -> bool:
        for place in job.places:
            if place in self._held or (job.leaves and any(parent[-len(place) :] == place for parent in self._parents)):
                return True
            above = place[1:]
            while above:
                if above in self._moving:
                    return True
                above = above[1:]
        return False

    def _count(self, job: Job, by: int) -> None:
        for place in job.places:
            _step(self._held, place, by)
            if job.moves:
                _step(self._moving, place, by)
            _step(self._parents, place[1:], by)
        if job.leaves:
            self.leaving += by

    def _advance(self, job: Job, reply: Reply | None) -> Iterator[Outcome]:
        try:
            send = next(job.steps) if reply is None else job.steps.send(reply)
            job.reply = Reply()
            self._running[send(self._session.connection)] = job
        except StopIteration as end:
            self._count(job, -1)
            yield end.value
        except ldap.LDAPError as error:
            raise errors.writing(self._session.system, self._session.settings.url, error) from None

    def _one(self) -> Iterator[Outcome]:
        """Take one message; it may end a request, a request may end a change."""
        session = self._session
        error: ldap.LDAPError | None = None
        kind: int = ldap.RES_SEARCH_RESULT
        found: Sequence[tuple[str | None, Entry]] = ()
        answered: Sequence[Any] = ()
        try:
            kind, found, number, answered, _, _ = session.connection.result4(
                ldap.RES_ANY, 0, session.settings.timeout, 0, 0, 0, controls.RESPONSES
            )
        except ldap.LDAPError as refused:
            number = errors.details(refused).get("msgid")
            if number not in self._running:
                raise errors.writing(session.system, session.settings.url, refused) from None
            error = refused
        job = self._running.get(number)
        if job is None:
            return
        if kind in (ldap.RES_SEARCH_ENTRY, ldap.RES_SEARCH_REFERENCE):
            job.reply.entries.extend((dn, entry) for dn, entry in found if dn is not None)
            return
        del self._running[number]
        job.reply.error = error
        job.reply.controls = answered
        yield from self._advance(job, job.reply)


def _step(counter: Counter[Key], place: Key, by: int) -> None:
    left = counter.get(place, 0) + by
    if left:
        counter[place] = left
    else:
        del counter[place]
