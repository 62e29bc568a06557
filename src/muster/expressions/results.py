"""What an evaluation answers: a value, a signal to the flow, candidates for a unique value, or a fault."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Final, TypeAlias

Scalar: TypeAlias = str | int | float | bool | bytes | datetime | date
Value: TypeAlias = Scalar | list[Scalar] | None


class Signal(Enum):
    """Answers that are no values: they say what the flow has to do."""

    IGNORE_FLOW = "IgnoreAttributeFlow"
    IGNORE_OBJECT = "IgnoreObjectFlow"
    AUTHORITATIVE_NULL = "AuthoritativeNull"
    UNKNOWN = "Unknown"

    def __repr__(self) -> str:
        return f"<{self.name}>"


IGNORE_FLOW: Final = Signal.IGNORE_FLOW
"""Leave the target's value as it is (`IgnoreAttributeFlow`, `IgnoreThisFlow`, `IgnoreFlowIfNullOrEmpty`)."""
IGNORE_OBJECT: Final = Signal.IGNORE_OBJECT
"""Do nothing at all for this object (`IgnoreObjectFlow`)."""
AUTHORITATIVE_NULL: Final = Signal.AUTHORITATIVE_NULL
"""No value, and no lower precedence may give one."""
UNKNOWN: Final = Signal.UNKNOWN
"""An attribute that the flow needs has not been read yet."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An evaluation that failed: what was found and what to do, and the column (from 1) of what failed."""

    message: str
    column: int = 1


@dataclass(frozen=True, slots=True)
class Candidates:
    """What `SelectUniqueValue` offers, in order, without NULL, empty and repeated values; never empty."""

    values: list[object]


Result: TypeAlias = Value | Signal | Candidates | Fault
