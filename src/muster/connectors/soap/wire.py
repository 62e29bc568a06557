"""What a SOAP service answers ↔ plain values: pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from lxml import etree
from zeep import xsd

_DEEP: Final = 60


def plain(value: Any, depth: int = 0) -> Any:
    """A value of the service as JSON has it: records, lists, texts, numbers; instants and dates as they are."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if depth > _DEEP:
        return None
    if isinstance(value, Mapping):
        return {str(name): plain(one, depth + 1) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one, depth + 1) for one in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date):
        return value
    if isinstance(value, time | timedelta):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if etree.iselement(value):
        return element(value)
    return str(value)


def element(node: Any, depth: int = 0) -> Any:
    """An XML element as records and texts by local names; elements of one name are a list."""
    children = [child for child in node if isinstance(child.tag, str)]
    if not children or depth > _DEEP:
        return (node.text or "").strip()
    found: dict[str, Any] = {}
    for child in children:
        name = etree.QName(child).localname
        value = element(child, depth + 1)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def fault_of(content: bytes) -> dict[str, Any] | None:
    """The fault of a message, of SOAP 1.1 (section 4.4) and 1.2 (part 1, section 5.4) alike; None where it has none."""
    try:
        root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return None
    node = next((one for one in root.iter("{*}Fault") if etree.QName(one.getparent()).localname == "Body"), None)
    if node is None or root.getroottree().docinfo.doctype:
        return None
    found = element(node)
    told = found if isinstance(found, dict) else {}
    codes = [told.get("faultcode")]
    inner = told.get("Code")
    for _ in range(_DEEP):
        if not isinstance(inner, dict):
            break
        codes.append(inner.get("Value"))
        inner = inner.get("Subcode")
    listed = [str(code) for code in codes if code]
    reason = told.get("Reason")
    text = told.get("faultstring") or (reason.get("Text") if isinstance(reason, dict) else "")
    return {
        "code": listed[0] if listed else "",
        "codes": listed,
        "message": " ".join(str(text[0] if isinstance(text, list) else text).split()),
        "actor": told.get("faultactor") or told.get("Role"),
        "detail": told.get("detail") or told.get("Detail"),
    }


def cleared(body: Any) -> Any:
    """The parameters, each NULL as an element that says so (xsi:nil): left out, it would mean "unchanged"."""
    if body is None:
        return xsd.Nil
    if isinstance(body, Mapping):
        return {name: cleared(one) for name, one in body.items()}
    return [cleared(one) for one in body] if isinstance(body, list) else body


def put(body: Any, path: str, value: object) -> Any:
    """The parameters with a value at a path of names with dots between."""
    record: dict[str, Any] = dict(body) if isinstance(body, Mapping) else {}
    name, _, rest = path.partition(".")
    record[name] = put(record.get(name), rest, value) if rest else value
    return record


def ours(code: str) -> bool:
    """Whether a fault's code says that the message was wrong, and not the service (SOAP 1.1 and 1.2)."""
    last = code.rpartition(":")[2].partition(".")[0]
    return last in ("Client", "Sender", "MustUnderstand", "VersionMismatch", "DataEncodingUnknown")


def about_login(codes: list[str]) -> bool:
    """Whether a fault refuses the login (WS-Security 1.1, section 12)."""
    refused = ("FailedAuthentication", "FailedCheck", "InvalidSecurityToken", "InvalidSecurity")
    return any(code.rpartition(":")[2].rpartition("}")[2] in refused for code in codes)
