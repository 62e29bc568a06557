"""What no store can hold is no value, whatever system shows it: NUL characters, halves of characters, endless numbers.

PostgreSQL holds no NUL in a text, no database holds a surrogate that stands alone, and a number has 64 bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from muster.model.errors import IncompleteRead
from muster.model.objects import ConnectorObject, EdgePage, Page, ReadProblem
from muster.model.values import LARGEST, SMALLEST, Document

_NUL: Final = b"\\u0000"
"""How JSON writes it; a text that holds these six characters looks the same, so this is only a hint."""


def fault_of(value: object) -> str:
    """Why no store can hold this one value; empty when one can."""
    if isinstance(value, str):
        if "\0" in value:
            return f"holds a NUL character (U+0000) as character {value.index(chr(0)) + 1}, which cannot be stored"
        half = next((at for at, letter in enumerate(value, 1) if "\ud800" <= letter <= "\udfff"), 0)
        if half and value[half - 1] >= "\udc80" and value[half - 1] <= "\udcff":
            return f"holds the byte 0x{ord(value[half - 1]) - 0xDC00:02x} as character {half}, which is no UTF-8"
        if half:
            return f"holds half of a character (U+{ord(value[half - 1]):04X}) as character {half}, which is no text"
    elif isinstance(value, int) and not SMALLEST <= value <= LARGEST:
        return "holds a number of more than 64 bits, which cannot be stored"
    return ""


def sift(page: Page) -> None:
    """Make each object that cannot be stored a problem of its page, and leave such values out of the edges.

    An object whose anchor cannot be stored is a problem without an anchor: it may be anybody.
    """
    if _may_hold_some([(item.anchor, item.values) for item in page.objects]):
        page.objects, problems = _sifted(page.objects)
        page.problems.extend(problems)
    if page.edges and _may_hold_some([(edge.anchor, edge.values, edge.removed) for edge in page.edges]):
        page.problems.extend(problem for edge in page.edges if (problem := _sift_edges(edge)) is not None)
        page.edges = [edge for edge in page.edges if not fault_of(edge.anchor)]


def checked(item: ConnectorObject) -> ConnectorObject:
    """An object that was looked up. Raises `IncompleteRead` when it cannot be stored."""
    if _may_hold_some((item.anchor, item.values)):
        for problem in _sifted([item])[1]:
            raise IncompleteRead(f"{problem.where or problem.type}: {problem.message}")
    return item


def storable(values: Document) -> Document:
    """The values without those that cannot be stored: the next read names the object that shows them."""
    if not values or not _may_hold_some(values):
        return values
    return {name: value for name, value in values.items() if not _fault_in(value)}


def _may_hold_some(found: object) -> bool:
    try:
        return _NUL in orjson.dumps(found)
    except TypeError:
        return True


def _sifted(objects: Iterable[ConnectorObject]) -> tuple[list[ConnectorObject], list[ReadProblem]]:
    kept: list[ConnectorObject] = []
    problems: list[ReadProblem] = []
    for item in objects:
        faults = [f"{name} {fault}." for name, value in item.values.items() if (fault := _fault_in(value))]
        nameless = fault_of(item.anchor)
        if nameless:
            faults = faults or [f"the anchor {nameless}."]
        if faults:
            anchor = None if nameless else item.anchor
            problems.append(ReadProblem(item.type, anchor, f"{' '.join(faults)} {_MEND}", item.where))
        else:
            kept.append(item)
    return kept, problems


def _sift_edges(edge: EdgePage) -> ReadProblem | None:
    fault = _fault_in(edge.values) or _fault_in(edge.removed)
    nameless = fault_of(edge.anchor)
    if not fault and not nameless:
        return None
    edge.values = [value for value in edge.values if not fault_of(value)]
    edge.removed = [value for value in edge.removed if not fault_of(value)]
    anchor = None if nameless else edge.anchor
    return ReadProblem(edge.type, anchor, f"{edge.attribute} {fault or nameless}. {_MEND}")


def _fault_in(value: object) -> str:
    single: Sequence[object] = value if isinstance(value, list) else [value]
    return next((fault for one in single if (fault := fault_of(one))), "")


_MEND: Final = "Take it out where it comes from."
