"""Whether the mappings fit what a system says of itself, before anything is read or written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from muster.model.schema import ObjectSchema, SystemSchema
from muster.model.values import Type
from muster.project.configuration import MappingRules, Place, Project, Read
from muster.project.diagnostics import Diagnostic, nearest

_READ_ONLY = "is read-only: the system sets it itself, whatever a flow says. Take the flow out"
_LEFT_OUT = "is read-only with these rights: the flow is left out"
_ONE_VALUE = (
    "takes one value, and `references` writes several. Say in the system file that it takes several, where that "
    "describes attributes (a flat file: `columns: {%s: [text]}`), or write a single one with `reference`"
)
_UNREAD = "is never shown: it is a secret or the server's own affair. Take it out"


def misfits(project: Project, system: str, schema: SystemSchema) -> list[Diagnostic]:
    """Each attribute that a mapping reads or writes and that its object type lacks, has for itself or has for one value
    where several are written, by place.

    A hint is told where the mapping itself asks whether the attribute is there, or the type may lack it, and
    where other rights would let a flow write.
    """
    found = [
        wrong
        for rules in project.mappings.values()
        if rules.system == system and (kind := schema.types.get(rules.object)) is not None
        for wrong in (*_written(rules, kind), *_read(rules, kind))
    ]
    return sorted(set(found), key=lambda one: (one.file, one.line, one.column, one.message))


def _written(rules: MappingRules, kind: ObjectSchema) -> Iterator[Diagnostic]:
    for flow in rules.outbound.flows if rules.outbound is not None else ():
        name = flow.attribute
        instead = kind.apart.get(name.lower())
        if instead is not None:
            yield _told(rules, kind, flow.place, f": no flow writes `{name}`: {instead}")
        elif not kind.has(name):
            writable = (known for known, one in kind.attributes.items() if one.writable != "never")
            yield _lacks(rules, kind, flow.place, name, writable)
        elif kind.attribute(name).writable == "never":
            if name in kind.left_out:
                yield replace(_told(rules, kind, flow.place, f": `{name}` {_LEFT_OUT}"), severity="hint")
            else:
                yield _told(rules, kind, flow.place, f": `{name}` {_READ_ONLY}")
        elif flow.many and not kind.attribute(name).many:
            yield _told(rules, kind, flow.place, f": `{name}` {_ONE_VALUE % name}")


def _read(rules: MappingRules, kind: ObjectSchema) -> Iterator[Diagnostic]:
    tested = {read.name for read in rules.reads if read.tested}
    for read in rules.reads:
        if not kind.has(read.name):
            wrong = _unreadable(rules, kind, read)
            allowed = read.name in tested or kind.may_lack(read.name)
            yield replace(wrong, severity="hint") if allowed else wrong


def _unreadable(rules: MappingRules, kind: ObjectSchema, read: Read) -> Diagnostic:
    name, place = read.name, read.place
    if name.lower() in kind.unread:
        return _told(rules, kind, place, f": `{name}` {_UNREAD}")
    first, dot, rest = name.partition(".")
    if dot and kind.has(first) and kind.attribute(first).type is Type.REFERENCE:
        message = (
            f": `{name}` leads to another object, and a mapping reads its own alone. Flow `{first}` into the identity "
            f"as a reference; outbound flows and computed values can read `{rest}` through that"
        )
        return _told(rules, kind, place, message)
    if (instead := kind.apart.get(name.lower())) is not None:
        return _told(rules, kind, place, f" has no {kind.word} `{name}`: {instead}")
    return _lacks(rules, kind, place, name, kind.attributes)


def _lacks(rules: MappingRules, kind: ObjectSchema, place: Place, name: str, known: Iterable[str]) -> Diagnostic:
    base, semicolon, _ = name.partition(";")
    if semicolon and kind.has(base):
        message = f": `{name}` has an option, and options are not supported: write `{base}`"
        return _told(rules, kind, place, message)
    suggestion = nearest(name, known) if len(name) > 2 else None
    advice = kind.advice or f"correct the name, or have the {kind.word} added there"
    return _told(rules, kind, place, f" has no {kind.word} `{name}`: {advice}", suggestion)


def _told(
    rules: MappingRules, kind: ObjectSchema, place: Place, message: str, suggestion: str | None = None
) -> Diagnostic:
    called = f"{rules.system}: {rules.object}" + (f" ({kind.called})" if kind.called else "")
    return Diagnostic(place.file, place.line, place.column, called + message, suggestion)
