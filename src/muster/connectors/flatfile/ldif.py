"""LDIF content files (RFC 2849)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from muster.connectors.flatfile.layout import Layout, Parsed, Record, Refused, Row
from muster.model import dn
from muster.model.values import items, shown

_WIDTH: Final = 76
_SAFE: Final = re.compile(r"(?![ :<])[\x01-\x09\x0b\x0c\x0e-\x7f]*(?<! )\Z")
"""SAFE-STRING of RFC 2849; a value that ends with a space SHOULD be base64-encoded, note 8."""


class Ldif(Layout):
    """Entries separated by empty lines. Attribute names are compared without case; the file's spelling is kept."""

    def __init__(self, shown: str) -> None:
        super().__init__(shown)
        self.spelling: dict[str, str] = {}
        self._hints: dict[str, str] = {}

    def hint(self, names: Iterable[str]) -> None:
        """How to write names that the file does not have yet."""
        for name in names:
            self._hints.setdefault(name.lower(), name)

    def parse(self, lines: Iterable[str]) -> Parsed:
        """Entries as records by lower-case attribute name; values of `::` are bytes, others text."""
        return Parsed(None, self._entries(lines))

    def heading(self, names: Sequence[str], ending: str) -> str:
        """The version, which RFC 2849 asks for."""
        self.spelling.update((name.lower(), name) for name in names)
        return f"version: 1{ending}{ending}"

    def text(self, row: Row, ending: str) -> str:
        """The entry, `dn` first, folded at 76 characters, with the empty line after it."""
        assert isinstance(row, dict)
        names = items(row.get("dn"))  # type: ignore[arg-type]
        if not names or not names[0]:
            raise Refused("an LDIF entry needs a dn")
        out = [_line("dn", names[0], ending)]
        for name, value in row.items():
            if name != "dn" and value is not None:
                spelt = self.spelling.get(name) or self._hints.get(name, name)
                out += [_line(spelt, one, ending) for one in (value if isinstance(value, list) else [value])]
        return "".join(out) + ending

    def contradiction(self, row: Row) -> str | None:
        """A name whose own value is not among those of its attribute (RFC 4512 section 2.3)."""
        assert isinstance(row, dict)
        name = next(iter(items(row.get("dn"))), "")  # type: ignore[arg-type]
        for kind, text in dn.own_values(str(name)):
            held = items(row.get(kind.lower()))  # type: ignore[arg-type]
            if held and not any(isinstance(one, str) and dn.same_value(one, text) for one in held):
                return (
                    f"dn names it {name}, and {kind} would be {', '.join(map(shown, held))}: a directory takes no such "
                    f"entry. Let the flows to dn and {kind} give the same"
                )
        return None

    def _entries(self, lines: Iterable[str]) -> Iterator[tuple[int, Row]]:
        block: list[tuple[int, str]] = []
        comment = False
        for number, line in enumerate(lines, 1):
            text = line.rstrip("\r\n")
            if text.startswith(" "):
                if comment:
                    continue
                if not block:
                    raise self.broken(number, "a continuation line continues nothing.", "Mend the lines before it.")
                block[-1] = (block[-1][0], block[-1][1] + text[1:])
                continue
            comment = text.startswith("#")
            if comment:
                continue
            if text:
                block.append((number, text))
                continue
            if block:
                yield from self._entry(block)
                block = []
        if block:
            yield from self._entry(block)

    def _entry(self, block: list[tuple[int, str]]) -> Iterator[tuple[int, Row]]:
        if block[0][1].lower().startswith("version:"):
            block = block[1:]
            if not block:
                return
        first = block[0][0]
        entry: Record = {}
        for number, text in block:
            name, value = self._value(number, text)
            low = name.lower()
            if number == first and low != "dn":
                raise self.broken(number, f"an entry begins with {name!r}, expected dn.", "Mend the entry.")
            if number != first and low == "dn":
                raise self.broken(number, "a second dn in one entry.", "An empty line is lacking before it: add it.")
            if value is None:
                self.flaws.setdefault(first, {})[name] = f"is no base64 text (line {number})"
                continue
            if low == "changetype":
                if str(value).lower() == "add":
                    continue
                raise self.broken(number, "this file holds changes, not content.", "Have all entries exported.")
            self.spelling.setdefault(low, name)
            held = entry.setdefault(low, [])
            assert isinstance(held, list)
            held.append(value)  # type: ignore[arg-type]
        yield first, entry

    def _value(self, number: int, text: str) -> tuple[str, str | bytes | None]:
        """A line's attribute and value; None for base64 that is none."""
        name, colon, rest = text.partition(":")
        if not colon or not name:
            raise self.broken(
                number, f"expected `attribute: value`, found {text[:60]!r}.", "Mend the line, or fold it with a space."
            )
        if rest.startswith("<"):
            raise self.broken(number, f"{name} refers to another file; that is not followed.", "Export the value.")
        if not rest.startswith(":"):
            return name, rest.lstrip(" ")
        try:
            return name, base64.b64decode(rest[1:].strip(), validate=True)
        except (binascii.Error, ValueError):
            return name, None


def _line(name: str, value: object, ending: str) -> str:
    if isinstance(value, bytes):
        text = f"{name}:: {base64.b64encode(value).decode('ascii')}"
    else:
        plain = str(value).lower() if isinstance(value, bool) else str(value)
        if _SAFE.match(plain):
            text = f"{name}: {plain}"
        else:
            text = f"{name}:: {base64.b64encode(plain.encode()).decode('ascii')}"
    parts = [text[:_WIDTH], *(text[at : at + _WIDTH - 1] for at in range(_WIDTH, len(text), _WIDTH - 1))]
    return f"{ending} ".join(parts) + ending
