"""How rarely Python looks for objects that refer to each other in a circle (docs/decisions/0008)."""

from __future__ import annotations

from typing import Final

RARELY: Final = (200_000, 20, 100)
"""Thresholds of the collector: what a command loads stays, and the batches of a run form no circles."""
