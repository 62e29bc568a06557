"""How often something is tried again, and the counters of one guarded session."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from muster.model.changes import Result


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often one call is tried in all, and the waits between: the first, its growth, and the longest, in seconds.

    A system that asks for a longer wait than `longest` is not waited for. `together` bounds how many RETRY outcomes
    are tried again inside one write.
    """

    tries: int = 3
    first: float = 0.5
    growth: float = 2.0
    longest: float = 2.0
    together: int = 10_000

    def wait(self, tried: int, asked: float | None) -> float | None:
        """Seconds to wait after the `tried`-th try, or None when it is not to be tried again."""
        if tried >= self.tries:
            return None
        pause = min(self.first * self.growth ** (tried - 1), self.longest) if asked is None else asked
        return pause if pause <= self.longest else None


@dataclass(slots=True)
class Counters:
    """What one guard did: objects and edges read, changes written by result, retries, seconds at work and waiting."""

    pages: int = 0
    reads: int = 0
    edges: int = 0
    problems: int = 0
    writes: int = 0
    retries: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    results: Counter[Result] = field(default_factory=Counter)
