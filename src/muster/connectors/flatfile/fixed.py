"""Fixed width: each column has so many characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from muster.connectors.flatfile.layout import Layout, Parsed, Refused, Row


class FixedWidth(Layout):
    """One row a line, cells padded with spaces on the right. Spaces at the end of the last cell may be left out."""

    def __init__(self, shown: str, columns: Mapping[str, int]) -> None:
        super().__init__(shown)
        self._columns = dict(columns)
        self._total = sum(columns.values())
        self._needed = self._total - (list(columns.values())[-1] if columns else 0)
        ends = [sum(list(columns.values())[: n + 1]) for n in range(len(columns))]
        self._slices = [slice(end - width, end) for end, width in zip(ends, columns.values(), strict=True)]

    def parse(self, lines: Iterable[str]) -> Parsed:
        """Every line is as long as the columns together; lines of nothing but spaces are passed over."""
        return Parsed(list(self._columns), self._rows(lines))

    def heading(self, _names: Sequence[str], ending: str) -> str:
        """An empty line: there is no heading in this format."""
        return ending

    def text(self, row: Row, ending: str) -> str:
        """The padded line. Raises `Refused` for a cell that does not fit."""
        cells = []
        for (name, width), cell in zip(self._columns.items(), row, strict=True):
            if len(cell) > width:
                raise Refused(f"{name} has {len(cell)} characters; the column holds {width}")
            if "\n" in cell or "\r" in cell:
                raise Refused(f"{name} holds a line break")
            cells.append(cell.ljust(width))
        return "".join(cells) + ending

    def _rows(self, lines: Iterable[str]) -> Iterator[tuple[int, Row]]:
        for number, line in enumerate(lines, 1):
            text = line.rstrip("\r\n")
            if not self._needed <= len(text) <= self._total:
                if not text.strip():
                    continue
                raise self.broken(
                    number,
                    f"the line has {len(text)} characters, expected {self._total}.",
                    "Correct the widths under `columns`, or have the file written again.",
                )
            if not text or text.isspace():
                continue
            yield number, [text[part].rstrip() for part in self._slices]
