"""What the kit may empty, fill and break: a folder of its own, never the real one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from muster.connectors.kit.contract import Connector
from muster.connectors.kit.subject import Subject
from muster.model.values import Document
from muster_cardbox.connector import CardboxConnector
from muster_cardbox.settings import CardboxObject, CardboxSettings


class CardboxSubject(Subject):
    """Objects of the type `account` in a temporary folder. What a system cannot do is simply not said here."""

    connector = CardboxConnector
    text = "name"
    clearable = "title"
    many = "phones"

    def __init__(self) -> None:
        self._place = TemporaryDirectory(prefix="cardbox-")
        self.folder = Path(self._place.name) / "account"

    def open(self) -> Connector:
        """A new connector to the folder, not yet entered."""
        return self._connector(self._place.name)

    def reset(self) -> None:
        """An empty folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()

    def sample(self, n: int) -> Document:
        """The n-th account; the anchor is among its values."""
        return {"id": f"u{n}", "name": f"Person {n}", "title": "Engineer", "phones": [f"+49 {n}"]}

    # What is below makes the kit stricter. Each is optional: without it the kit says what it could not check.

    def refused(self, n: int) -> Document | None:
        """An account that the folder cannot hold."""
        return {**self.sample(n), "id": "no/such/name"}

    def unreachable(self) -> Connector | None:
        """A connector to a folder that is not there."""
        return self._connector(f"{self._place.name}/nowhere")

    def broken_read(self) -> Connector | None:
        """A connector whose folder disappears after it was entered."""
        made = self._connector(self._place.name)
        made.__enter__()
        shutil.rmtree(self.folder)
        return made

    # Behind the connector's back: without these the kit uses a second session of the connector, and a mistake that
    # reading and writing have in common stays unseen.

    def add(self, n: int) -> str:
        """Write the n-th sample as somebody else would."""
        card = self.sample(n)
        anchor = str(card.pop("id"))
        (self.folder / f"{anchor}.json").write_text(json.dumps(card), encoding="utf-8")
        return anchor

    def change(self, anchor: str, values: Document) -> None:
        """Change some values as somebody else would."""
        file = self.folder / f"{anchor}.json"
        file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **values}), encoding="utf-8")

    def remove(self, anchor: str) -> None:
        """Delete the file."""
        (self.folder / f"{anchor}.json").unlink()

    def _connector(self, path: str) -> CardboxConnector:
        account = CardboxObject.model_validate({"attributes": {"name": "text", "title": "text", "phones": ["text"]}})
        return CardboxConnector("kit", CardboxSettings(path=path), {"account": account}, Path())
