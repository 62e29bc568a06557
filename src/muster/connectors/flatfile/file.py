"""One object type in its file: the layout, the survey that goes before every read, and the columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muster.connectors.flatfile.delimited import Delimited
from muster.connectors.flatfile.fixed import FixedWidth
from muster.connectors.flatfile.json_lines import JsonLines
from muster.connectors.flatfile.layout import Layout, Parsed, Row, nearest
from muster.connectors.flatfile.ldif import Ldif
from muster.connectors.flatfile.settings import SUFFIXES, FlatFileObject, FlatFileSettings, Format
from muster.connectors.flatfile.source import Scan, Source, undecoded_at
from muster.connectors.flatfile.wire import RecordShape, Shape, TableShape, of_record
from muster.model.errors import IncompleteRead, ProjectError
from muster.model.values import Attribute

ABSENT: Final = "absent"
"""The digest of a file that is yet to be made."""


@dataclass(slots=True)
class Survey:
    """What a pass over the whole file found before anything is handed out: it is sound to its end.

    `flawed`: there are rows with something wrong in them.
    """

    shape: Shape
    doubles: set[str]
    names: list[str] | None
    flawed: bool = False


class FlatFile:
    """The file of one object type."""

    def __init__(self, system: str, kind: str, settings: FlatFileSettings, spec: FlatFileObject, folder: Path) -> None:
        """Raises `ProjectError` when the settings do not say which file, which format or which columns."""
        path = spec.path or settings.path
        if path is None:
            raise ProjectError(f"{system}: no file is named for {kind!r}. Add `path` to the settings.")
        self.kind = kind
        self.settings = settings
        self.spec = spec
        self.format = (spec.format if spec.path else spec.format or settings.format) or _by_suffix(system, path)
        headed = self.format in (Format.CSV, Format.TSV) and settings.header
        empty = "version: 1" if self.format is Format.LDIF else "one empty line"
        nobody = "a file of only its heading" if headed else f"a file of only {empty}"
        self.source = Source(folder / path, path, settings.encoding, settings.quote, f"systems/{system}.yaml", nobody)
        if self.format is Format.FIXED and not isinstance(settings.columns, dict):
            raise ProjectError(f"{system}: fixed width needs the widths: `columns: {{{spec.anchor}: 8, …}}`.")
        if self.format in (Format.CSV, Format.TSV) and not settings.header and not settings.columns:
            raise ProjectError(f"{system}: a file without a heading needs `columns` with the names in order.")

    def layout(self) -> Layout:
        """A fresh layout for one pass."""
        settings, shown = self.settings, self.source.shown
        if self.format is Format.FIXED:
            return FixedWidth(shown, settings.columns if isinstance(settings.columns, dict) else {})
        if self.format is Format.JSON_LINES:
            return JsonLines(shown)
        if self.format is Format.LDIF:
            return Ldif(shown)
        delimiter = settings.delimiter or ("\t" if self.format is Format.TSV else ",")
        columns = None if settings.header else list(settings.columns or ())
        return Delimited(shown, delimiter, settings.quote, columns)

    def absent(self) -> bool:
        """Whether the file does not exist and may be made."""
        return self.settings.create and self.source.state() is None

    def digest(self) -> str:
        """The digest of the file's content now."""
        return ABSENT if self.absent() else self.source.scan().digest

    @contextmanager
    def parsed(self, scan: Scan) -> Iterator[tuple[Layout, Parsed]]:
        """The file's rows, once."""
        layout = self.layout()
        with self.source.lines(scan) as lines:
            yield layout, layout.parse(lines)

    def survey(self, scan: Scan) -> Survey:
        """Go over the whole file. Raises `IncompleteRead` for whatever is broken in it, and for a lacking column."""
        if self._ldif and not scan.ended:
            raise self.source.cut("In LDIF every line ends with a line ending")
        with self.parsed(scan) as (layout, parsed):
            if parsed.names is not None:
                self._look_at_heading(layout, parsed.names)
                shape: Shape = self.table(parsed.names)
                if isinstance(layout, Delimited) and not scan.quoted and not shape.spec.where:
                    return Survey(shape, self._quick_doubles(scan, layout, parsed.names), parsed.names)
                return Survey(shape, _doubles(shape, parsed.rows), parsed.names)
            seen: dict[str, Attribute] = {}
            spelling = layout.spelling if isinstance(layout, Ldif) else {}
            rows = self._watched(parsed.rows, seen, spelling)
            sure = ((line, row) for line, row in rows if not self.doubts_anchor(layout.flaws.get(line, ())))
            doubles = _doubles(RecordShape(self.spec, {}, ldif=self._ldif), sure)
            return Survey(self.record(seen), doubles, None, bool(layout.flaws))

    def table(self, names: list[str]) -> Shape:
        """The shape for these columns. Raises `IncompleteRead` when one that the settings name lacks or is double."""
        self.need(self.spec.used, names)
        return TableShape(self.spec, names, self.settings.list_separator)

    def record(self, seen: dict[str, Attribute]) -> Shape:
        """The shape for attributes as seen and declared; names that differ only in case are one in LDIF."""
        found = {name: self.spec.attribute(name) or attribute for name, attribute in seen.items()}
        declared = [name for name in self.spec.used if name not in found]
        for name in declared:
            if self._ldif:
                found = {other: attribute for other, attribute in found.items() if other.lower() != name.lower()}
            found[name] = self.spec.attribute(name) or Attribute(name)
        if self._ldif:
            found.setdefault("dn", Attribute("dn", exact=False))
        return RecordShape(self.spec, found, ldif=self._ldif)

    def doubts_anchor(self, flaws: Iterable[str]) -> bool:
        """Whether the anchor is among the attributes that something is wrong with."""
        return any(name.lower() == self.spec.anchor.lower() for name in flaws)

    def need(self, wanted: Iterable[str], names: list[str]) -> None:
        """Raises `IncompleteRead` when a column that is wanted lacks or stands there twice."""
        for name in wanted:
            count = names.count(name)
            if count == 1:
                continue
            if count:
                what = f"there are {count} columns {name!r}, so it is not known which one counts."
                step = "Rename all but one of them, or have the file written with one."
            else:
                what = f"there is no column {name!r}. {self._meant(name, names)}"
                step = f"Correct {self.source.settings} or the mapping, or have the file written with that column."
            raise IncompleteRead(f"{self.source.shown}:1: {what} Nothing was taken from this file. {step}")

    def _meant(self, name: str, names: list[str]) -> str:
        other = next((one for one in ";\t|," if len(names) == 1 and one in names[0]), None)
        if other is None:
            return nearest(name, names)
        return f"The heading is one column that holds {other!r}: is it `delimiter: {json.dumps(other)}`?"

    def _look_at_heading(self, layout: Layout, names: list[str]) -> None:
        for place, name in enumerate(names, 1):
            fault = self.source.undecoded(name)
            if fault:
                raise layout.broken(1, f"the name of column {place} {fault}.", self.source.other_encoding)
            if "\0" in name:
                raise layout.broken(1, f"the name of column {place} holds a NUL character.", "Have it written again.")

    def _quick_doubles(self, scan: Scan, layout: Delimited, names: list[str]) -> set[str]:
        with self.source.lines(scan) as lines:
            return layout.doubles(lines, names.index(self.spec.anchor), len(names))

    @property
    def _ldif(self) -> bool:
        return self.format is Format.LDIF

    def _watched(
        self, rows: Iterable[tuple[int, Row]], seen: dict[str, Attribute], spelling: Mapping[str, str]
    ) -> Iterator[tuple[int, Row]]:
        for line, row in rows:
            assert isinstance(row, dict)
            for name, value in row.items():
                if undecoded_at(name):
                    continue
                if self._ldif and isinstance(value, list):
                    shown = spelling.get(name, name)
                    before = seen.get(shown)
                    many = len(value) > 1 or (before is not None and before.many)
                    seen[shown] = before if before and before.many == many else Attribute(shown, many=many)
                elif value is not None:
                    seen[name] = of_record(name, value, seen.get(name))
            yield line, row


def _doubles(shape: Shape, rows: Iterable[tuple[int, Row]]) -> set[str]:
    seen: set[str] = set()
    doubles: set[str] = set()
    if isinstance(shape, TableShape) and not shape.spec.where:
        place = shape.place(shape.spec.anchor)
        for _, row in rows:
            assert isinstance(row, list)
            anchor = row[place]
            if anchor in seen:
                doubles.add(anchor)
            else:
                seen.add(anchor)
        return doubles
    for _, row in rows:
        if shape.belongs(row):
            anchor = shape.anchor(row)
            if anchor in seen:
                doubles.add(anchor)
            seen.add(anchor)
    return doubles


def _by_suffix(system: str, path: str) -> Format:
    found = SUFFIXES.get(Path(path).suffix.lower())
    if found is None:
        raise ProjectError(
            f"{system}: the format of {path} cannot be told from its suffix. Add `format`: one of {', '.join(Format)}."
        )
    return found
