"""The connector: a session with a folder of JSON documents.

What each method promises is said in `muster.connectors.kit.contract`; that it keeps its word is tested by the kit.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final, Self
from uuid import uuid4

from muster.connectors.kit.contract import Capabilities, ConnectorSpec, Health, Settings
from muster.model.changes import Action, Change, Outcome, Result
from muster.model.errors import ProjectError, Unreachable
from muster.model.objects import ConnectorObject, Page, ReadProblem
from muster.model.schema import ENABLED, SystemSchema
from muster.model.values import Value, WrongType
from muster_cardbox import wire
from muster_cardbox.settings import CardboxObject, CardboxSettings

_PAGE: Final = 1_000


class CardboxConnector:
    """Reads and writes a folder of JSON documents: one file an object, its name is the anchor."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="cardbox",
        settings=CardboxSettings,
        object_settings=CardboxObject,
        capabilities=Capabilities(finds=True),
        summary="A folder of JSON documents, one an object.",
    )

    def __init__(self, system: str, settings: Settings, objects: Mapping[str, Settings], folder: Path) -> None:
        if not isinstance(settings, CardboxSettings):
            raise ProjectError(f"{system}: expected cardbox settings, found {type(settings).__name__}.")
        self.system = system
        kinds = {kind: one for kind, one in objects.items() if isinstance(one, CardboxObject)}
        self._folders = {kind: folder / settings.path / (one.folder or kind) for kind, one in kinds.items()}
        self._schemas = {kind: one.described(kind) for kind, one in kinds.items()}

    # --- the session

    def __enter__(self) -> Self:
        for folder in self._folders.values():
            if not folder.is_dir():
                raise self._lost(folder, "there is no such folder. Mount or make it, or correct `path`")
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def check(self) -> Health:
        """How many documents there are, and whether they may be read and written."""
        missing = [
            f"the right to read and write in {folder}"
            for folder in self._folders.values()
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK)
        ]
        if missing:
            return Health(False, "the folders are there", missing)
        count = sum(len(self._anchors(kind)) for kind in self._folders)
        return Health(True, f"{count} documents in {len(self._folders)} folders")

    def schema(self) -> SystemSchema:
        """What the system file declares: a document of JSON says nothing of the others."""
        return SystemSchema(self._schemas)

    # --- reading

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        """Every document of the wanted types. Nothing tells what changed, so `since` is always None."""
        assert since is None, "this connector does not read changes"
        page = Page()
        for kind, attributes in wanted.items():
            for anchor in self._anchors(kind):
                if len(page.objects) == _PAGE:
                    yield page
                    page = Page()
                try:
                    found = self._load(kind, anchor, attributes)
                except wire.Damaged as error:
                    where = str(self._file(kind, anchor))
                    page.problems.append(ReadProblem(kind, anchor, f"{error}. Correct the document", where))
                    continue
                if found is not None:
                    page.objects.append(found)
        page.complete_for = frozenset((kind, "") for kind in wanted)
        page.last = True
        yield page

    def get(self, object_type: str, anchor: str) -> ConnectorObject | None:
        """The object with that anchor, whole, or None."""
        if wire.unusable(anchor):
            return None
        try:
            return self._load(object_type, anchor, self._all(object_type))
        except wire.Damaged as error:
            raise self._lost(self._file(object_type, anchor), str(error)) from None

    def find(self, object_type: str, equal: Mapping[str, Value]) -> Iterator[ConnectorObject]:
        """The objects that have all these values. A damaged document is nobody's match; a read tells of it."""
        schema = self._schemas[object_type]
        for anchor in self._anchors(object_type):
            try:
                found = self._load(object_type, anchor, self._all(object_type))
            except wire.Damaged:
                continue
            if found is not None and all(wire.has(schema, found.values, *pair) for pair in equal.items()):
                yield found

    # --- writing

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        """Each change at once, in the order given."""
        for change in changes:
            yield self._write(change)

    def _write(self, change: Change) -> Outcome:
        schema = self._schemas[change.type]
        anchor = change.anchor if change.anchor is not None else str(change.values.get(schema.anchor) or "")
        refused = wire.unusable(anchor)
        if refused:
            return Outcome(change.key, Result.REJECTED, change.anchor, reason=refused)
        try:
            if change.action is Action.CREATE:
                made = self._create(self._file(change.type, anchor), wire.merged(schema, {}, change))
                return Outcome(change.key, Result.DONE if made else Result.EXISTS, anchor)
            card = self._card(change.type, anchor)
            if card is None:
                return Outcome(change.key, Result.GONE, anchor)
            differs = wire.conflict(schema, anchor, card, change.expected)
            if differs:
                return Outcome(change.key, Result.CONFLICT, anchor, reason=differs)
            if change.action is Action.DELETE:
                return self._delete(change, anchor)
            self._replace(self._file(change.type, anchor), wire.merged(schema, card, change))
        except (WrongType, wire.Damaged) as error:
            return Outcome(change.key, Result.REJECTED, anchor, reason=str(error))
        return Outcome(change.key, Result.DONE, anchor)

    def _create(self, file: Path, card: wire.Card) -> bool:
        """Whether the document was made. One that is there stays as it is, even when it came this very moment."""
        aside = self._aside(file, card)
        try:
            os.link(aside, file)
        except FileExistsError:
            return False
        except OSError as error:
            raise self._lost(file, f"cannot be written: {error.strerror}") from error
        finally:
            aside.unlink(missing_ok=True)
        return True

    def _replace(self, file: Path, card: wire.Card) -> None:
        """The new document in the old one's place: whoever reads meanwhile sees one or the other, never a part."""
        aside = self._aside(file, card)
        try:
            aside.replace(file)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise self._lost(file, f"cannot be written: {error.strerror}") from error

    def _aside(self, file: Path, card: wire.Card) -> Path:
        aside = file.with_name(f".{uuid4().hex}.tmp")
        try:
            aside.write_bytes(wire.text_of(card))
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise self._lost(file, f"cannot be written: {error.strerror}") from error
        return aside

    def _delete(self, change: Change, anchor: str) -> Outcome:
        file = self._file(change.type, anchor)
        try:
            file.unlink()
        except FileNotFoundError:
            return Outcome(change.key, Result.GONE, anchor)
        except OSError as error:
            raise self._lost(file, f"cannot be deleted: {error.strerror}") from error
        return Outcome(change.key, Result.DONE, anchor)

    # --- files

    def _anchors(self, kind: str) -> list[str]:
        """The names of all documents. Raises when the folder cannot be listed: it must never look empty."""
        folder = self._folders[kind]
        try:
            names = os.listdir(folder)
        except OSError as error:
            raise self._lost(folder, f"cannot be read: {error.strerror}") from error
        return sorted(name.removesuffix(".json") for name in names if name.endswith(".json") and name[0] != ".")

    def _load(self, kind: str, anchor: str, wanted: Collection[str]) -> ConnectorObject | None:
        card = self._card(kind, anchor)
        if card is None:
            return None
        return wire.object_of(self._schemas[kind], anchor, card, wanted, str(self._file(kind, anchor)))

    def _card(self, kind: str, anchor: str) -> wire.Card | None:
        """The document; None where there is none. Raises `Damaged` when it is there and cannot be read."""
        try:
            text = self._file(kind, anchor).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise wire.Damaged(f"it cannot be read: {error.strerror}") from error
        return wire.card_of(text)

    def _file(self, kind: str, anchor: str) -> Path:
        return self._folders[kind] / f"{anchor}.json"

    def _all(self, kind: str) -> list[str]:
        return [*self._schemas[kind].attributes, ENABLED]

    def _lost(self, place: Path, what: str) -> Unreachable:
        return Unreachable(f"{self.system}: {place}: {what}.")
