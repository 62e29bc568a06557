"""Tables without lines: names left, numbers right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from muster.cli.render.changes import SIGNS
from muster.cli.render.words import safe


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], out: Console) -> None:
    """Print the rows under their headings. A column of numbers is set right; 0 is a dot."""
    texts = [[_cell(cell) for cell in row] for row in rows]
    numeric = [bool(rows) and all(isinstance(row[n], int) for row in rows) for n in range(len(headings))]
    widths = [max(cell_len(line[n]) for line in [list(headings), *texts]) for n in range(len(headings))]
    out.print(Text(_line(headings, widths, numeric), "aside"))
    for line in texts:
        out.print(Text(_line(line, widths, numeric)))


def summary_table(summary: Mapping[str, Mapping[str, Any]], out: Console) -> None:
    """What is done in each system, and together."""
    actions = list(reversed(SIGNS))
    rows: list[list[object]] = [
        [name, *(int(found.get(action, 0)) for action in actions)] for name, found in sorted(summary.items())
    ]
    if len(rows) > 1:
        rows.append(["together", *(sum(int(str(row[n + 1])) for row in rows) for n in range(len(actions)))])
    table(["system", *actions], rows, out)


def _cell(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}" if cell else "·"
    return "" if cell is None else safe(cell)


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    parts = []
    for cell, width, right in zip(cells, widths, numeric, strict=True):
        blank = " " * (width - cell_len(cell))
        parts.append(blank + cell if right else cell + blank)
    return ("  " + "  ".join(parts)).rstrip()
