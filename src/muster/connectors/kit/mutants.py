"""Connectors broken on purpose, each in one way: they prove that the conformance kit would tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from muster.connectors.kit import mutants_reading, mutants_writing
from muster.connectors.kit.mutants_reading import ReadingMutant
from muster.connectors.kit.mutants_writing import WritingMutant

Mutant: TypeAlias = type[ReadingMutant] | type[WritingMutant]

MUTANTS: Final[Sequence[Mutant]] = tuple(
    found
    for module in (mutants_reading, mutants_writing)
    for found in vars(module).values()
    if isinstance(found, type) and issubclass(found, ReadingMutant | WritingMutant) and found.caught_by
)
"""Every mutant; `caught_by` names the check that must catch it."""
