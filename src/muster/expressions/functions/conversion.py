"""Functions from one type to another.

https://learn.microsoft.com/entra/identity/hybrid/connect/reference-connect-sync-functions-reference (Conversion)
"""

import base64
import binascii
import re
import uuid

from muster.expressions.errors import EvaluationFault, shown
from muster.expressions.functions.function import Function
from muster.expressions.values import each, need_number, to_text, truth

_ENCODINGS = {"": "utf-16-le", "unicode": "utf-16-le", "ascii": "ascii", "utf8": "utf-8"}
_GUID = re.compile(r"\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}?", re.IGNORECASE)


def cbool(value: object) -> bool:
    """`CBool(expression)`: True for what is true or not zero."""
    return truth(value)


def cnum(value: object) -> object:
    """`CNum(text)`: the number. NULL and the empty text are NULL."""
    if isinstance(value, list):
        return [cnum(item) for item in value]
    return None if value is None or value == "" else need_number(value, "the value of CNum")


def cstr(value: object) -> object:
    """`CStr(value)`: the text. NULL stays NULL."""
    return [to_text(item) for item in value] if isinstance(value, list) else None if value is None else to_text(value)


def guid_bytes(text: str) -> bytes | None:
    """The GUID's bytes as .NET and AD order them; None when the text is no GUID."""
    found = _GUID.fullmatch(text.strip())
    return uuid.UUID(found.group(1)).bytes_le if found and text.count("{") == text.count("}") else None


def cguid(value: object) -> object:
    """`CGuid(text)`, `ConvertStringToGuid`: the GUID's sixteen bytes. NULL stays NULL."""
    if not isinstance(value, str):
        return each(cguid, value)
    found = guid_bytes(value)
    if found is None:
        raise EvaluationFault(f"{shown(value)} is no GUID; one looks like 00001111-aaaa-2222-bbbb-3333cccc4444")
    return found


def binary(value: object, what: str) -> bytes:
    """Bytes as they are, or out of a base64 text. A fault that names `what` otherwise."""
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode("".join(to_text(value).split()), validate=True)
    except (binascii.Error, ValueError):
        raise EvaluationFault(f"{shown(value)} is no {what}: bytes or base64 text are needed") from None


def string_from_guid(value: object) -> object:
    """`StringFromGuid(bytes)`: the GUID as text. NULL stays NULL."""
    if isinstance(value, list):
        return [string_from_guid(item) for item in value]
    if value is None:
        return None
    raw = binary(value, "binary GUID")
    if len(raw) != 16:
        raise EvaluationFault(f"a GUID has 16 bytes; {len(raw)} were found")
    return str(uuid.UUID(bytes_le=raw))


def string_from_sid(value: object) -> object:
    """`StringFromSid(bytes)`, `ConvertSidToString`: the SID as `S-1-5-…` ([MS-DTYP] 2.4.2). NULL stays NULL."""
    if isinstance(value, list):
        return [string_from_sid(item) for item in value]
    if value is None:
        return None
    raw = binary(value, "binary SID")
    if len(raw) < 8 or len(raw) != 8 + 4 * raw[1]:
        raise EvaluationFault(f"a SID says how long it is; this one of {len(raw)} bytes is cut or no SID")
    parts = [int.from_bytes(raw[at : at + 4], "little") for at in range(8, len(raw), 4)]
    return "-".join(map(str, ("S", raw[0], int.from_bytes(raw[2:8], "big"), *parts)))


def to_base64(value: object) -> object:
    """`ConvertToBase64(text)`: the text's UTF-16 bytes in base64; bytes as they are. NULL stays NULL."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if not isinstance(value, str):
        return each(to_base64, value) if not isinstance(value, list) else [to_base64(item) for item in value]
    return base64.b64encode(value.encode("utf-16-le", "surrogatepass")).decode("ascii")


def from_base64(value: object, encoding: object = None) -> object:
    """`ConvertFromBase64(text, encoding)`: Unicode (UTF-16), ASCII or UTF8. NULL stays NULL."""
    if not isinstance(value, str):
        return each(from_base64, value, encoding)
    name = to_text(encoding).lower()
    if name not in _ENCODINGS:
        raise EvaluationFault(f"{shown(name)} is no encoding; there are Unicode, ASCII and UTF8")
    return _decoded(binary(value, "base64 text"), _ENCODINGS[name])


def to_utf8_hex(value: object) -> object:
    """`ConvertToUTF8Hex(text)`: its UTF-8 bytes in capital hexadecimal digits. NULL stays NULL."""
    if not isinstance(value, str):
        return each(to_utf8_hex, value)
    return value.encode("utf-8", "surrogatepass").hex().upper()


def from_utf8_hex(value: object) -> object:
    """`ConvertFromUTF8Hex(text)`: the text whose UTF-8 bytes these are. NULL stays NULL."""
    if not isinstance(value, str):
        return each(from_utf8_hex, value)
    try:
        return _decoded(bytes.fromhex(value), "utf-8")
    except ValueError:
        raise EvaluationFault(f"{shown(value)} is no hexadecimal text") from None


def _decoded(raw: bytes, encoding: str) -> str:
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        raise EvaluationFault(f"these {len(raw)} bytes are no {encoding} text; name the encoding") from None
    if "\0" in text:
        raise EvaluationFault(f"these {len(raw)} bytes hold a NUL character as {encoding} text, which cannot be stored")
    return text


FUNCTIONS = (
    Function("CBool", 1, 1, cbool, boolean=True),
    Function("CNum", 1, 1, cnum),
    Function("CStr", 1, 1, cstr),
    Function("CGuid", 1, 1, cguid),
    Function("ConvertStringToGuid", 1, 1, cguid),
    Function("StringFromGuid", 1, 1, string_from_guid),
    Function("StringFromSid", 1, 1, string_from_sid),
    Function("ConvertSidToString", 1, 1, string_from_sid),
    Function("ConvertToBase64", 1, 1, to_base64),
    Function("ConvertFromBase64", 1, 2, from_base64),
    Function("ConvertToUTF8Hex", 1, 1, to_utf8_hex),
    Function("ConvertFromUTF8Hex", 1, 1, from_utf8_hex),
)
