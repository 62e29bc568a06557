"""Entries → Muster's objects, with the attributes as people think of them, and pages of members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import ldap

from muster.connectors.active_directory import ranges
from muster.connectors.active_directory.domain import Domain
from muster.connectors.active_directory.primary import NUMBER, SID, PrimaryGroups
from muster.connectors.active_directory.rights import READ_PROPERTY, granted
from muster.connectors.active_directory.schema import AdType
from muster.connectors.active_directory.views import unsigned
from muster.connectors.ldap import ber
from muster.connectors.ldap.controls import Request
from muster.connectors.ldap.reading import EDGES_TOGETHER
from muster.connectors.ldap.wire import EDGES, Entry, Reader
from muster.model.objects import ConnectorObject, EdgePage, Page, ReadProblem
from muster.model.values import items

DESCRIPTOR: Final = "nTSecurityDescriptor"
ACCESS_LIST_ONLY: Final = Request(
    "1.2.840.113556.1.4.801", ber.encoded(ber.SEQUENCE, ber.encoded(ber.INTEGER, b"\x04")), critical=True
)
"""Of a security descriptor show what everybody may see (MS-ADTS section 3.1.1.3.4.1.11)."""

_MEMBER_OF: Final = "memberOf"


class AdReader(Reader):
    """Turns the entries of one type into objects; made once a read, for the attributes that were asked for."""

    kind: AdType

    def __init__(self, kind: AdType, wanted: Iterable[str], range_size: int | None = None) -> None:
        names = list(wanted)
        self._views = [kind.views[name] for name in names if name in kind.views]
        rest = [name for name in names if name not in kind.views]
        attributes = kind.schema.attributes
        self.large = next((name for name in rest if name in attributes and attributes[name].large), None)
        self.primary = kind.primary_group and (self.large is not None or _MEMBER_OF in rest)
        self._range_size = range_size
        super().__init__(kind, [name for name in rest if name != self.large])

    @property
    def request(self) -> list[str]:
        """The attributes to ask the controller for."""
        more = [ranges.STAMP, *(view.seen for view in self._views)]
        if self.large is not None:
            more.append(ranges.asked(self.large, self._range_size))
        if self.primary:
            more.append(NUMBER if self.large is None else SID)
        return list(dict.fromkeys([*super().request, *more]))

    @property
    def watched(self) -> list[str]:
        """The attributes whose change changes what an object shows, of those whose changes are told."""
        names = {name.lower() for name in super().request} | {view.stored.lower() for view in self._views}
        names |= {view.seen.lower() for view in self._views}
        if self.large is not None:
            names.add(self.large.lower())
        if self.primary and self.large is None:
            names.add(NUMBER.lower())
        return sorted(name for name in self.kind.replicated if name.lower() in names)

    def read(self, dn: str, entry: Entry) -> tuple[ConnectorObject | None, list[EdgePage], ReadProblem | None]:
        """One entry, without its members."""
        found, _, problem = super().read(dn, entry)
        if found is not None:
            found.partition = self.kind.partition(dn) or self.kind.base
            for view in self._views:
                sent = next((values for name, values in entry.items() if name.lower() == view.seen.lower()), None)
                if sent:
                    found.values[view.name] = view.shows(unsigned(sent[0]))
        return found, [], problem


class Objects:
    """Makes pages of one type's entries; asks the controller for what an entry does not show whole."""

    def __init__(self, domain: Domain, kind: AdType, wanted: Iterable[str], groups: PrimaryGroups) -> None:
        self.kind = kind
        self.reader = AdReader(kind, wanted, domain.common.range_size)
        self._domain = domain
        self._groups = groups
        self._empty_allowed: dict[bytes, bool] = {}

    def pages(self, entries: Iterable[tuple[str, Entry]], *, members: bool = True) -> Iterator[Page]:
        """The entries as pages that are never the last; big groups are spread over several."""
        page, values = Page(), 0
        for dn, entry in entries:
            found, problem = self.one(dn, entry)
            if problem is not None:
                page.problems.append(problem)
            if found is None:
                continue
            page.objects.append(found)
            if members and self.reader.large is not None:
                for part in self.edges(dn, found.anchor, self.reader.large, entry):
                    page.edges.append(part)
                    values += len(part.values)
                    if values >= EDGES_TOGETHER:
                        yield page
                        page, values = Page(), 0
        if page.objects or page.edges or page.problems:
            yield page

    def one(self, dn: str, entry: Entry) -> tuple[ConnectorObject | None, ReadProblem | None]:
        """One entry, without its members."""
        entry, unsteady = self._completed(dn, entry)
        found, _, problem = self.reader.read(dn, entry)
        if found is not None and unsteady:
            text = f"{', '.join(unsteady)} changed while all of it was read. The next read tries again."
            return None, ReadProblem(self.kind.name, found.anchor, text, dn)
        if found is not None and self.reader.primary and self.reader.large is None:
            number = next((sent[0] for name, sent in entry.items() if name.lower() == NUMBER.lower()), None)
            group = self._groups.group(int(number)) if number is not None else None
            if group is not None:
                found.values[_MEMBER_OF] = [*items(found.values.get(_MEMBER_OF)), group]
        return found, problem

    def edges(self, dn: str, anchor: str, name: str, entry: Entry) -> Iterator[EdgePage]:
        """The members in pages. They are all of them only where that is proven."""
        texts: list[str] = []
        whole = False
        for part, proven in self._members(dn, name, entry):
            whole = proven
            texts += part
            while len(texts) > EDGES:
                yield EdgePage(self.kind.name, anchor, name, texts[:EDGES], whole=True, last=False)
                texts = texts[EDGES:]
        yield EdgePage(self.kind.name, anchor, name, texts, whole=whole, last=True)

    def _members(self, dn: str, name: str, entry: Entry) -> Iterator[tuple[list[str], bool]]:
        proven = False
        shown = False
        for part in ranges.parts(self._domain.session, dn, name, entry, self._domain.common.range_size):
            shown = shown or bool(part.values)
            proven = part.proven
            yield [value.decode("utf-8", "replace") for value in part.values], proven
        proven = proven and (shown or self._may_see_members(dn, name))
        yield [], proven
        sid = next((sent[0] for attribute, sent in entry.items() if attribute.lower() == SID.lower()), None)
        if self.reader.primary and sid is not None:
            for page in self._groups.members(sid):
                yield page, proven

    def _may_see_members(self, dn: str, name: str) -> bool:
        """Whether a group that shows no members has none: to a login that may not see them it looks the same."""
        session = self._domain.session
        found = session.search(dn, ldap.SCOPE_BASE, "(objectClass=*)", [DESCRIPTOR], [ACCESS_LIST_ONLY])
        descriptor = found[0][1].get(DESCRIPTOR, [b""])[0] if found else b""
        if descriptor not in self._empty_allowed:
            self._empty_allowed[descriptor] = granted(
                descriptor, self._domain.root.sids, READ_PROPERTY, self._domain.schema.guids(name)
            )
        return self._empty_allowed[descriptor]

    def _completed(self, dn: str, entry: Entry) -> tuple[Entry, Sequence[str]]:
        """The entry with all values of attributes of which it shows only the first; and which of them changed."""
        large = self.reader.large
        cut = {low: name for low, name in ranges.cut_short(entry).items() if large is None or low != large.lower()}
        if not cut:
            return entry, ()
        size = self._domain.common.range_size
        whole = {name: ranges.whole(self._domain.session, dn, name, entry, size) for name in cut.values()}
        kept = {name: values for name, values in entry.items() if name.partition(";")[0].lower() not in cut}
        complete = {name: values for name, values in whole.items() if values is not None}
        return {**kept, **complete}, [name for name, values in whole.items() if values is None]
