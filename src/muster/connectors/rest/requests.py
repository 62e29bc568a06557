"""What a system file says of one request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator, model_validator

from muster.connectors.kit.contract import Settings
from muster.connectors.rest.picks import pick
from muster.connectors.rest.templates import holes, unquoted

_LINE: Final = r"^(GET|POST|PUT|PATCH|DELETE) /[^\s?#]*$"


def _a_line(text: str) -> str:
    if re.fullmatch(_LINE, text) is None:
        raise ValueError(f"expected a method and a path, such as GET /users (the rest is `query`); found {text!r}")
    return text


Line = Annotated[str, AfterValidator(_a_line), WithJsonSchema({"type": "string", "pattern": _LINE})]


class Batch(Settings):
    """Several objects in one request."""

    request: Line = Field(description="Method and path, such as POST /users/bulk.")
    body: Any = Field("{items}", description="The body; {items} is the list of the objects' bodies.")
    item: Any = Field(None, description="The body of one object; default: that of the single request.")
    size: int = Field(100, ge=1, le=10_000, description="Objects in one request.")
    answers: str = Field("@", description="Where the list of answers is, one an object, in the order of the request.")
    status: str = Field("status", description="Where an answer has its status.")
    record: str = Field("body", description="Where an answer has the object; @: it is the object.")

    @field_validator("answers", "status", "record")
    @classmethod
    def _a_path(cls, text: str) -> str:
        pick(text)
        return text


class Request(Settings):
    """One request. In a file a plain text is method and path: DELETE /users/{id}."""

    request: Line = Field(description="Method and path, such as PATCH /users/{id}; {id} is a value.")
    query: dict[str, str | int | bool] = Field(default_factory=dict, description="Parameters of the address.")
    headers: dict[str, str] = Field(default_factory=dict, description="Headers of this request.")
    body: Any = Field(None, description="The body; {*} is the record of all values that are to be written.")
    form: bool = Field(False, description="Whether the body goes as a form, not as JSON.")
    record: str = Field("@", description="Where the object is in the answer: data, or result.user.")
    batch: Batch | None = Field(None, description="create, update, delete: several objects in one request.")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        return {"request": given} if isinstance(given, str) else given

    @field_validator("record")
    @classmethod
    def _a_path(cls, text: str) -> str:
        pick(text)
        return text

    @field_validator("query")
    @classmethod
    def _quoted(cls, query: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
        for name, text in query.items():
            bare = unquoted(text) if isinstance(text, str) else None
            if bare is not None:
                raise ValueError(
                    f'{name}: {{{bare}}} inside a longer text needs to be quoted: {{{bare}|json}} for "…", '
                    f"{{{bare}|odata}} for '…'"
                )
        return query

    @model_validator(mode="after")
    def _a_form_has_fields(self) -> Request:
        if self.form and not isinstance(self.body, dict):
            raise ValueError("`form: true` needs a `body` with the fields")
        return self

    @property
    def method(self) -> str:
        """GET, POST, …"""
        return self.request.partition(" ")[0]

    @property
    def path(self) -> str:
        """The path with its holes."""
        return self.request.partition(" ")[2]

    @property
    def parameters(self) -> dict[str, str]:
        """The query as texts."""
        return {name: str(one).lower() if isinstance(one, bool) else str(one) for name, one in self.query.items()}


class By(StrEnum):
    """How a list goes on."""

    PAGE = "page"
    OFFSET = "offset"
    CURSOR = "cursor"
    NEXT = "next"
    LINK = "link"


class Paging(Settings):
    """How a list that has several pages is read."""

    by: By = Field(
        description="page: by number; offset: by objects before it; cursor: by a text of the page before; next: by an "
        "address in its body; link: by its Link header (RFC 8288)."
    )
    parameter: str | None = Field(None, description="page, offset, cursor: the parameter, as page, offset or cursor.")
    first: int = Field(1, ge=0, description="page: the number of the first one.")
    size: str | None = Field(None, description="The parameter for the number of objects in a page, as limit.")
    count: int = Field(100, ge=1, le=100_000, description="That number.")
    at: str | None = Field(None, description="cursor, next: where it is in the body, as meta.next.")
    total: str | None = Field(None, description="Where the body says how many objects there are, as meta.total.")

    @field_validator("at", "total")
    @classmethod
    def _a_path(cls, text: str | None) -> str | None:
        if text is not None:
            pick(text)
        return text

    @model_validator(mode="after")
    def _all_there(self) -> Paging:
        needed = {By.PAGE: ["parameter"], By.OFFSET: ["parameter"], By.CURSOR: ["parameter", "at"], By.NEXT: ["at"]}
        for name in needed.get(self.by, ()):
            if getattr(self, name) is None:
                raise ValueError(f"`by: {self.by}` needs `{name}`")
        return self


class Form(StrEnum):
    """How an instant is written in a parameter."""

    ISO = "iso"
    EPOCH = "epoch"
    MILLISECONDS = "milliseconds"


class Changes(Settings):
    """How only what changed is listed."""

    parameter: str = Field(description="The parameter that holds since when, as updated_since.")
    request: Line | None = Field(None, description="Another address for it; default: that of the list.")
    at: str | None = Field(
        None,
        description="Where an answer's body has the text for the next time (a token); default: the time at which the "
        "application answered, from its Date header.",
    )
    form: Form = Field(Form.ISO, description="How a time is written: iso, epoch (seconds) or milliseconds.")
    overlap: float = Field(120.0, ge=0, description="Seconds before that time from which changes are asked for again.")
    deleted: str | None = Field(None, description="A path in a record, true where the object was deleted.")

    @field_validator("at", "deleted")
    @classmethod
    def _a_path(cls, text: str | None) -> str | None:
        if text is not None:
            pick(text)
        return text


class ListRequest(Request):
    """A request whose answer is a list, perhaps in pages."""

    items: str = Field("@", description="Where the list is in the answer: data, or result.users.")
    paging: Paging | None = Field(None, description="How further pages are read; without it, the answer is the list.")
    changes: Changes | None = Field(None, description="read: how only what changed is listed.")

    @field_validator("items")
    @classmethod
    def _a_list(cls, text: str) -> str:
        pick(text)
        return text


def holes_of(request: Request) -> Iterator[str]:
    """The names of all holes of a request."""
    yield from holes([request.path, request.parameters, request.headers, request.body])
    if request.batch is not None:
        for part in (request.batch.item, request.batch.body):
            yield from (name for name in holes(part) if name != "items")
