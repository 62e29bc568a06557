"""Values, names and reasons as short, harmless text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from muster.model.secrets import HIDDEN, secret_name

LONGEST: Final = 60
"""Characters of one value; the JSON document has all of them."""

_FRACTION: Final = re.compile(r"\.\d+(?=Z$)")


def safe(text: object) -> str:
    """The text on one line, without characters that would steer a terminal or turn the line around."""
    found = str(text)
    if found.isprintable():
        return found
    return "".join(_shown(letter) for letter in found)


def _shown(letter: str) -> str:
    if letter.isprintable() or unicodedata.category(letter) == "Zs":
        return letter
    if letter in ("\u200c", "\u200d"):  # joiners that some scripts need
        return letter
    return {"\n": "↵", "\r": "", "\t": " "}.get(letter, "\ufffd")


def value(found: object, name: str = "") -> str:
    """A value of an attribute; `nothing` for NULL, stars for what is a secret by its name."""
    if found is None or found == []:
        return "nothing"
    if secret_name(name):
        return HIDDEN
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, list | tuple):
        return short(", ".join(value(item) for item in found))
    if isinstance(found, Mapping):
        return short(", ".join(f"{key} {value(item, str(key))}" for key, item in found.items()))
    text = safe(found)
    return short(text) if text.strip() else repr(found)


def short(text: str, longest: int = LONGEST) -> str:
    """The text, cut to its most characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def count(number: int, one: str, many: str = "") -> str:
    """`1 change`, `2 changes`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def instant(found: object) -> str:
    """An instant to the second, which is what people ask for."""
    return _FRACTION.sub("", safe(found or ""))


def place(reason: Mapping[str, Any]) -> str:
    """File and line of a reason or a flow; empty when it has none."""
    file = reason.get("file") or reason.get("mapping")
    if not file:
        return ""
    named = str(file) if "." in str(file) else f"mappings/{file}.yaml"
    line = reason.get("line")
    return f"{named}:{line}" if line else named


def source(found: object) -> str:
    """The source of a value: `hr/worker 100233`, with the values that it gave."""
    if found is None:
        return ""
    if isinstance(found, str):
        return safe(found)
    if isinstance(found, Sequence):
        return "; ".join(filter(None, (source(item) for item in found)))
    if not isinstance(found, Mapping):
        return safe(found)
    kind = "/".join(safe(found[key]) for key in ("system", "object") if found.get(key))
    text = " ".join(filter(None, [kind, safe(found.get("anchor") or "")]))
    values = found.get("values") or found.get("attributes")
    if isinstance(values, Mapping) and values:
        text += " (" + ", ".join(f"{safe(name)} {value(item, str(name))}" for name, item in values.items()) + ")"
    return text.strip()


def because(reason: Mapping[str, Any]) -> str:
    """Rule, source and place of a change, in one line."""
    parts = [safe(reason.get("rule") or ""), source(reason.get("source")), place(reason)]
    return " · ".join(part for part in parts if part)
