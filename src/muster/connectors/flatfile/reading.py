"""A file's rows → pages of objects, after the survey said that the file is sound to its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from muster.connectors.flatfile.file import FlatFile, Survey
from muster.connectors.flatfile.layout import Row
from muster.connectors.flatfile.source import Scan
from muster.connectors.flatfile.wire import BadCell, Shape
from muster.model.errors import IncompleteRead
from muster.model.objects import ConnectorObject, Page, ReadProblem
from muster.model.schema import ENABLED

PAGE: Final = 5_000
_LISTED: Final = 3
"""Lines of one double anchor that are named."""
_STEP: Final = "Correct it there."


class Reading:
    """One object type of one file, read once. `complete` is known when the pages are through."""

    def __init__(self, file: FlatFile, wanted: Sequence[str]) -> None:
        self.complete = True
        self._file = file
        self._wanted = wanted
        self._doubles: dict[str, _Double] = {}

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
        if self._doubles:
            yield Page(problems=[self._double_problem(anchor, found) for anchor, found in self._doubles.items()])

    def _pages(self, scan: Scan, survey: Survey) -> Iterator[Page]:
        kind, prefix, shape = self._file.kind, f"{self._file.source.shown}:", survey.shape
        build, anchor_of = shape.builder(self._wanted), shape.anchor_getter()
        filtered, unsure = bool(shape.spec.where), survey.flawed or not scan.sound
        doubles = survey.doubles
        objects: list[ConnectorObject] = []
        problems: list[ReadProblem] = []
        with self._file.parsed(scan) as (layout, parsed):
            for line, row in parsed.rows:
                flaws = self._flaws(row, layout.flaws.get(line, {}), survey) if unsure else None
                if filtered and not shape.belongs(row) and not (flaws and flaws.keys() & shape.spec.where.keys()):
                    continue
                anchor = anchor_of(row)
                if doubles and anchor in doubles and not (flaws and self._file.doubts_anchor(flaws)):
                    self._double(anchor, line, row)
                if not anchor or flaws:
                    problems.append(self._problem(anchor, f"{prefix}{line}", row, flaws or {}, shape))
                    continue
                if doubles and anchor in doubles:
                    continue
                try:
                    objects.append(ConnectorObject(kind, anchor, build(row), True, False, "", f"{prefix}{line}"))
                except BadCell as error:
                    problems.append(ReadProblem(kind, anchor, f"{error}. {_STEP}", f"{prefix}{line}"))
                if len(objects) == PAGE or len(problems) == PAGE:
                    yield Page(objects, problems=problems)
                    objects, problems = [], []
        if objects or problems:
            yield Page(objects, problems=problems)

    def _flaws(self, row: Row, known: Mapping[str, str], survey: Survey) -> dict[str, str]:
        """What makes the row unreadable whatever its other cells hold: attribute → what."""
        found = dict(known)
        cells = zip(survey.names or (), row, strict=True) if isinstance(row, list) else row.items()
        for name, cell in cells:
            for text in (name, *(cell if isinstance(cell, list) else (cell,))):
                fault = self._file.source.undecoded(text) if isinstance(text, str) else ""
                if fault:
                    found.setdefault(name.encode(errors="replace").decode(), fault)
        return found

    def _problem(self, anchor: str, where: str, row: Row, flaws: Mapping[str, str], shape: Shape) -> ReadProblem:
        """The problem of a row that is no object; when its anchor is not sure, it may be anybody's."""
        if not anchor or self._file.doubts_anchor(flaws):
            self.complete = False
            anchor = ""
        what = "; ".join(f"{name} {what}" for name, what in flaws.items()) or shape.nameless(row)
        step = self._file.source.other_encoding if any("the byte" in flaw for flaw in flaws.values()) else _STEP
        return ReadProblem(self._file.kind, anchor or None, f"{what}. {step}", where)

    def _double(self, anchor: str, line: int, row: Row) -> None:
        if not anchor:
            return
        known = self._doubles.setdefault(anchor, _Double(row))
        known.lines.append(line)
        if row != known.row:
            known.differ = True
            self.complete = False

    def _double_problem(self, anchor: str, found: _Double) -> ReadProblem:
        kind, shown = self._file.kind, self._file.source.shown
        listed = ", ".join([*map(str, found.lines[:_LISTED]), *("…" for _ in found.lines[_LISTED : _LISTED + 1])])
        text = f"{self._file.spec.anchor} {anchor!r} stands on the lines {listed}; none of them is read."
        if found.differ:
            text += f" One of them may be somebody else's, so no {kind} is taken for deleted."
        text += " Leave one, and correct or take out the others."
        return ReadProblem(kind, anchor, text, f"{shown}:{found.lines[0]}")


@dataclass(slots=True)
class _Double:
    """The lines that have one anchor, and whether they hold different things."""

    row: Row
    lines: list[int] = field(default_factory=list)
    differ: bool = False
