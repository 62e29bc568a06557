"""A draft as the text of a YAML file, in the forms that a person would write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from muster.migration.outcome import Draft

WIDEST: Final = 118
_EDITOR: Final = "# yaml-language-server: $schema=../.muster/schemas/mapping.json"
_BARE: Final = re.compile(r'[A-Za-z_][\w.$:/-]*(?:\[\w+ eq "[\w. -]*"\](?:\.[\w$]+)?)?')
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off"})
_SECTIONS: Final = frozenset({"join", "inbound", "outbound", "scope"})


def render(draft: Draft) -> str:
    """The file. An expression stands in single quotes on one line; a blank line parts the sections."""
    lines = [_EDITOR, f"# {draft.head}"]
    for key, value in draft.content.items():
        if key in _SECTIONS:
            lines.append("")
        lines += _entry(key, value, 0, key, draft.notes)
    return "\n".join(lines) + "\n"


def _entry(key: str, value: Any, depth: int, path: str, notes: dict[str, str]) -> Iterator[str]:
    pad = "  " * depth
    note = f"  # {notes[path]}" if path in notes else ""
    short = inline(value)
    if short is not None and len(pad) + len(key) + 2 + len(short) <= WIDEST:
        yield f"{pad}{key_text(key)}: {short}{note}"
    elif isinstance(value, dict):
        yield f"{pad}{key_text(key)}:{note}"
        for inner, found in value.items():
            yield from _entry(inner, found, depth + 1, f"{path}/{inner}", notes)
    elif isinstance(value, list):
        yield f"{pad}{key_text(key)}:{note}"
        for item in value:
            yield from _item(item, depth + 1)
    elif isinstance(value, str) and (folded := _folded(value, WIDEST - len(pad) - 2)):
        yield f"{pad}{key_text(key)}: >-{note}"
        yield from (f"{pad}  {line}" for line in folded)
    else:
        yield f"{pad}{key_text(key)}: {scalar(value)}{note}"


def _folded(text: str, width: int) -> list[str]:
    """A long expression on several lines, broken at spaces outside quotes; none where it cannot be broken."""
    parts = [part for part in re.split(r'("(?:[^"\\]|\\.)*"|\[[^\]]*\])|( )', text) if part]
    words = [""]
    for part in parts:
        if part == " ":
            words.append("")
        else:
            words[-1] += part
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    safe = "\n" not in text and "" not in words and all(line == line.strip() for line in lines)
    return lines if safe and len(lines) > 1 else []


def _item(value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(value, dict) and len(value) > 0:
        flow = _flow_map(value)
        single = len(value) == 1 and not isinstance(next(iter(value.values())), dict | list)
        if not single and flow is not None and len(pad) + 2 + len(flow) <= WIDEST:
            yield f"{pad}- {flow}"
            return
        lines = [line for key, found in value.items() for line in _entry(key, found, depth + 1, "", {})]
        yield f"{pad}- {lines[0].lstrip()}"
        yield from lines[1:]
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            text = next(iter(_item(inner, 0)))
            yield f"{pad}{'  ' if number else '- '}{text}"
    else:
        yield f"{pad}- {scalar(value)}"


def inline(value: Any) -> str | None:
    """The value on one line, where a person would write it so: scalars, and small maps with nothing deep in them."""
    if isinstance(value, dict):
        if not {"value", "reference", "references"} & value.keys():
            return None
        return _flow_map(value)
    if isinstance(value, list):
        return None
    return scalar(value)


def _flow_map(value: dict[str, Any]) -> str | None:
    if any(isinstance(found, dict | list) for found in value.values()):
        return None
    return "{" + ", ".join(f"{key_text(key, True)}: {scalar(found, True)}" for key, found in value.items()) + "}"


def key_text(key: str, within: bool = False) -> str:
    """A key, quoted where YAML would read it as something else; `within` braces more characters mean something."""
    bare = _BARE.fullmatch(key) and key.lower() not in _WORDS and not key.endswith(":") and not (within and "[" in key)
    return key if bare else _single(key)


def scalar(value: Any, within: bool = False) -> str:
    """A value: numbers and switches as they are, names bare, expressions in single quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    plain = re.fullmatch(r"[A-Za-z][\w./-]*(?: [A-Za-z][\w-]*)*", text) and text.lower() not in _WORDS
    return text if plain and not (within and "," in text) else _single(text)


def _single(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
