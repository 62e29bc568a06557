"""What was asked for before the verb, and how the answer goes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from muster.cli.streams import Streams
from muster.model.values import instant_text


@dataclass(slots=True)
class Invocation:
    """One call of the command. `json` is set by the verb as soon as it knows, `json_first` before the verb."""

    streams: Streams = field(default_factory=Streams)
    directory: Path | None = None
    now: datetime | None = None
    json: bool = False
    json_first: bool = False

    @classmethod
    def of(cls, context: typer.Context, json: bool) -> Invocation:
        """The invocation that a verb belongs to, knowing which kind of answer is wanted."""
        found: Invocation = context.obj
        found.json = json or found.json_first
        return found

    def answer(self, document: Any) -> None:
        """Print the one JSON document."""
        self.streams.document(document)

    def tell(self, message: str) -> None:
        """Say something beside the answer, on standard error."""
        self.streams.err.print(message)

    def rehearsal(self) -> None:
        """Say that the clock is not the real one, when it is not."""
        if self.now is not None:
            self.tell(f"clock set to {instant_text(self.now)} by MUSTER_NOW")
