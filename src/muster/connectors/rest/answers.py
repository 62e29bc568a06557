"""What an answer says and means: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import orjson

from muster.connectors.rest.picks import Pick, pick
from muster.connectors.rest.settings import Meaning, Rule

_USUAL: Final[Mapping[int, Meaning]] = {
    404: Meaning.GONE,
    408: Meaning.RETRY,
    409: Meaning.CONFLICT,
    410: Meaning.GONE,
    412: Meaning.CONFLICT,
    425: Meaning.RETRY,
    429: Meaning.RETRY,
    501: Meaning.REFUSE,
}
_WORDS: Final = ("message", "detail", "error_description", "error.message", "errors[0].message", "error", "title")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `body`: what its JSON says, None without any. `strange`: what came in the place of JSON."""

    status: int
    body: Any = None
    strange: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    asked: str = ""

    @property
    def success(self) -> bool:
        """Whether the status says that it went well."""
        return 200 <= self.status < 300


def answer(status: int, content: bytes, kind: str, headers: Mapping[str, str], asked: str) -> Answer:
    """The answer of a status, a body and its content type."""
    kind = kind.partition(";")[0].strip().lower()
    if not content.strip():
        return Answer(status, None, "", headers, asked)
    try:
        return Answer(status, orjson.loads(content), "", headers, asked)
    except orjson.JSONDecodeError:
        start = content.lstrip()[:15].lower()
        page = "html" in kind or start.startswith((b"<!doctype html", b"<html"))
        strange = "a web page" if page else f"{kind or 'something'} that is no JSON"
        return Answer(status, None, strange, headers, asked)


def meaning(found: Answer, operation: str, rules: Sequence[Rule]) -> Meaning:
    """What an answer means for the object it is about."""
    for rule in rules:
        if _fits(rule, found, operation):
            return rule.means
    if found.status >= 500:
        return _USUAL.get(found.status, Meaning.RETRY)
    if found.strange:
        return Meaning.REFUSE
    if found.success:
        return Meaning.DONE
    usual = _USUAL.get(found.status, Meaning.REFUSE)
    if operation == "create" and usual is Meaning.CONFLICT and found.status == 409:
        return Meaning.EXISTS
    if operation != "create" and found.status == 409:
        return Meaning.REFUSE
    if operation == "create" and usual is Meaning.GONE:
        return Meaning.REFUSE
    return usual


def _fits(rule: Rule, found: Answer, operation: str) -> bool:
    statuses = [rule.status] if isinstance(rule.status, int) else rule.status
    operations = [rule.to] if isinstance(rule.to, str) else rule.to
    return (
        (statuses is None or found.status in statuses)
        and (operations is None or operation in operations)
        and (rule.when is None or _true(pick(rule.when)(found.body)))
    )


def _true(value: object) -> bool:
    return value not in (None, False, "", [], {})


def said(found: Answer, message: Pick | None) -> str:
    """How it was answered, in words: the status, and what the application says."""
    text = ""
    for path in [message] if message is not None else [pick(one) for one in _WORDS]:
        told = path(found.body)
        if isinstance(told, str) and told:
            text = " ".join(told.split()).removesuffix(".")[:300]
            break
    words = f"{found.status}: {text}" if text else str(found.status)
    if found.strange:
        words += f" with {found.strange}"
    if 300 <= found.status < 400 and found.headers.get("location"):
        words += f", which points to {found.headers['location']}"
    return words


def advice(found: Answer) -> str:
    """What to do about an answer that is not as it should be."""
    if found.strange == "a web page":
        return "A login page, a proxy or a wrong address answers there: look at it in a browser, or correct `url`."
    if 300 <= found.status < 400:
        return "Redirections are not followed: correct `url` or the request's path."
    if found.status == 403:
        return "Grant the login the right to do this."
    if found.status in (404, 405):
        return "Correct the request's method and path, or `url`."
    if found.status >= 500:
        return "Look at the application's log, and run again."
    return ""


def located(found: Answer) -> str | None:
    """The last part of the Location header: the anchor of what was made, by custom."""
    place = found.headers.get("location", "")
    last = urlsplit(place).path.rstrip("/").rpartition("/")[2]
    return unquote(last) or None
