"""Changes → a new file in the place of the old one, in one step (write, fsync, rename)."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from muster.connectors.flatfile.file import FlatFile, Survey
from muster.connectors.flatfile.layout import Layout, Refused, Row, Tape
from muster.connectors.flatfile.ldif import Ldif
from muster.connectors.flatfile.names import Entry, taken
from muster.connectors.flatfile.settings import Format
from muster.connectors.flatfile.source import Scan
from muster.connectors.flatfile.wire import BadCell, Shape
from muster.model import dn
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.schema import ENABLED, ENABLED_ATTRIBUTE
from muster.model.values import Attribute, Document, Scalar, comparable, items, same, shown

BUSY: Final = "another process is writing files in this folder; it is tried again."


class Busy(Exception):
    """Somebody else writes the file just now."""


class _Answer(Exception):
    def __init__(self, result: Result, reason: str, anchor: str | None = None) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason
        self.anchor = anchor


def rewrite(files: Sequence[FlatFile], changes: Sequence[Change]) -> list[Outcome]:
    """Apply the changes to the one file that these object types share; all in one rewrite, or none of them.

    Raises what ends the session when the file cannot be read or written; then it is as it was.
    """
    source = files[0].source
    with source.reached():
        try:
            with _locked(source.path.parent):
                return _Rewrite(files, changes).run()
        except Busy:
            return [Outcome(one.key, Result.RETRY, one.anchor, reason=BUSY, after=1.0) for one in changes]


class _Rewrite:
    def __init__(self, files: Sequence[FlatFile], changes: Sequence[Change]) -> None:
        self._files = {file.kind: file for file in files}
        self._source = files[0].source
        self._changes = changes
        self._waiting: dict[tuple[str, str], list[Change]] = {}
        self._outcomes: list[Outcome] = []
        self._touched = False
        self._shapes: dict[str, Shape] = {}
        self._doubles: dict[str, set[str]] = {}
        self._taken: dict[Entry, tuple[str, Entry]] = {}

    def run(self) -> list[Outcome]:
        for change in self._changes:
            anchor = self._anchor(change)
            if anchor:
                self._waiting.setdefault((change.type, anchor), []).append(change)
            else:
                self._say(change, Result.REJECTED, f"{self._files[change.type].spec.anchor} is required")
        first = next(iter(self._files.values()))
        state = self._source.state()
        scan = None if state is None else self._source.scan()
        names = self._survey(scan)
        self._taken = self._names_taken(first, scan)
        temporary = self._source.path.with_name(f".{self._source.path.name}.{os.getpid()}.new")
        try:
            errors = "strict" if scan is None or scan.sound else "surrogateescape"
            with temporary.open("w", encoding=_encoding(first, scan), errors=errors, newline="") as out:
                if scan is None:
                    self._new(out, first, names)
                else:
                    self._copy(out, first, scan)
                out.flush()
                os.fsync(out.fileno())
            if self._touched:
                if self._source.state() != state:
                    raise Busy
                self._replace(temporary, exists=scan is not None)
        finally:
            temporary.unlink(missing_ok=True)
        return self._outcomes

    def _survey(self, scan: Scan | None) -> list[str] | None:
        """The shapes of all object types of the file, and the columns where the format has some."""
        names: list[str] | None = None
        for kind, file in self._files.items():
            if scan is None:
                layout = file.layout()
                parsed = layout.parse(iter([layout.heading([file.spec.anchor], "\n")]))
                names = None if parsed.names is None else self._new_names(file)
                shape = file.record({}) if names is None else file.table(names)
                survey = Survey(shape, set(), names)
            else:
                survey = file.survey(scan)
                names = survey.names
            self._shapes[kind] = survey.shape
            self._doubles[kind] = survey.doubles
        return names

    def _new_names(self, file: FlatFile) -> list[str]:
        told = file.settings.columns
        if told:
            return list(told)
        names = dict.fromkeys(name for one in self._files.values() for name in one.spec.used)
        for change in self._changes:
            switch = self._files[change.type].spec.enabled
            mentioned = (*change.values, *change.add) if change.action is Action.CREATE else ()
            names.update(dict.fromkeys(name for name in mentioned if not (name == ENABLED and switch)))
        return list(names)

    def _names_taken(self, file: FlatFile, scan: Scan | None) -> dict[Entry, tuple[str, Entry]]:
        """Who cannot have the DN that a change gives them, because another entry has it then."""
        claims: list[tuple[Entry, str]] = []
        going: set[Entry] = set()
        for entry, waiting in self._waiting.items():
            for change in waiting:
                name = _name_in(change) if file.format is Format.LDIF else None
                if name is not None:
                    claims.append((entry, name))
                if change.action is Action.DELETE:
                    going.add(entry)
        names: dict[str, Entry] = {}
        if claims and scan is not None:
            with file.parsed(scan) as (_, parsed):
                for _, row in parsed.rows:
                    kind, shape = next(
                        ((kind, shape) for kind, shape in self._shapes.items() if shape.belongs(row)),
                        ("", self._shapes[file.kind]),
                    )
                    names[dn.normal(shape.cell(row, "dn"))] = (kind, shape.anchor(row) if kind else "")
        there = set(names.values())
        claims.sort(key=lambda claim: claim[0] not in there)
        return taken(names, going, claims)

    # --- the new file

    def _new(self, out: TextIO, file: FlatFile, names: list[str] | None) -> None:
        layout = self._spelt(file.layout())
        heading = layout.heading(names or [file.spec.anchor], "\n")
        if not heading.isspace():
            out.write(heading)
        if not self._append(out, layout, "\n") and heading.isspace():
            out.write(heading)

    def _copy(self, out: TextIO, file: FlatFile, scan: Scan) -> None:
        layout = self._spelt(file.layout())
        last, held = "", False
        with self._source.lines(scan) as lines:
            tape = Tape(lines)
            parsed = layout.parse(tape)
            if parsed.names is not None:
                last = _put(out, last, *tape.take())
            for line, row in parsed.rows:
                before, raw = tape.take(line)
                text = self._applied(layout, line, row, raw, scan)
                held = held or bool(text)
                last = _put(out, last, before, text)
            last = _put(out, last, *tape.take())
        heading = layout.heading(parsed.names or [], scan.ending)
        blank = not held and heading.isspace()
        if blank:
            out.seek(0)
            out.truncate()
            last = heading
        elif not last:
            last = _put(out, last, heading)
        if any(change.action is Action.CREATE for waiting in self._waiting.values() for change in waiting):
            in_entry = isinstance(layout, Ldif) and last.strip("\r\n")
            if not last.endswith(("\n", "\r")):
                last = _put(out, last, scan.ending)
            if in_entry:
                out.write(scan.ending)
        if not self._append(out, layout, scan.ending) and blank:
            out.write(heading)

    def _spelt(self, layout: Layout) -> Layout:
        """The layout, told how the settings and the changes write the names of attributes."""
        if isinstance(layout, Ldif):
            layout.hint(name for file in self._files.values() for name in file.spec.used)
            layout.hint(name for change in self._changes for name in (*change.values, *change.add))
        return layout

    def _applied(self, layout: Layout, line: int, row: Row, raw: str, scan: Scan) -> str:
        flaws = layout.flaws.get(line, {})
        for kind, shape in self._shapes.items():
            if not shape.belongs(row) or self._files[kind].doubts_anchor(flaws):
                continue
            anchor = shape.anchor(row)
            waiting = self._waiting.get((kind, anchor))
            if waiting is None:
                return raw
            wrong = "; ".join(f"{name} {what}" for name, what in flaws.items())
            if anchor in self._doubles[kind]:
                wrong = f"{shape.spec.anchor} {anchor!r} stands on several lines"
            if wrong:
                for change in waiting:
                    self._say(change, Result.REJECTED, f"{self._source.shown}:{line}: {wrong}")
                waiting.clear()
                return raw
            del self._waiting[kind, anchor]
            return self._line(layout, shape, anchor, row, waiting, raw, scan.ending)
        return raw

    def _append(self, out: TextIO, layout: Layout, ending: str) -> bool:
        """The new objects; whether there was any."""
        wrote = False
        for (kind, anchor), waiting in self._waiting.items():
            if waiting:
                text = self._line(layout, self._shapes[kind], anchor, None, waiting, "", ending)
                out.write(text)
                wrote = wrote or bool(text)
        return wrote

    def _line(
        self, layout: Layout, shape: Shape, anchor: str, row: Row | None, waiting: list[Change], raw: str, ending: str
    ) -> str:
        """The text for one object after all its changes; `raw` when none of them changed it."""
        text = raw
        for change in waiting:
            try:
                changed = self._changed(shape, anchor, row, change)
                if changed is not row:
                    text = "" if changed is None else self._encoded(layout, row, changed, ending)
                    row = changed
                    self._touched = True
            except (Refused, BadCell) as error:
                self._say(change, Result.REJECTED, str(error))
            except _Answer as answer:
                self._say(change, answer.result, answer.reason, answer.anchor)
            else:
                self._say(change, Result.DONE)
        return text

    def _encoded(self, layout: Layout, before: Row | None, row: Row, ending: str) -> str:
        text = layout.text(row, ending)
        wrong = layout.contradiction(row)
        if wrong is not None and (before is None or layout.contradiction(before) is None):
            raise Refused(wrong)
        try:
            text.encode(self._source.encoding)
        except UnicodeEncodeError as error:
            raise Refused(f"{text[error.start]!r} cannot be written in {self._source.encoding}") from None
        return text

    def _changed(self, shape: Shape, anchor: str, row: Row | None, change: Change) -> Row | None:
        if change.action is Action.CREATE:
            if row is not None:
                raise _Answer(Result.EXISTS, f"{shape.spec.anchor} {anchor!r} is in the file")
            self._may_be_named(anchor, change)
            return shape.created(anchor, _merged({}, change, shape))
        if row is None:
            raise _Answer(Result.GONE, f"{shape.spec.anchor} {anchor!r} is not in the file")
        names = [*change.expected, *change.add, *change.remove]
        if change.edges is not None:
            names += [name for name, attribute in shape.attributes.items() if attribute.many]
        have = shape.builder([name for name in names if name in shape.attributes or name == ENABLED])(row)
        for name, expected in change.expected.items():
            found = have.get(name)
            if not same(found, expected, _attribute(shape, name)):
                raise _Answer(Result.CONFLICT, f"{name} is {shown(found)}, expected {shown(expected)}")
        if change.action is Action.DELETE:
            return None
        self._may_be_named(anchor, change)
        values = _merged(have, change, shape)
        if values.get(shape.spec.anchor, anchor) != anchor:
            raise Refused(f"the anchor {shape.spec.anchor} cannot be changed")
        return shape.changed(row, values)

    def _may_be_named(self, anchor: str, change: Change) -> None:
        name, (kind, owner) = self._taken.get((change.type, anchor), ("", ("", "")))
        if not name or _name_in(change) != name:
            return
        whose = f"{kind} {owner}" if kind else "an entry that is no object of this system"
        reason = f"{shown(change.values['dn'])} is the name of {whose}"
        made_here = change.action is Action.CREATE and kind == change.type
        raise _Answer(Result.EXISTS if made_here else Result.REJECTED, reason, owner if made_here else None)

    # --- small things

    def _anchor(self, change: Change) -> str:
        given = change.anchor
        if given is None:
            value = change.values.get(self._files[change.type].spec.anchor)
            given = None if value is None or isinstance(value, list) else str(value)
        return given or ""

    def _say(self, change: Change, result: Result, reason: str = "", anchor: str | None = None) -> None:
        self._outcomes.append(Outcome(change.key, result, anchor or self._anchor(change) or None, reason=reason))

    def _replace(self, temporary: Path, *, exists: bool) -> None:
        path = self._source.path
        if exists:
            shutil.copymode(path, temporary)
            found = path.stat()
            if os.geteuid() == 0:
                os.chown(temporary, found.st_uid, found.st_gid)
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _put(out: TextIO, last: str, *texts: str) -> str:
    """Write the texts; the last line that now stands in the file."""
    for text in texts:
        if text:
            out.write(text)
            lines = text.splitlines(keepends=True)
            last = lines[-1]
    return last


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. Raises `Busy` when another process holds it."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None
        yield
    finally:
        os.close(held)


def _encoding(file: FlatFile, scan: Scan | None) -> str:
    encoding = file.source.encoding
    return "utf-8-sig" if scan is not None and scan.bom and encoding == "utf-8" else encoding


def _name_in(change: Change) -> str | None:
    """The DN that a change gives, as DNs are compared."""
    name = change.values.get("dn")
    return dn.normal(name) if isinstance(name, str) else None


def _attribute(shape: Shape, name: str) -> Attribute:
    if name == ENABLED and shape.switch is not None:
        return ENABLED_ATTRIBUTE
    return shape.attributes.get(name) or Attribute(name)


def _merged(have: Document, change: Change, shape: Shape) -> Document:
    """The values to write: those replaced, and lists with the values added and removed one by one."""
    values: Document = dict(change.values)
    add, remove = {**change.add}, {**change.remove}
    for edge in change.edges or ():
        add.setdefault(edge.attribute, []).extend(edge.add)
        remove.setdefault(edge.attribute, []).extend(edge.remove)
    for name in {*add, *remove}:
        attribute = _attribute(shape, name)
        gone = {comparable(one, attribute) for one in remove.get(name, ())}
        kept: dict[Scalar, Scalar] = {
            comparable(one, attribute): one for one in items(values.get(name, have.get(name)))
        }
        kept.update((comparable(one, attribute), one) for one in add.get(name, ()))
        values[name] = [one for key, one in kept.items() if key not in gone] or None
    return values
