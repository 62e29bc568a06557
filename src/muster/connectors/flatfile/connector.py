"""The flat file connector: a session with one or more files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from muster.connectors.flatfile.file import ABSENT, FlatFile
from muster.connectors.flatfile.reading import Reading
from muster.connectors.flatfile.settings import FlatFileObject, FlatFileSettings, Format
from muster.connectors.flatfile.source import UNENDED
from muster.connectors.flatfile.writing import rewrite
from muster.connectors.kit.contract import Capabilities, ConnectorSpec, Health, Settings
from muster.model.changes import Change, Outcome
from muster.model.errors import MusterError, ProjectError, Unreachable, WatermarkExpired
from muster.model.objects import Page
from muster.model.schema import ENABLED, ObjectSchema, SystemSchema
from muster.model.values import Attribute


class FlatFileConnector:
    """Reads and writes CSV, TSV, JSON lines, fixed width and LDIF.

    Its delta is by content: a file whose bytes are the same has no changes; any other change expires the watermark.
    """

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="flatfile",
        settings=FlatFileSettings,
        object_settings=FlatFileObject,
        capabilities=Capabilities(reads_changes=True, by_content=True),
        summary="CSV, TSV, JSON lines, fixed width and LDIF files.",
    )

    def __init__(self, system: str, settings: Settings, objects: Mapping[str, Settings], folder: Path) -> None:
        if not isinstance(settings, FlatFileSettings):
            raise ProjectError(f"{system}: expected flatfile settings, found {type(settings).__name__}.")
        self.system = system
        self._ended: set[str] = set()
        self._files = {
            kind: FlatFile(system, kind, settings, spec, folder)
            for kind, spec in objects.items()
            if isinstance(spec, FlatFileObject)
        }

    def __enter__(self) -> Self:
        for file in self._files.values():
            folder = file.source.path.parent
            with file.source.reached():
                if not folder.is_dir():
                    raise Unreachable(
                        f"{self.system}: {file.source.shown}: there is no folder {folder}. "
                        "Mount or make it, or correct `path`."
                    )
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def check(self) -> Health:
        """Whether each file is there and sound to its end."""
        missing: list[str] = []
        for file in self._files.values():
            try:
                if not file.absent():
                    file.survey(file.source.scan())
            except MusterError as error:
                missing.append(error.message)
        shown = sorted({file.source.shown for file in self._files.values()})
        return Health(not missing, f"files: {', '.join(shown)}", missing)

    def schema(self) -> SystemSchema:
        """The columns that the files' headings (or, without any, their rows) name."""
        return SystemSchema({kind: self._schema(file) for kind, file in self._files.items()})

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        """Everything; with a watermark nothing, when the files are what they were, else `WatermarkExpired`."""
        if since is not None:
            yield self._unchanged(wanted, since)
            return
        digests: dict[str, str] = {}
        complete: set[tuple[str, str]] = set()
        for kind, attributes in wanted.items():
            file = self._files[kind]
            if file.absent():
                digests[kind] = ABSENT
                complete.add((kind, ""))
                continue
            scan = file.source.scan()
            if kind in self._ended and not scan.ended:
                raise file.source.cut(
                    "When the file was last read, it had one",
                    "; if the file has another form now, read it once with: muster run --full",
                )
            digests[kind] = scan.digest
            reading = Reading(file, attributes)
            yield from reading.pages(scan)
            if reading.complete:
                complete.add((kind, ""))
        yield Page(watermark=json.dumps(digests, sort_keys=True), complete_for=frozenset(complete), last=True)

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """All changes of one file in one rewrite; the outcomes come when the new file is in its place."""
        by_path: dict[Path, list[Change]] = {}
        for change in changes:
            by_path.setdefault(self._files[change.type].source.path, []).append(change)
        for path, those in by_path.items():
            yield from rewrite([file for file in self._files.values() if file.source.path == path], those)

    def _unchanged(self, wanted: Mapping[str, Sequence[str]], since: str) -> Page:
        try:
            known = json.loads(since)
        except json.JSONDecodeError:
            known = None
        now = {kind: self._files[kind].digest() for kind in wanted}
        if not isinstance(known, dict) or any(known.get(kind) != digest for kind, digest in now.items()):
            if isinstance(known, dict):
                self._ended = {kind for kind, digest in known.items() if not str(digest).endswith((UNENDED, ABSENT))}
            raise WatermarkExpired(f"{self.system}: the files have changed. Read everything.")
        return Page(watermark=since, last=True)

    def _schema(self, file: FlatFile) -> ObjectSchema:
        spec = file.spec
        if file.absent():
            names = file.settings.columns or spec.used
            attributes: dict[str, Attribute] = {name: spec.attribute(name) or Attribute(name) for name in names}
        else:
            attributes = dict(file.survey(file.source.scan()).shape.attributes)
        if spec.enabled is not None:
            attributes.pop(ENABLED, None)
        ldif = file.format is Format.LDIF
        return ObjectSchema(
            name=file.kind,
            anchor=spec.anchor,
            attributes=attributes,
            can_enable=spec.enabled is not None,
            naming="dn" if ldif and spec.anchor.lower() != "dn" else None,
            name_is_dn=ldif,
            called=f"{file.source.shown}:1",
            word="column",
            advice=f"correct the name, or {file.source.settings}, or have the file written with that column",
            open=file.format in (Format.LDIF, Format.JSON_LINES) or file.absent(),
        )
