"""LDAP entries → Muster's objects, and values both ways: pure, tested without a server."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Protocol, TypeAlias

from muster.connectors.ldap.settings import Switch
from muster.model.objects import ConnectorObject, EdgePage, ReadProblem
from muster.model.schema import ENABLED, ENABLED_ATTRIBUTE, ObjectSchema
from muster.model.values import (
    Attribute,
    Document,
    Scalar,
    Type,
    Value,
    WrongType,
    convert,
    instant_text,
    items,
    parse_instant,
    shown,
)

Entry: TypeAlias = Mapping[str, Sequence[bytes]]

EDGES: Final = 5_000
"""Values in one `EdgePage`."""


class Form(Protocol):
    """How the values of one attribute stand on the wire, where its type alone does not say it."""

    def shown(self, value: bytes) -> Scalar | None:
        """One value as the server sends it; None when it stands for no value. Raises `WrongType`."""

    def stored(self, value: Scalar) -> bytes:
        """One value, already in its attribute's form, as the server wants it. Raises `WrongType`."""


@dataclass(frozen=True, slots=True)
class LdapType:
    """One object type: its schema, and how its objects are found, named, anchored and switched.

    `classes`: what a new object gets as objectClass. `aliases`: every name of an attribute, in lower case → its first
    name. `comparable`: the attributes that have an equality rule, so that a server can assert their values. `forms`:
    the attributes whose values stand on the wire in a way of their own.
    """

    name: str
    schema: ObjectSchema
    classes: tuple[str, ...]
    base: str
    filter: str
    rdn: str
    anchor: str
    switch: Switch | None = None
    placeholder: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    comparable: frozenset[str] = frozenset()
    forms: Mapping[str, Form] = field(default_factory=dict)

    def canonical(self, name: str) -> str:
        """The attribute's first name in the schema. Raises `WrongType` when there is no such attribute."""
        if name in self.schema.attributes:
            return name
        found = self.aliases.get(name.lower())
        if found is None:
            raise WrongType(f"the class {self.classes[-1]} has no attribute {name!r}")
        return found

    def sent(self, canonical: str, value: Value, *, many: bool = False) -> list[bytes]:
        """The values of an attribute as the server wants them; none for NULL.

        `many`: some values of those it has, so that there may be several of any attribute. Raises `WrongType`.
        """
        attribute = self.schema.attributes[canonical]
        if many and not attribute.many:
            attribute = replace(attribute, many=True)
        form = self.forms.get(canonical)
        try:
            if form is None:
                return encoded_all(value, attribute)
            return [form.stored(one) for one in items(convert(value, attribute))]
        except WrongType as error:
            raise WrongType(f"{canonical}: {error}") from None

    def anchor_of(self, values: Sequence[bytes]) -> str:
        """The anchor as Muster knows it. Raises `WrongType`."""
        form = self.forms.get(self.anchor)
        return values[0].decode("utf-8", "replace") if form is None else str(form.shown(values[0]))

    def is_placeholder(self, value: str) -> bool:
        """Whether a member is the one that only keeps a group from being empty."""
        return self.placeholder is not None and value.casefold() == self.placeholder.casefold()


# --- values

_GENERALIZED: Final = re.compile(
    r"(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:(\d\d|60))?)?(?:[.,](\d+))?(Z|[+-]\d\d(?:\d\d)?)?"
)


def instant_of(text: str) -> str:
    """Generalized Time (RFC 4517 section 3.3.13) as ISO 8601 text in UTC. Raises `WrongType`."""
    found = _GENERALIZED.fullmatch(text)
    if found is None:
        raise WrongType(f"expected a time such as 20260131170000Z, found {shown(text)}")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    unit = 1.0 if second else 60.0 if minute else 3600.0
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour), int(minute or 0), min(int(second or 0), 59), tzinfo=UTC
        )
        if fraction:
            moment += timedelta(seconds=round(float(f"0.{fraction}") * unit, 6))
        if zone and zone != "Z":
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5] or 0))
            moment = moment.replace(tzinfo=timezone(-offset if zone[0] == "-" else offset))
    except (ValueError, OverflowError):
        raise WrongType(f"expected a time such as 20260131170000Z, found {shown(text)}") from None
    return instant_text(moment)


def generalized(text: str) -> str:
    """ISO 8601 text as Generalized Time in UTC. Raises `WrongType`."""
    moment = parse_instant(text)
    whole = f"{moment.year:04d}{moment:%m%d%H%M%S}"
    return f"{whole}.{moment.microsecond:06d}Z" if moment.microsecond else f"{whole}Z"


def decoded(value: bytes, kind: Type) -> Scalar:
    """One value as the server sends it. Raises `WrongType`."""
    if kind is Type.BINARY:
        return base64.b64encode(value).decode("ascii")
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise WrongType(f"these {len(value)} bytes are no UTF-8 text") from None
    if kind is Type.BOOLEAN:
        if text.upper() in ("TRUE", "FALSE"):
            return text.upper() == "TRUE"
        raise WrongType(f"expected TRUE or FALSE, found {shown(text)}")
    if kind is Type.INTEGER:
        try:
            return int(text)
        except ValueError:
            raise WrongType(f"expected a whole number, found {shown(text)}") from None
    if kind is Type.DATETIME:
        return instant_of(text)
    return text


def encoded(value: Scalar, kind: Type) -> bytes:
    """One value, already in its attribute's form, as the server wants it. Raises `WrongType`."""
    if kind is Type.BINARY:
        return base64.b64decode(str(value))
    if kind is Type.BOOLEAN:
        return b"TRUE" if value else b"FALSE"
    if kind is Type.DATETIME:
        return generalized(str(value)).encode()
    return str(value).encode()


def encoded_all(value: Value, attribute: Attribute) -> list[bytes]:
    """The values of an attribute as the server wants them; none for NULL. Raises `WrongType`."""
    kind = attribute.type
    if kind is Type.TEXT:
        if type(value) is str and value:
            return [value.encode()]
        if type(value) is list and len(value) == 1 and type(value[0]) is str and value[0]:
            return [value[0].encode()]
    return [encoded(one, kind) for one in items(convert(value, attribute))]


def switched_on(values: Sequence[bytes], switch: Switch) -> bool | None:
    """What the switch's attribute says about the account; None when it says neither."""
    if not values:
        return True if switch.on is None else False if switch.off is None else None
    text = values[0].decode("utf-8", "replace").casefold()
    if switch.off is not None and text == switch.off.casefold():
        return False
    if switch.on is not None and text == switch.on.casefold():
        return True
    if switch.on is None:
        return text == "false" and (switch.off or "").casefold() == "true"
    return True if switch.off is None else None


def switch_value(value: Value, switch: Switch) -> list[bytes]:
    """What the switch's attribute must hold for `enabled` to be `value`. Raises `WrongType`."""
    wanted = convert(value, ENABLED_ATTRIBUTE)
    text = switch.on if wanted is True else switch.off if wanted is False else None
    return [text.encode()] if text is not None else []


# --- reading


class Reader:
    """Turns the entries of one type into objects; made once a read, for the attributes that were asked for."""

    def __init__(self, kind: LdapType, wanted: Iterable[str]) -> None:
        self.kind = kind
        self._plan: dict[str, tuple[str, Attribute, Form | None]] = {}
        self._large: dict[str, str] = {}
        self._enabled = False
        for name in wanted:
            if name == ENABLED and kind.switch is not None:
                self._enabled = True
            elif name != "dn" and (canonical := kind.aliases.get(name.lower())) is not None:
                attribute = kind.schema.attributes[canonical]
                if attribute.large:
                    self._large[canonical.lower()] = name
                else:
                    self._plan[canonical.lower()] = (name, attribute, kind.forms.get(canonical))
        self._anchor = kind.anchor.lower()
        self._alias = {alias: first.lower() for alias, first in kind.aliases.items() if alias != first.lower()}

    @property
    def request(self) -> list[str]:
        """The attributes to ask the server for."""
        switch = [self.kind.switch.attribute.lower()] if self._enabled and self.kind.switch else []
        return list(dict.fromkeys([self._anchor, *self._plan, *self._large, *switch]))

    def read(self, dn: str, entry: Entry) -> tuple[ConnectorObject | None, list[EdgePage], ReadProblem | None]:
        """One entry: its object and the pages of its large attributes, or what is wrong with it."""
        kind = self.kind
        lowered = {self._name(name): values for name, values in entry.items()}
        found = lowered.get(self._anchor)
        if not found:
            return (
                None,
                [],
                ReadProblem(
                    kind.name, None, f"has no {kind.anchor}, or {kind.anchor} may not be read with this login.", dn
                ),
            )
        anchor = kind.anchor_of(found)
        values: Document = {"dn": dn}
        for wire, (name, attribute, form) in self._plan.items():
            sent = lowered.get(wire)
            if not sent:
                continue
            try:
                if form is not None:
                    shown_as = [text for text in map(form.shown, sent) if text is not None]
                    if shown_as:
                        values[name] = shown_as if attribute.many else shown_as[0]
                elif attribute.many:
                    values[name] = [decoded(one, attribute.type) for one in sent]
                else:
                    values[name] = decoded(sent[0], attribute.type)
            except WrongType as error:
                return None, [], ReadProblem(kind.name, anchor, f"{name}: {error}. Correct it there.", dn)
        if self._enabled and kind.switch is not None:
            state = switched_on(lowered.get(kind.switch.attribute.lower(), ()), kind.switch)
            if state is not None:
                values[ENABLED] = state
        edges = [page for wire, name in self._large.items() for page in self._pages(anchor, name, wire, lowered)]
        return ConnectorObject(kind.name, anchor, values, partition=kind.base, where=dn), edges, None

    def _name(self, name: str) -> str:
        low = name.lower()
        if ";" in low:
            low = low.removesuffix(";binary")
        return self._alias.get(low, low)

    def _pages(self, anchor: str, name: str, wire: str, lowered: Entry) -> Iterator[EdgePage]:
        kind = self.kind
        whole = True
        sent = lowered.get(wire, ())
        for other, more in lowered.items():
            if other.startswith(f"{wire};range="):
                whole, sent = False, more
        texts = [one.decode("utf-8", "replace") for one in sent]
        if kind.placeholder is not None:
            texts = [text for text in texts if not kind.is_placeholder(text)]
        starts = range(0, len(texts), EDGES) or range(1)
        for start in starts:
            last = start + EDGES >= len(texts)
            yield EdgePage(kind.name, anchor, name, texts[start : start + EDGES], whole=whole, last=last)
