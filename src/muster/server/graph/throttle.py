"""How often one application may ask."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_MOST: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Throttle:
    """A bucket for each application that fills with `rate` requests a second, and holds as many. None: no limit."""

    def __init__(self, rate: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, who: str) -> int | None:
        """None when the request may go on; else the seconds to wait, one at least."""
        if self._rate is None:
            return None
        now = self._clock()
        with self._lock:
            if len(self._buckets) >= _MOST:
                self._buckets.clear()
            bucket = self._buckets.setdefault(who, _Bucket(float(self._rate), now))
            bucket.tokens = min(float(self._rate), bucket.tokens + (now - bucket.at) * self._rate)
            bucket.at = now
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return None
            return max(1, math.ceil((1 - bucket.tokens) / self._rate))
