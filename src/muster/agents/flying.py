"""Changes that are on their way: kept until their outcomes come, so that they can be sent again."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import Any, Final

from muster.agents import codec
from muster.agents.codec import dump
from muster.model.changes import Action, Change, EdgeChange
from muster.model.schema import SystemSchema

_SMALL: Final = 1_000
"""Values of edges that travel with their change; others are asked for."""


class Edges:
    """The edges of one change, read once from where they come, and again from a file that nobody else can open."""

    def __init__(self, source: Iterator[EdgeChange]) -> None:
        self._source = source
        self._kept: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(codec.PART)  # noqa: SIM115  closed by `close`
        self._at = 0
        self._end = 0
        self._dry = False

    def take(self, values: int) -> tuple[list[Any], bool]:
        """About so many values, as rows, and whether there may be more."""
        rows: list[Any] = []
        count = 0
        while count < values:
            row = self._again() if self._at < self._end else self._fresh()
            if row is None:
                break
            rows.append(row)
            count += len(row[1]) + len(row[2])
        return rows, not (self._dry and self._at == self._end)

    def restart(self) -> None:
        """Begin with the first once more."""
        self._at = 0

    def close(self) -> None:
        """Drop what was kept."""
        self._kept.close()

    def _again(self) -> list[Any]:
        self._kept.seek(self._at)
        line = self._kept.readline()
        self._at += len(line)
        row: list[Any] = json.loads(line)
        return row

    def _fresh(self) -> list[Any] | None:
        edge = next(self._source, None)
        if edge is None:
            self._dry = True
            return None
        row = codec.edge_change_out(edge)
        self._kept.seek(self._end)
        self._end += self._kept.write(dump(row) + b"\n")
        self._at = self._end
        return row


@dataclass(slots=True)
class Flying:
    """One change without an outcome."""

    change: Change
    edges: Edges | None = None

    @classmethod
    def of(cls, change: Change) -> Flying:
        """The change, about to be sent."""
        return cls(change, None if change.edges is None else Edges(change.edges))

    def message(self) -> dict[str, Any]:
        """As it is sent, for the first time or again."""
        if self.edges is None:
            return codec.change_out(self.change, None, more=False)
        self.edges.restart()
        first, more = self.edges.take(_SMALL)
        return codec.change_out(self.change, first, more)

    def repeatable(self, schema: SystemSchema | None) -> bool:
        """Whether sending it again is harmless: not where the system makes the anchor and nothing else is unique."""
        if self.change.action is not Action.CREATE or self.change.anchor is not None:
            return True
        kind = schema.types.get(self.change.type) if schema is not None else None
        return kind is not None and not (kind.assigned and kind.naming is None)

    def close(self) -> None:
        """It has its outcome."""
        if self.edges is not None:
            self.edges.close()


@dataclass(slots=True)
class Flight:
    """All changes of one write that have no outcome yet, in the order in which they were sent."""

    source: Iterator[Change]
    flying: dict[int, Flying] = field(default_factory=dict)
    again: deque[Flying] = field(default_factory=deque)
    dry: bool = False

    def take(self, most: int) -> tuple[list[dict[str, Any]], bool]:
        """The next changes, no more than a message should hold, and whether those were the last."""
        messages: list[dict[str, Any]] = []
        size = 0
        while len(messages) < most and size < codec.PART:
            one = self.again.popleft() if self.again else self._next()
            if one is None:
                break
            self.flying[one.change.key] = one
            messages.append(one.message())
            size += len(dump(messages[-1]))
        return messages, self.dry and not self.again

    def landed(self, key: int) -> None:
        """A change has its outcome."""
        one = self.flying.pop(key, None)
        if one is not None:
            one.close()

    def lost(self, schema: SystemSchema | None) -> list[Change]:
        """Nobody will answer for those that fly. They are sent again; those that must not be are given back."""
        waiting = list(self.flying.values())
        self.flying.clear()
        self.again.extendleft(reversed([one for one in waiting if one.repeatable(schema)]))
        given_up = [one for one in waiting if not one.repeatable(schema)]
        for one in given_up:
            one.close()
        return [one.change for one in given_up]

    def _next(self) -> Flying | None:
        change = None if self.dry else next(self.source, None)
        if change is None:
            self.dry = True
            return None
        return Flying.of(change)
