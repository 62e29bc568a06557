"""What both ends know of the protocol: its number, what is called, and how long anything is waited for.

A session is a conversation of calls and answers, one at a time: `open`, then any of `check`, `schema`, `get`,
`find`, `find_any`, `find_deleted`, `set_password`, `act`, `read`, `write`, then `close`. A read hands out its pages one
`next` at a time; a write answers with the outcomes that there are, and says what it needs: more changes, more edges of
one change, or nothing any more. Other calls may come between those of a stream.
"""

from __future__ import annotations

from typing import Final, Protocol

PROTOCOLS: Final = (1, 1)
"""The oldest and the newest form of the protocol that this Muster speaks."""

PATH: Final = "/agents/v1"
"""Where the server has what agents and engines call."""

BEAT: Final = 2.0
"""Seconds within which an agent says that it is alive."""

LEASE: Final = 6.0
"""Seconds without a word after which an agent's sessions are given to another. The agent stops before that."""

ENGINE_LEASE: Final = 20.0
"""Seconds without a word after which the server ends the sessions of an engine: what they lock is locked so long."""

WAIT: Final = 20.0
"""Seconds for which the server keeps a request that has no answer yet."""

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of one message: a part of a page, or one object that is larger than a part."""


class LineClosed(Exception):
    """The session is over: its other end is gone, or it was given to another agent."""


class AgentLine(Protocol):
    """One session as the agent holds it."""

    def next(self, answer: bytes | None) -> bytes:
        """Give the answer to the last call, and wait for the next call. Raises `LineClosed`."""

    def held(self) -> bool:
        """Whether the session is still this agent's, as far as can be known without asking."""


class EngineLine(Protocol):
    """One session as the engine holds it."""

    agent: str

    def call(self, message: bytes) -> bytes:
        """The agent's answer. Raises `SessionLost` when there will be none."""

    def close(self) -> None:
        """End the session; never raises."""
