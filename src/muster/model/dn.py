"""Distinguished names as text (RFC 4514): split, compared, taken apart."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_BEGINS: Final = re.compile(r"\s*<?(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)*)\s*=")


def is_name(text: str) -> bool:
    """False for a text that cannot be a distinguished name: it does not begin with an attribute and `=`.

    `<GUID=…>` and `<SID=…>`, which Active Directory takes in its place (MS-ADTS section 3.1.1.3.1.2.4), are names.
    """
    return _BEGINS.match(text) is not None


def split(name: str) -> list[str]:
    """The relative names of a distinguished name, leftmost first, as written."""
    return [trimmed for part in _cut(name, ",") if (trimmed := _trimmed(part))]


def _cut(text: str, separator: str) -> list[str]:
    """The parts between separators that no backslash stands before."""
    if "\\" not in text:
        return text.split(separator)
    parts: list[str] = []
    start = 0
    position = 0
    while position < len(text):
        letter = text[position]
        if letter == "\\":
            position += 2
            continue
        if letter == separator:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    parts.append(text[start:])
    return parts


def _trimmed(part: str) -> str:
    """Without blanks at the ends, but for one that is escaped."""
    found = part.strip(" ")
    slashes = len(found) - len(found.rstrip("\\"))
    return f"{found} " if slashes % 2 else found


def parent(name: str) -> str:
    """The name of the container; empty for a top one."""
    return ",".join(split(name)[1:])


def depth(name: str) -> int:
    """How many relative names it has."""
    return len(split(name))


def own_values(name: str) -> list[tuple[str, str]]:
    """The attributes that the object's own part of its name is made of, each with its value, unescaped."""
    own = next(iter(split(name)), "") if "\\" in name else name.partition(",")[0].strip()
    pairs = (part.partition("=") for part in _cut(own, "+"))
    return [(kind.strip(), _unescaped(_trimmed(value))) for kind, equals, value in pairs if equals]


def same_value(left: str, right: str) -> bool:
    """Whether two unescaped values name the same: case, blanks and Unicode form make no difference."""
    return left == right or _plain(left) == _plain(right)


def _plain(value: str) -> str:
    return unicodedata.normalize("NFC", " ".join(value.split())).casefold()


def normal(name: str) -> str:
    """The one form of all texts that name the same entry: case, blanks and kind of escape gone."""
    if "\\" not in name and name.isascii():
        if ", " not in name and " ," not in name and " =" not in name and "= " not in name:
            return name.lower()
        return ",".join("=".join(side.strip() for side in part.split("=", 1)) for part in name.split(",")).lower()
    return ",".join(_normal_part(part) for part in split(name))


def _normal_part(part: str) -> str:
    kind, _, value = part.partition("=")
    plain = unicodedata.normalize("NFC", _unescaped(_trimmed(value))).casefold()
    escaped = "".join(f"\\{letter}" if letter in ',+"\\<>;' else letter for letter in plain)
    if plain.startswith(" "):
        escaped = f"\\{escaped}"
    if plain.endswith(" ") and len(plain) > 1:
        escaped = f"{escaped[:-1]}\\ "
    return f"{kind.strip().lower()}={escaped}"


def _unescaped(value: str) -> str:
    if "\\" not in value:
        return value
    found = bytearray()
    position = 0
    while position < len(value):
        letter = value[position]
        if letter == "\\" and position + 1 < len(value):
            pair = value[position + 1 : position + 3]
            if len(pair) == 2 and all(digit in "0123456789abcdefABCDEF" for digit in pair):
                found.append(int(pair, 16))
                position += 3
                continue
            found += value[position + 1].encode()
            position += 2
            continue
        found += letter.encode()
        position += 1
    return found.decode("utf-8", "replace")
