"""An agent that hangs in the middle: `python -m tests.agents.dawdling FOLDER`.

HANG=read:2 hangs before the second page, HANG=write:50 before the fiftieth change; the file `hangs` in the agent's
folder says that it is there. With SLOW=0.02 it only takes so many seconds for each, from there on. SKEW=-86400 runs
on a clock that is a day late.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from muster.agents.agent import Agent
from muster.agents.state import loaded
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.registry import connector_class
from muster.model.changes import Change, Outcome
from muster.model.objects import Page

FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
PAGE = 50
real = time.time


class Dawdling:
    """What comes before a connector: small pages, and hanging where the environment says."""

    def read(self, wanted: Mapping[str, Sequence[str]], since: str | None) -> Iterator[Page]:
        number = 0
        for page in self._real.read(wanted, since):
            for at in range(0, len(page.objects), PAGE):
                number += 1
                hang("read", number)
                yield Page(page.objects[at : at + PAGE])
            yield replace(page, objects=[])

    def write(self, changes: Iterable[Change]) -> Iterator[Outcome]:
        def counted() -> Iterator[Change]:
            for number, change in enumerate(changes, 1):
                hang("write", number)
                yield change

        yield from self._real.write(counted())

    @property
    def _real(self) -> Any:
        return super()


def hang(what: str, number: int) -> None:
    where, _, first = os.environ.get("HANG", "").partition(":")
    if what != where or number < int(first):
        return
    (FOLDER / "hangs").touch()
    time.sleep(float(os.environ.get("SLOW", "600")))


def connectors(name: str) -> type[Connector]:
    return cast("type[Connector]", type("Dawdler", (Dawdling, connector_class(name)), {}))


def main() -> None:
    skew = float(os.environ.get("SKEW", "0"))
    time.time = lambda: real() + skew
    state = loaded(FOLDER)
    agent = Agent(state, connectors)
    signal.signal(signal.SIGTERM, lambda *_: agent.stop())

    def ready() -> None:
        sys.stdout.write(json.dumps({"agent": state.name}, indent=2) + "\n")
        sys.stdout.flush()

    agent.run(ready)


if __name__ == "__main__":
    main()
