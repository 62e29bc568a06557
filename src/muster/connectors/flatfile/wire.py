"""Rows of a file ↔ documents, as the settings of an object type say. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import TypeAlias

from muster.connectors.flatfile.layout import Cells, Refused, Row, nearest
from muster.connectors.flatfile.settings import FlatFileObject
from muster.model.schema import ENABLED
from muster.model.values import Attribute, Document, Scalar, Type, Value, WrongType, convert, items

Builder: TypeAlias = Callable[[Row], Document]


class BadCell(ValueError):
    """A cell that is not what its column is declared to be; the message names column, found and expected."""


class Shape(ABC):
    """What one object type makes of a row. `attributes` are the columns by name, `enabled` left out."""

    def __init__(self, spec: FlatFileObject, attributes: Mapping[str, Attribute]) -> None:
        self.spec = spec
        self.attributes = attributes
        self.switch = spec.enabled
        self._where = {name: items(value) for name, value in _listed(spec.where).items()}

    @abstractmethod
    def cell(self, row: Row, name: str) -> str:
        """One value of a row as text, empty when it has none."""

    @abstractmethod
    def builder(self, wanted: Sequence[str]) -> Builder:
        """A function from a row to the document of the wanted attributes; it raises `BadCell`."""

    def anchor_getter(self) -> Callable[[Row], str]:
        """The quickest way to a row's anchor."""
        return self.anchor

    @abstractmethod
    def blank(self) -> Row:
        """A row without values."""

    @abstractmethod
    def put(self, row: Row, name: str, value: Value) -> None:
        """Write one value into a row. Raises `Refused`."""

    def anchor(self, row: Row) -> str:
        """The row's anchor, empty when it has none."""
        return self.cell(row, self.spec.anchor)

    def nameless(self, _row: Row) -> str:
        """Why the row has no anchor."""
        return f"{self.spec.anchor}, which names the object, is empty"

    def belongs(self, row: Row) -> bool:
        """Whether the row is an object of this type."""
        return all(self.cell(row, name) in values for name, values in self._where.items())

    def created(self, anchor: str, values: Mapping[str, Value]) -> Row:
        """A new row. Raises `Refused`."""
        row = self.blank()
        for name, wanted in self._where.items():
            self.put(row, name, wanted[0])
        if self.switch is not None and ENABLED not in values and self.switch.column not in values:
            self._enable(row, True)
        return self.changed(row, {**values, self.spec.anchor: anchor})

    def changed(self, row: Row, values: Mapping[str, Value]) -> Row:
        """The row with some values replaced. Raises `Refused`; then the row is not to be used."""
        changed: Row = list(row) if isinstance(row, list) else dict(row)
        for name, value in values.items():
            if name == ENABLED and self.switch is not None:
                self._enable(changed, value)
            else:
                self.put(changed, name, value)
        return changed

    def _enable(self, row: Row, value: Value) -> None:
        assert self.switch is not None
        try:
            self.put(row, self.switch.column, None if value is None else self.switch.write(value))
        except WrongType as error:
            raise Refused(f"{ENABLED}: {error}") from None

    def _attribute(self, name: str) -> Attribute:
        found = self.attributes.get(name)
        if found is None:
            raise Refused(f"the file has no column {name!r}. {nearest(name, self.attributes)}")
        return found


class TableShape(Shape):
    """For formats with columns."""

    def __init__(self, spec: FlatFileObject, names: Sequence[str], separator: str) -> None:
        super().__init__(spec, {name: spec.attribute(name) or Attribute(name) for name in names if name})
        self._width = len(names)
        self._index = {name: at for at, name in reversed(list(enumerate(names)))}
        self._separator = separator

    def anchor_getter(self) -> Callable[[Row], str]:
        return itemgetter(self._index[self.spec.anchor])

    def place(self, name: str) -> int:
        """Where the column stands in a row."""
        return self._index[name]

    def cell(self, row: Row, name: str) -> str:
        assert isinstance(row, list)
        return row[self._index[name]]

    def blank(self) -> Row:
        return [""] * self._width

    def builder(self, wanted: Sequence[str]) -> Builder:
        plain = [name for name in wanted if self._is_plain(name)]
        typed = [self._typed(name) for name in wanted if not self._is_plain(name)]
        places = [self._index[name] for name in plain]
        if places == list(range(self._width)):
            return _whole(plain)
        if len(places) == 1:
            places.append(places[0])
            plain.append(plain[0])
        pick: Callable[[Cells], Sequence[str]] = itemgetter(*places) if places else lambda _row: ()

        def build(row: Row) -> Document:
            assert isinstance(row, list)
            values: Document = dict(zip(plain, pick(row), strict=True))
            if "" in row:
                values = {name: cell for name, cell in values.items() if cell}
            for name, column, place, made in typed:
                try:
                    value = made(row[place])
                except WrongType as error:
                    raise BadCell(f"{column}: {error}") from None
                if value is not None:
                    values[name] = value
            return values

        return build

    def put(self, row: Row, name: str, value: Value) -> None:
        assert isinstance(row, list)
        attribute = self._attribute(name)
        row[self._index[name]] = self._text(value, attribute)

    def _is_plain(self, name: str) -> bool:
        if name == ENABLED and self.switch is not None:
            return False
        attribute = self.attributes[name]
        return not attribute.many and attribute.type in (Type.TEXT, Type.REFERENCE)

    def _typed(self, name: str) -> tuple[str, str, int, Callable[[str], Value]]:
        if name == ENABLED and self.switch is not None:
            switch = self.switch
            return name, switch.column, self._index[switch.column], lambda cell: switch.read(cell or None)
        attribute, separator = self.attributes[name], self._separator
        if attribute.many:
            return name, name, self._index[name], lambda cell: convert(cell.split(separator), attribute)
        return name, name, self._index[name], lambda cell: convert(cell, attribute)

    def _text(self, value: Value, attribute: Attribute) -> str:
        try:
            found = convert(value, attribute)
        except WrongType as error:
            raise Refused(f"{attribute.name}: {error}") from None
        if not isinstance(found, list):
            return "" if found is None else _plain(found)
        texts = [_plain(item) for item in found]
        for text in texts:
            if self._separator in text:
                raise Refused(f"{attribute.name}: {text!r} holds the list separator {self._separator!r}")
        return self._separator.join(texts)


class RecordShape(Shape):
    """For formats whose rows name their attributes; in LDIF without regard to case."""

    def __init__(self, spec: FlatFileObject, attributes: Mapping[str, Attribute], *, ldif: bool) -> None:
        super().__init__(spec, attributes)
        self._ldif = ldif
        self._name = spec.attribute(spec.anchor) or Attribute(spec.anchor)

    def cell(self, row: Row, name: str) -> str:
        try:
            value = self._raw(row, self._name if name == self._name.name else Attribute(name))
        except WrongType:
            return ""
        first = value[0] if isinstance(value, list) and value else value
        return "" if first is None or first == [] else _plain(first)

    def anchor(self, row: Row) -> str:
        """The row's anchor, empty when it has none, or something that names no object."""
        return "" if self._misnamed(row) else self.cell(row, self.spec.anchor)

    def nameless(self, row: Row) -> str:
        misnamed = self._misnamed(row)
        return f"{self.spec.anchor}, which names the object: {misnamed}" if misnamed else super().nameless(row)

    def _misnamed(self, row: Row) -> str:
        """What is wrong with a row's anchor; empty for one that is lacking."""
        try:
            convert(self._raw(row, self._name), self._name)
        except WrongType as error:
            return str(error)
        return ""

    def blank(self) -> Row:
        return {}

    def builder(self, wanted: Sequence[str]) -> Builder:
        attributes = [self.attributes.get(name) or Attribute(name) for name in wanted if not self._is_switch(name)]
        switch = self.switch if any(self._is_switch(name) for name in wanted) else None

        def build(row: Row) -> Document:
            values: Document = {}
            for attribute in attributes:
                try:
                    value = convert(self._raw(row, attribute), attribute)
                except WrongType as error:
                    raise BadCell(f"{attribute.name}: {error}") from None
                if value is not None:
                    values[attribute.name] = value
            if switch is not None:
                try:
                    enabled = switch.read(self.cell(row, switch.column) or None)
                except WrongType as error:
                    raise BadCell(f"{switch.column}: {error}") from None
                if enabled is not None:
                    values[ENABLED] = enabled
            return values

        return build

    def put(self, row: Row, name: str, value: Value) -> None:
        assert isinstance(row, dict)
        attribute = self.attributes.get(name) or Attribute(name, many=isinstance(value, list))
        try:
            found = convert(value, attribute)
        except WrongType as error:
            raise Refused(f"{name}: {error}") from None
        key = name.lower() if self._ldif else name
        if found is None:
            row.pop(key, None)
        elif not self._ldif:
            row[key] = found
        else:
            row[key] = [_ldif_value(item, attribute) for item in items(found)]

    def _is_switch(self, name: str) -> bool:
        return name == ENABLED and self.switch is not None

    def _raw(self, row: Row, attribute: Attribute) -> object:
        assert isinstance(row, dict)
        if not self._ldif:
            return row.get(attribute.name)
        found = row.get(attribute.name.lower())
        return [_from_ldif(item, attribute) for item in found] if isinstance(found, list) else None


def _whole(names: Sequence[str]) -> Builder:
    """The builder for rows whose every cell is wanted as the text that it is."""

    def build(row: Row) -> Document:
        if "" in row:
            return {name: cell for name, cell in zip(names, row, strict=True) if cell}
        return dict(zip(names, row, strict=True))

    return build


def _listed(where: Mapping[str, str | list[str]]) -> dict[str, Value]:
    return {name: list(value) if isinstance(value, list) else value for name, value in where.items()}


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return b64encode(value).decode("ascii") if isinstance(value, bytes) else str(value)


def _from_ldif(value: object, attribute: Attribute) -> object:
    if attribute.type is Type.BINARY:
        return value if isinstance(value, bytes) else str(value).encode()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise WrongType(
                f"these {len(value)} bytes are no UTF-8 text; if they are meant to be bytes, declare them under "
                f"`columns` as `{attribute.name}: binary`"
            ) from None
    return value


def _ldif_value(value: Scalar, attribute: Attribute) -> str | bytes:
    if attribute.type is Type.BINARY:
        return b64decode(str(value))
    return _plain(value)


def of_record(name: str, value: object, before: Attribute | None) -> Attribute:
    """What an attribute must be to hold this value beside those seen before, in a format that declares nothing."""
    many = isinstance(value, list)
    sample = value[0] if isinstance(value, list) and value else value
    if isinstance(sample, bool):
        kind = Type.BOOLEAN
    elif isinstance(sample, int):
        kind = Type.INTEGER
    elif isinstance(sample, float):
        kind = Type.DECIMAL
    else:
        kind = Type.TEXT
    if before is None:
        return Attribute(name, kind, many=many)
    if before.type is not kind:
        numbers = {before.type, kind} == {Type.INTEGER, Type.DECIMAL}
        kind = Type.DECIMAL if numbers else Type.TEXT
    return Attribute(name, kind, many=many or before.many)
