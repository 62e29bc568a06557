"""Holding a file, or a part of it, against a pydantic model; what does not fit is said in words, with its place."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from muster.model.secrets import Secret
from muster.project.diagnostics import Diagnostics, listed, nearest
from muster.project.document import Document, Steps
from muster.project.files.base import shown
from muster.project.yamltree import plain

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "a text",
    "string_sub_type": "a text",
    "string_too_short": "a text that is not empty",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "keys, such as `key: value`",
    "mapping_type": "keys, such as `key: value`",
    "model_type": "keys, such as `key: value`",
    "model_attributes_type": "keys, such as `key: value`",
    "list_type": "a list: each item in a line of its own, after `- `",
    "tuple_type": "a list: each item in a line of its own, after `- `",
    "set_type": "a list: each item in a line of its own, after `- `",
    "none_required": "nothing",
    "path_type": "a path",
}


def validated(model: type[Model], document: Document, diagnostics: Diagnostics) -> Model | None:
    """The whole file as the model; None when it does not fit, which the diagnostics then say."""
    return validated_part(model, plain(document.root), document, (), diagnostics)


def validated_part(
    model: type[Model], value: object, document: Document, path: Steps, diagnostics: Diagnostics
) -> Model | None:
    """The same for a value that stands at `path` in the file."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            _report(model, details, document, path, diagnostics)
        return None


def _report(
    model: type[BaseModel], details: ErrorDetails, document: Document, path: Steps, diagnostics: Diagnostics
) -> None:
    kind, steps = details["type"], [step for step in details["loc"] if step != "[key]"]
    full = [*path, *steps]
    if kind == "extra_forbidden":
        name = str(steps[-1])
        valid = sorted({key for known in models_at(model, steps[:-1]) for key in keys_of(known)})
        place = document.key_place(full)
        diagnostics.error(place, f"unknown key `{name}`; known here: {listed(valid, 20)}.", nearest(name, valid))
        return
    if kind == "missing":
        place = document.key_place(full[:-1]) if full[:-1] else document.value_place(())
        diagnostics.error(place, f"the key `{steps[-1]}` is missing")
        return
    message, suggestion = _in_words(details)
    diagnostics.error(document.value_place(full), message, suggestion)


def _in_words(details: ErrorDetails) -> tuple[str, str | None]:
    kind, found, context = details["type"], details["input"], details.get("ctx", {})
    if kind in ("literal_error", "enum"):
        names = [name.strip("'") for name in str(context["expected"]).replace(" or ", ", ").split(", ")]
        return (
            f"expected one of {', '.join(f'`{name}`' for name in names)}; found {shown(found)}.",
            nearest(found, names) if isinstance(found, str) else None,
        )
    if kind in ("greater_than_equal", "less_than_equal", "greater_than", "less_than"):
        limit = next(iter(context.values()))
        words = {
            "greater_than_equal": "at least",
            "less_than_equal": "at most",
            "greater_than": "more than",
            "less_than": "less than",
        }[kind]
        return f"expected a number of {words} {limit}, found {found}", None
    if kind == "value_error":
        return str(context["error"]), None
    if kind == "is_instance_of" and context.get("class") == Secret.__name__:
        return "expected a secret, written ${secret:NAME}; found something else", None
    if isinstance(found, Secret):
        return "expected a value that is no secret; found ${secret:…}", None
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}; found {shown(found)}", None
    message = details["msg"]
    return message[:1].lower() + message[1:], None


def models_at(model: type[BaseModel], steps: Sequence[object]) -> list[type[BaseModel]]:
    """The models that may stand at the end of the steps, as the annotations say."""
    here: list[Any] = [model]
    for step in steps:
        here = [
            inner for known in here for inner in (_field(known, step) if _is_model(known) else _inside(known, step))
        ]
        here = [part for annotation in here for part in _parts(annotation)]
    return [known for known in here if _is_model(known)]


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys a model knows, as they are written in a file."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _field(model: type[BaseModel], step: object) -> Iterator[Any]:
    root = model.model_fields.get("root")
    if root is not None:
        for part in _parts(root.annotation):
            yield from _inside(part, step)
        return
    found = False
    for name, field in model.model_fields.items():
        if step in (name, field.alias):
            found = True
            yield field.annotation
    if not found:  # the name of a union's branch, which no file contains
        yield model


def _inside(annotation: Any, _: object) -> Iterator[Any]:
    arguments = [part for part in get_args(annotation) if part is not Ellipsis]
    if arguments:
        yield arguments[-1]
    elif not isinstance(annotation, type):
        yield annotation


def _parts(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from _parts(part)
    elif origin is not None and hasattr(annotation, "__metadata__"):
        yield from _parts(get_args(annotation)[0])
    elif origin is not Literal:
        yield annotation
