"""A change as a chain of requests, and part of one."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TypeAlias, TypeVar

from muster.connectors.graph.session import Answer, Request
from muster.connectors.kit.pipeline import Chain

_T = TypeVar("_T")
Steps: TypeAlias = Chain[Request, Answer]
Part: TypeAlias = Generator[Sequence[Request], list[Answer], _T]
"""Part of a change: requests, and what comes of them."""
