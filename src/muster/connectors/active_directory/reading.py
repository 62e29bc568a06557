"""Reading whole domains, and what changed in them; one that cannot be read does not keep the others from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from muster.connectors.active_directory import delta
from muster.connectors.active_directory.delta import Mark, Ways
from muster.connectors.active_directory.domain import Domain
from muster.connectors.active_directory.login import told
from muster.connectors.active_directory.objects import Objects
from muster.connectors.active_directory.primary import PrimaryGroups
from muster.model.errors import AuthFailed, IncompleteRead, MusterError, Unreachable, WatermarkExpired
from muster.model.objects import ConnectorObject, Page, ReadProblem

Wanted = Mapping[str, Sequence[str]]


class Reading:
    """One read of all domains of a system."""

    def __init__(self, domains: Sequence[Domain], wanted: Wanted) -> None:
        self._domains = domains
        self._wanted = wanted
        self._complete: set[tuple[str, str]] = set()
        self._marks: dict[str, Mark] = {}
        self._blind = False

    def whole(self) -> Iterator[Page]:
        """All objects; where the domains stood before comes with the last page."""
        yield from self._each(self._mark)
        yield from self._each(self._whole)
        yield from self._troubles()
        yield Page(watermark=delta.watermark(self._marks), complete_for=frozenset(self._complete), last=True)

    def changes(self, since: str) -> Iterator[Page]:
        """Everything that changed after the watermark. Raises `WatermarkExpired` when that cannot be told."""
        before = delta.marks_of(self._domains[0].system, since)
        gone: list[ConnectorObject] = []
        alive: set[tuple[str, str]] = set()

        def changed(domain: Domain) -> Iterator[Page]:
            mark = before.get(domain.key)
            if mark is None:
                raise WatermarkExpired(f"{domain.system}: {domain.called} was not part of the last read.")
            self._marks[domain.key] = yield from delta.changes(domain, self._wanted, mark, gone)
            self._blind |= delta.blind(domain, mark)

        for page in self._each(changed):
            alive.update((item.type, item.anchor) for item in page.objects)
            yield page
        # What was moved to another domain is deleted in the one and made in the other, under the same GUID.
        dead = {(item.type, item.anchor): item for item in gone if (item.type, item.anchor) not in alive}
        if dead:
            yield Page(objects=list(dead.values()))
        yield from self._troubles()
        yield Page(watermark=delta.watermark({**before, **self._marks}), last=True, blind=self._blind)

    def _each(self, read: Callable[[Domain], Iterator[Page]]) -> Iterator[Page]:
        """Every domain that can be read; a problem for each that cannot. Raises when there is none that can."""
        alone = len(self._domains) == 1
        for domain in self._domains:
            try:
                if domain.alive or alone:
                    yield from read(domain)
            except (Unreachable, AuthFailed) as error:
                if alone:
                    raise
                domain.fail(error)
        troubles = [domain.trouble for domain in self._domains if domain.trouble is not None]
        if len(troubles) == len(self._domains):
            raise told(troubles)

    def _troubles(self) -> Iterator[Page]:
        """What could not be read because a whole domain could not."""
        for domain in self._domains:
            if domain.trouble is not None:
                yield Page(problems=[_problem(domain, name, domain.trouble, domain.called) for name in self._wanted])

    def _mark(self, domain: Domain) -> Iterator[Page]:
        self._marks[domain.key] = Ways(domain).mark()
        return iter(())

    def _whole(self, domain: Domain) -> Iterator[Page]:
        groups = PrimaryGroups(domain)
        for name, attributes in self._wanted.items():
            kind = domain.types.get(name)
            if kind is None:
                continue
            objects = Objects(domain, kind, attributes, groups)
            for base in kind.bases:
                try:
                    for page in domain.session.pages(base, kind.filter, objects.reader.request):
                        yield from objects.pages((dn, entry) for dn, entry in page if dn is not None)
                except IncompleteRead as error:
                    if len(self._domains) == 1:
                        raise
                    yield Page(problems=[_problem(domain, name, error, base)])
                else:
                    self._complete.add((name, base))


def _problem(domain: Domain, name: str, error: MusterError, partition: str) -> ReadProblem:
    text = error.message.removeprefix(f"{domain.system}: ")
    return ReadProblem(name, None, text, partition=partition)
