"""CSV and TSV (RFC 4180, with the delimiter and the quote that the settings name)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from muster.connectors.flatfile.layout import Layout, Parsed, Row, number

LONGEST: Final = 1 << 24
"""Characters in one cell. The bound keeps an open quote from drawing a whole file into memory."""
_BREAK: Final = "\r\n"

csv.field_size_limit(LONGEST)


class Delimited(Layout):
    """Cells between delimiters, one row a line, more lines where a quoted cell holds line breaks."""

    def __init__(self, shown: str, delimiter: str, quote: str, columns: Sequence[str] | None) -> None:
        """`columns`: the names for a file without a heading; None when its first line names them."""
        super().__init__(shown)
        self._columns = columns
        self._dialect: dict[str, Any] = {"delimiter": delimiter, "quotechar": quote, "strict": True}

    def parse(self, lines: Iterable[str]) -> Parsed:
        """The heading must be there; each row has as many cells as it has."""
        reader = csv.reader(lines, **self._dialect)
        if self._columns is not None:
            return Parsed(list(self._columns), self._rows(reader, len(self._columns)))
        try:
            names = next((row for row in reader if row), None)
        except csv.Error as error:
            raise self._open_quote(1, error) from None
        if names is None:
            raise self.broken(1, "there is no heading.", "Have the file written with the names of its columns.")
        return Parsed(names, self._rows(reader, len(names)))

    def doubles(self, lines: Iterable[str], place: int, width: int) -> set[str]:
        """The cells of one column that come twice, in a file without any quote: some times faster than `parse`.

        Raises what `parse` raises.
        """
        delimiter, count = self._dialect["delimiter"], width - 1
        seen: set[str] = set()
        doubles: set[str] = set()
        numbered = enumerate(lines, 1)
        if self._columns is None:
            next((line for _, line in numbered if line.strip("\r\n")), None)
        last = place == count
        for at, line in numbered:
            if line.count(delimiter) != count:
                if line.strip("\r\n"):
                    raise self._wrong_width(at, line.count(delimiter) + 1, width)
                continue
            cell = line.rstrip("\r\n").rpartition(delimiter)[2] if last else line.split(delimiter, place + 1)[place]
            if cell in seen:
                doubles.add(cell)
            else:
                seen.add(cell)
        return doubles

    def heading(self, names: Sequence[str], ending: str) -> str:
        """The names of the columns; an empty line in a file without a heading."""
        return ending if self._columns is not None else self.text(list(names), ending)

    def text(self, row: Row, ending: str) -> str:
        """The row, quoted only where it must be: a cell with any line break, whatever ends the lines of the file."""
        out = io.StringIO()
        csv.writer(out, lineterminator=_BREAK, **self._dialect).writerow(row)
        return out.getvalue().removesuffix(_BREAK) + ending

    def _rows(self, reader: Any, width: int) -> Iterator[tuple[int, Row]]:
        before = reader.line_num
        try:
            for row in reader:
                if len(row) != width:
                    if row:
                        raise self._wrong_width(before + 1, len(row), width)
                    before = reader.line_num
                    continue
                yield before + 1, row
                before = reader.line_num
        except csv.Error as error:
            raise self._open_quote(before + 1, error) from None

    def _wrong_width(self, line: int, found: int, expected: int) -> Exception:
        return self.broken(
            line,
            f"the line has {number(found, 'field')}, expected {expected} as in "
            f"{'the heading' if self._columns is None else '`columns`'}.",
            "Mend the line (a delimiter or a quote is lacking, or too much), or have the file written again.",
        )

    def _open_quote(self, line: int, error: csv.Error) -> Exception:
        said = str(error)
        if "field larger" in said:
            what = f"a cell has more than {LONGEST:,} characters; most likely a quote is opened and not closed."
        elif "unexpected end" in said:
            what = "a quote is opened and not closed."
        else:
            what = f"the quotes do not fit ({said})."
        return self.broken(line, what, "Mend the quotes of the line that begins here, or have the file written again.")
