"""As much of JSON Schema 2020-12 as the generated schemas use; a keyword it does not know fails the test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
_SILENT = {"$schema", "$defs", "title", "description", "default", "examples", "if", "then", "format"}


def problems(value: Any, schema: Any, root: Mapping[str, Any], path: str = "$") -> Iterator[str]:
    """What does not fit, each with its path."""
    if schema is True or schema == {}:
        return
    if schema is False:
        yield f"{path}: nothing may stand here"
        return
    for keyword, wanted in schema.items():
        if keyword not in _SILENT:
            yield from _keyword(keyword, wanted, value, schema, root, path)
    if "if" in schema and not list(problems(value, schema["if"], root, path)):
        yield from problems(value, schema["then"], root, path)


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES[name])


def _keyword(keyword: str, wanted: Any, value: Any, schema: Any, root: Any, path: str) -> Iterator[str]:
    fits = True
    match keyword:
        case "$ref":
            yield from problems(value, root["$defs"][wanted.removeprefix("#/$defs/")], root, path)
        case "anyOf":
            fits = any(not list(problems(value, option, root, path)) for option in wanted)
        case "oneOf":
            fits = sum(not list(problems(value, option, root, path)) for option in wanted) == 1
        case "allOf":
            for option in wanted:
                yield from problems(value, option, root, path)
        case "type":
            fits = any(_is(value, name) for name in ([wanted] if isinstance(wanted, str) else wanted))
        case "enum":
            fits = value in wanted
        case "const":
            fits = value == wanted
        case "pattern":
            fits = not isinstance(value, str) or re.search(wanted, value) is not None
        case "minLength":
            fits = not isinstance(value, str) or len(value) >= wanted
        case "minimum":
            fits = not isinstance(value, int | float) or value >= wanted
        case "maximum":
            fits = not isinstance(value, int | float) or value <= wanted
        case "minItems":
            fits = not isinstance(value, list) or len(value) >= wanted
        case "maxItems":
            fits = not isinstance(value, list) or len(value) <= wanted
        case "minProperties":
            fits = not isinstance(value, dict) or len(value) >= wanted
        case "maxProperties":
            fits = not isinstance(value, dict) or len(value) <= wanted
        case "required":
            fits = not isinstance(value, dict) or all(name in value for name in wanted)
        case "properties":
            for name, inner in wanted.items() if isinstance(value, dict) else ():
                if name in value:
                    yield from problems(value[name], inner, root, f"{path}.{name}")
        case "additionalProperties":
            for name in set(value) - set(schema.get("properties", {})) if isinstance(value, dict) else ():
                yield from problems(value[name], wanted, root, f"{path}.{name}")
        case "items":
            for index, item in enumerate(value if isinstance(value, list) else ()):
                yield from problems(item, wanted, root, f"{path}[{index}]")
        case _:
            raise AssertionError(f"{path}: this validator does not know `{keyword}`")
    if not fits:
        yield f"{path}: {keyword} {wanted!r} does not fit {value!r}"
