"""JSON lines: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import orjson

from muster.connectors.flatfile.layout import Layout, Parsed, Row


class JsonLines(Layout):
    """Each line is a JSON object whose members are the attributes; empty lines are passed over."""

    def parse(self, lines: Iterable[str]) -> Parsed:
        """Rows name their own attributes."""
        return Parsed(None, self._rows(lines))

    def heading(self, _names: Sequence[str], ending: str) -> str:
        """An empty line: there is no heading in this format."""
        return ending

    def text(self, row: Row, ending: str) -> str:
        """One object on one line, without NULLs."""
        assert isinstance(row, dict)
        members = {name: value for name, value in row.items() if value is not None}
        return json.dumps(members, ensure_ascii=False) + ending

    def _rows(self, lines: Iterable[str]) -> Iterator[tuple[int, Row]]:
        for number, line in enumerate(lines, 1):
            if line.isspace():
                continue
            try:
                found = _loaded(line)
            except json.JSONDecodeError as error:
                raise self.broken(
                    number,
                    f"this is no JSON: {error.msg}, at character {error.colno}.",
                    "Mend the line, or have the file written again.",
                ) from None
            if not isinstance(found, dict):
                raise self.broken(number, "this is no JSON object.", "Each line holds one {…}.")
            yield number, found


def _loaded(line: str) -> object:
    """The line's value; surrogates that stand for bytes that could not be decoded stay in it."""
    try:
        raw = line.encode()
    except UnicodeEncodeError:
        return json.loads(line)
    return orjson.loads(raw)
