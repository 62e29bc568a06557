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
        kind, prefix, shape = self._file.kind, f"{self._file.source.shown}:", survey.shape
        build, anchor_of = shape.builder(self._wanted), shape.anchor_getter()
        filtered, doubtful = bool(shape.spec.where), bool(survey.doubles) or not scan.sound
        objects: list[ConnectorObject] = []
        problems: list[ReadProblem] = []
        with self._file.parsed(scan) as (_, parsed):
            for line, row in parsed.rows:
                if filtered and not shape.belongs(row):
                    continue
                anchor = anchor_of(row)
                if (doubtful or not anchor) and self._is_bad(anchor, line, row, survey, scan, problems):
                    continue
                try:
                    objects.append(ConnectorObject(kind, anchor, build(row), True, False, "", f"{prefix}{line}"))
                except BadCell as error:
                    problems.append(ReadProblem(kind, anchor, f"{prefix}{line}: {error}", f"{prefix}{line}"))
                if len(objects) == PAGE or len(problems) == PAGE:
                    yield Page(objects, problems=problems)
                    objects, problems = [], []
        if objects or problems:
            yield Page(objects, problems=problems)

    def _is_bad(
        self, anchor: str, line: int, row: Row, survey: Survey, scan: Scan, problems: list[ReadProblem]
    ) -> bool:
        """Whether the row is no object whatever its other cells hold; then it is among the problems, or the doubles."""
        kind, where = self._file.kind, f"{self._file.source.shown}:{line}"
        problem = "" if scan.sound else self._undecoded(row)
        if not anchor or (problem and _surrogate(anchor)):
            self.complete = False
            what = problem or f"the column {survey.shape.spec.anchor!r} is empty: expected the anchor of the object."
            problems.append(ReadProblem(kind, None, f"{where}: {what}", where))
            return True
        if anchor in survey.doubles:
            self._double_lines.setdefault(anchor, []).append(line)
            return True
        if problem:
            problems.append(ReadProblem(kind, anchor, f"{where}: {problem}", where))
            return True
        return False

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
