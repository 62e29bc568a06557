"""The computed values of one identity, after its sources and before its roles. Pure: data in, data out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from muster.expressions import AUTHORITATIVE_NULL, UNKNOWN, Candidates, Context, Fault
from muster.model.values import Document, Value, WrongType, convert, items, key_text
from muster.project.configuration import Computed
from muster.sync.identities.partial import PartialDocument
from muster.sync.names.unique import Allocate, Disputed, NeverRead, Reservation, held, none_free
from muster.sync.rules.ruleset import CompiledType


@dataclass(slots=True)
class Computing:
    """Fills in the computed values of `document`, in the order that their circles-free uses ask for, but for those that
    `overrides` set.

    `kept` are the values that the identity has of its own, `old` is what it held before, `paths` what it reads through
    references. With `allocate`, unique values are given out; without, `needs` says that one must be. `faults`: what
    could not be worked out, with the message; its last good value stays. `lacking`: what never had one, and what is
    worked out from that: it is not NULL, but unknown; `lacking_paths`: the same of others, read through references.
    `doubtful`: attributes that an object would change of which a person must decide whether it is the identity's;
    `unread`: those that accounts may show which were never read; `waits`: unique values that are not given out before,
    and why.
    """

    kind: CompiledType
    document: Document
    kept: dict[str, Value]
    old: Document
    context: Context
    reserved: Mapping[str, Sequence[Reservation]]
    paths: Mapping[str, Value]
    allocate: Allocate | None
    overrides: Collection[str] = ()
    doubtful: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, NeverRead] = field(default_factory=dict)
    lacking_paths: frozenset[str] = frozenset()
    needs: bool = False
    faults: list[tuple[Computed, str]] = field(default_factory=list)
    lacking: set[str] = field(default_factory=set)
    waits: list[tuple[Computed, Disputed | NeverRead]] = field(default_factory=list)

    def work(self, after: Computed | None = None) -> None:
        """Compute everything, or what comes after one of them."""
        start = 0 if after is None else self.kind.computed.index(after) + 1
        for computed in self.kind.computed[start:]:
            name = computed.attribute.name
            if name in self.overrides:
                continue
            value = self._value(computed)
            if computed.keep == "all":
                value = list(dict.fromkeys([*items(self.kept.get(name)), *items(value)])) or None
                self.kept[name] = value
            if value is not None:
                self.document[name] = value

    def _value(self, computed: Computed) -> Value:
        name = computed.attribute.name
        once = computed.enforce == "once"
        if once and computed.unique is None and name in self.kept:
            return self.kept[name]
        attributes = {**self.document, **self.paths} if self.paths else self.document
        if self.lacking or self.lacking_paths:
            attributes = PartialDocument(attributes, self.lacking | self.lacking_paths)
        found = computed.value.expression.evaluate(attributes, self.context)
        if isinstance(found, Candidates):
            return self._unique(computed, found)
        if isinstance(found, Fault):
            return self._last_good(computed, found.message)
        if found is UNKNOWN:
            return self._unknown(computed)
        if found is AUTHORITATIVE_NULL:
            return None
        try:
            value = convert(found, computed.attribute)
        except WrongType as error:
            return self._last_good(computed, str(error))
        if once and value is not None:
            self.kept[name] = value
        return value

    def _last_good(self, computed: Computed, message: str) -> Value:
        self.faults.append((computed, f"{computed.attribute.name}: {message}"))
        return self._went_before(computed.attribute.name)

    def _unknown(self, computed: Computed) -> Value:
        """What hangs on another's attribute is none of the value before: that may have been made before it was known
        that the attribute lacks, or of another one's. A name that was given out stays.
        """
        name = computed.attribute.name
        if name in self.kind.unique or not self.lacking_paths & computed.value.expression.reads:
            return self._went_before(name)
        self.lacking.add(name)
        return None

    def _went_before(self, name: str) -> Value:
        """The value that stays because there is no new one now."""
        value = self.old.get(name)
        if value is None:
            self.lacking.add(name)
        return value

    def _unique(self, computed: Computed, candidates: Candidates) -> Value:
        name = computed.attribute.name
        scope = computed.unique or f"{self.kind.type.name}.{name}"
        texts = [str(convert(value, computed.attribute) or "") for value in candidates.values]
        keys = {key_text((text,)) for text in texts}
        current = self.old.get(name)
        own = self.reserved.get(scope, ())
        firm = [one for one in own if one.firm]
        had = held(firm if firm and computed.enforce == "once" else own, current, keys)
        if had is None and computed.enforce == "once":
            had = held(firm, current)
        if had is not None:
            return had.value
        if self.allocate is None:
            self.needs = True
            if firm:
                return self._went_before(name)
            self.lacking.add(name)
            return None
        given = self._not_sure(computed) or self.allocate(scope, texts, partial(self._as_if, computed))
        if isinstance(given, Disputed | NeverRead):
            self.waits.append((computed, given))
            if firm:
                return self._went_before(name)
            self.lacking.add(name)
            return None
        if given is None:
            self.faults.append((computed, none_free(name, texts)))
            self.lacking.add(name)
        return given

    def _not_sure(self, computed: Computed) -> Disputed | NeverRead | None:
        """What the value is made of is not sure before a person has decided, or before a system was read."""
        if not self.doubtful and not self.unread:
            return None
        reads = set(computed.value.expression.reads)
        for one in reversed(self.kind.computed[: self.kind.computed.index(computed)]):
            if one.attribute.name in reads:
                reads |= one.value.expression.reads
        for name in sorted(reads & self.unread.keys()):
            if self.unread[name].always or self.document.get(name) is None:
                return self.unread[name]
        objects = {self.doubtful[name] for name in reads & self.doubtful.keys()}
        return Disputed(" and ".join(sorted(objects))) if objects else None

    def _as_if(self, computed: Computed, value: str) -> Document:
        """What the identity would hold if this unique value were its own."""
        document: Document = {**self.document, computed.attribute.name: value}
        trial = Computing(
            self.kind,
            document,
            dict(self.kept),
            self.old,
            self.context,
            self.reserved,
            self.paths,
            None,
            self.overrides,
        )
        trial.lacking = self.lacking - {computed.attribute.name}
        trial.lacking_paths = self.lacking_paths
        trial.work(after=computed)
        return document
