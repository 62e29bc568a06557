"""Holding a file, or a part of it, against a pydantic model; what does not fit is said in words, with its place."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from muster.model.secrets import Secret
from muster.project.configuration import Place
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
_NAMES: Final = frozenset({"literal_error", "enum"})
_FORMS: Final = frozenset(_EXPECTED) | _NAMES
"""What says that a value has another form than the one that was tried."""

Written: TypeAlias = tuple[str | int, ...]
"""The steps to a value that are written in the file: without the names of the forms that it may have."""


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
        _Complaints(model, document, path, diagnostics).report(error.errors(include_url=False))
        return None


class _Complaints:
    """What pydantic says of one value, told as one mistake each.

    A mistyped key is not told as a missing one, too; keys that are missing together are told together; of the forms
    that a value may have, the one that it was meant to have is told, or all in one.
    """

    def __init__(self, model: type[BaseModel], document: Document, path: Steps, diagnostics: Diagnostics) -> None:
        self._model = model
        self._document = document
        self._path = path
        self._diagnostics = diagnostics

    def report(self, errors: Sequence[ErrorDetails]) -> None:
        meant: set[tuple[Place, str | None]] = set()
        missing: dict[Place, list[str]] = {}
        shapes: dict[Written, list[ErrorDetails]] = {}
        for details in errors:
            steps = _steps(details)
            if details["type"] == "extra_forbidden":
                meant.add((self._container(steps), self._unknown(steps)))
            elif details["type"] == "missing":
                missing.setdefault(self._container(steps), []).append(str(steps[-1]))
            else:
                shapes.setdefault(self._document.written([*self._path, *steps]), []).append(details)
        for place, keys in missing.items():
            lacking = [key for key in dict.fromkeys(keys) if (place, key) not in meant]
            if lacking:
                said = " and ".join(f"`{key}`" for key in lacking)
                verb = "the keys {} are missing" if len(lacking) > 1 else "the key {} is missing"
                self._diagnostics.error(place, verb.format(said))
        for where, alternatives in shapes.items():
            deeper = any(len(other) > len(where) and other[: len(where)] == where for other in shapes)
            if not deeper or not all(details["type"] in _FORMS for details in alternatives):
                message, suggestion = _one_of(alternatives)
                self._diagnostics.error(self._document.value_place(where), message, suggestion)

    def _container(self, steps: Steps) -> Place:
        """Where the keys stand among which one is unknown or missing."""
        full = [*self._path, *steps[:-1]]
        return self._document.key_place(full) if full else self._document.value_place(())

    def _unknown(self, steps: Steps) -> str | None:
        """Report an unknown key; the one that was probably meant."""
        name = str(steps[-1])
        valid = sorted({key for known in models_at(self._model, steps[:-1]) for key in keys_of(known)})
        near = nearest(name, valid)
        place = self._document.key_place([*self._path, *steps])
        self._diagnostics.error(place, f"unknown key `{name}`; known here: {listed(valid, 20)}.", near)
        return near


def _steps(details: ErrorDetails) -> list[str | int]:
    return [step for step in details["loc"] if step != "[key]"]


def _one_of(alternatives: Sequence[ErrorDetails]) -> tuple[str, str | None]:
    """One sentence about a value that has none of the forms that it may have."""
    if len(alternatives) == 1:
        return _in_words(alternatives[0])
    found = alternatives[0]["input"]
    names = next((details for details in alternatives if details["type"] in _NAMES), None)
    if names is not None and isinstance(found, str):
        return _in_words(names)
    if any(details["type"] not in _FORMS for details in alternatives):
        return _in_words(next(details for details in alternatives if details["type"] not in _FORMS))
    known = [_EXPECTED[details["type"]].partition(":")[0] for details in alternatives if details["type"] in _EXPECTED]
    first = [f"one of {', '.join(f'`{name}`' for name in _names(names))}"] if names is not None else []
    return f"expected {' or '.join(dict.fromkeys([*first, *known]))}; found {shown(found)}", None


def _names(details: ErrorDetails) -> list[str]:
    return [name.strip("'") for name in str(details["ctx"]["expected"]).replace(" or ", ", ").split(", ")]


def _in_words(details: ErrorDetails) -> tuple[str, str | None]:
    kind, found, context = details["type"], details["input"], details.get("ctx", {})
    if kind in _NAMES:
        names = _names(details)
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
