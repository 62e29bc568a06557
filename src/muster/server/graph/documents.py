"""The JSON that clients send → Python, strictly: what one reader would take so and another so is refused."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

from muster.server.graph.errors import GraphError, bad_request

JSON: Final = "application/json"
_NUL: Final = b"\\u0000"


def read_document(body: bytes, kind: str) -> dict[str, Any]:
    """The JSON object of a body of this content type. Raises `GraphError`."""
    if kind.split(";")[0].strip().lower() != JSON:
        raise GraphError(
            415,
            "Request_UnsupportedMediaType",
            f"The content type '{kind[:100]}' is not supported: send {JSON}.",
        )
    try:
        found = orjson.loads(body)
        # The fast reader keeps the last of two values of one name, as another may keep the first: what is written
        # again as it came had no two.
        if orjson.dumps(found) != body:
            json.loads(body, object_pairs_hook=_once)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"Unable to read JSON request payload: {error}") from None
    except RecursionError:
        raise bad_request("Unable to read JSON request payload: it is nested too deep.") from None
    if not isinstance(found, dict):
        raise bad_request("Unable to read JSON request payload: expected an object.")
    if _NUL in body:
        _refuse_nul(found, "")
    return found


def _once(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise bad_request(f"Unable to read JSON request payload: property '{twice[:100]}' is there more than once.")


def _refuse_nul(value: Any, path: str) -> None:
    """Raises `GraphError` for a text that no database can hold."""
    if isinstance(value, str):
        if "\x00" in value:
            raise GraphError(
                400, "Request_BadRequest", f"Invalid value specified for property '{path}': it has a NUL character."
            )
    elif isinstance(value, dict):
        for name, item in value.items():
            _refuse_nul(name, path or "@")
            _refuse_nul(item, f"{path}/{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            _refuse_nul(item, path)
