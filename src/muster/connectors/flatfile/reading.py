"""A file's rows → pages of objects, after the survey said that the file is sound to its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from muster.connectors.flatfile.file import FlatFile, Survey
from muster.connectors.flatfile.layout import Row
from muster.connectors.flatfile.source import Scan
from muster.connectors.flatfile.wire import BadCell
from muster.model.errors import IncompleteRead
from muster.model.objects import ConnectorObject, Page, ReadProblem
from muster.model.schema import ENABLED

PAGE: Final = 5_000


class Reading:
    """One object type of one file, read once. `complete` is known when the pages are through."""

    def __init__(self, file: FlatFile, wanted: Sequence[str]) -> None:
        self.complete = True
        self._file = file
        self._wanted = wanted
        self._double_lines: dict[str, list[int]] = {}

    def pages(self, scan: Scan) -> Iterator[Page]:
        """Pages without a watermark, none of them marked last. Raises `IncompleteRead`."""
        try:
            yield from self._surveyed(scan)
        except IncompleteRead:
            self._file.source.unchanged(scan)
            raise
        self._file.source.unchanged(scan)

    def _surveyed(self, scan: Scan) -> Iterator[Page]:
        file = self._file
        survey = file.survey(scan)
        if survey.names is not None:
            switch = file.spec.enabled
            real = [name for name in self._wanted if not (name == ENABLED and switch is not None)]
            file.need(real, survey.names)
        yield from self._pages(scan, survey)
        if self._double_lines:
            yield Page(problems=list(self._double_problems()))

    def _pages(self, scan: Scan, survey: Survey) -> Iterator[Page]:
        kind, shown, shape, doubles = self._file.kind, self._file.source.shown, survey.shape, survey.doubles
        build, anchor_of, filtered = shape.builder(self._wanted), shape.anchor, bool(shape.spec.where)
        page = Page()
        with self._file.parsed(scan) as (_, parsed):
            for line, row in parsed.rows:
                if filtered and not shape.belongs(row):
                    continue
                anchor = anchor_of(row)
                if anchor in doubles and anchor:
                    self._double_lines.setdefault(anchor, []).append(line)
                    continue
                where = f"{shown}:{line}"
                problem = self._undecoded(row) if not scan.sound else ""
                if not anchor or (problem and _surrogate(anchor)):
                    self.complete = False
                    what = problem or f"the column {shape.spec.anchor!r} is empty: expected the anchor of the object."
                    page.problems.append(ReadProblem(kind, None, f"{where}: {what}", where))
                elif problem:
                    page.problems.append(ReadProblem(kind, anchor, f"{where}: {problem}", where))
                else:
                    try:
                        page.objects.append(ConnectorObject(kind, anchor, build(row), True, False, "", where))
                    except BadCell as error:
                        page.problems.append(ReadProblem(kind, anchor, f"{where}: {error}", where))
                if len(page.objects) + len(page.problems) >= PAGE:
                    yield page
                    page = Page()
        if page.objects or page.problems:
            yield page

    def _double_problems(self) -> Iterator[ReadProblem]:
        shown, spec = self._file.source.shown, self._file.spec
        for anchor, lines in self._double_lines.items():
            listed = ", ".join(str(line) for line in lines)
            for line in lines:
                where = f"{shown}:{line}"
                text = f"{where}: {spec.anchor} {anchor!r} stands on the lines {listed}; none of them is read."
                yield ReadProblem(self._file.kind, anchor, text, where)

    def _undecoded(self, row: Row) -> str:
        cells = enumerate(row, 1) if isinstance(row, list) else row.items()
        for place, cell in cells:
            for text in cell if isinstance(cell, list) else [cell]:
                at = _surrogate(text) if isinstance(text, str) else 0
                if at and isinstance(text, str):
                    byte = ord(text[at - 1]) - 0xDC00
                    return (
                        f"field {place}, character {at}: the byte 0x{byte:02x} is no {self._file.source.encoding}. "
                        "Correct `encoding`, or have the file written again."
                    )
        return ""


def _surrogate(text: str) -> int:
    """The place, from 1, of the first surrogate that stands for an undecodable byte; 0 without one."""
    if text.isascii():
        return 0
    return next((at for at, one in enumerate(text, 1) if "\udc80" <= one <= "\udcff"), 0)
