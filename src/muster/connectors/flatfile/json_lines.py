"""JSON lines: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import NoReturn

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
            found = self._loaded(number, line)
            if not isinstance(found, dict):
                raise self.broken(number, "this is no JSON object.", _ONE_A_LINE)
            if line.count(":") != len(found):
                self._look_for_doubles(number, line)
            yield number, found

    def _loaded(self, number: int, line: str) -> object:
        """The line's value; halves of characters, such as stand for bytes that could not be decoded, stay in it."""
        try:
            try:
                return orjson.loads(line.encode())
            except UnicodeEncodeError:
                return json.loads(line, parse_constant=_no_number)
            except json.JSONDecodeError:
                if "\\u" not in line:
                    raise
                return json.loads(line, parse_constant=_no_number)
        except (json.JSONDecodeError, RecursionError) as error:
            what = f"{error.msg}, at character {error.colno}" if isinstance(error, json.JSONDecodeError) else "too deep"
            step = _ONE_A_LINE if line.startswith("[") else "Mend the line, or have the file written again."
            raise self.broken(number, f"this is no JSON: {what}.", step) from None

    def _look_for_doubles(self, number: int, line: str) -> None:
        pairs: list[tuple[str, object]] = json.loads(line, object_pairs_hook=list)
        names = [name for name, _ in pairs]
        for name in names:
            if names.count(name) > 1:
                self.flaws.setdefault(number, {})[name] = "stands twice, so it is not known which one counts"


def _no_number(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is no JSON number", name, 0)


_ONE_A_LINE = "Each line holds one object, {…}; a list of objects is no JSON lines file. Have the file written again."
