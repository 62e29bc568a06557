"""Where a value is in a JSON document: JMESPath (jmespath.org), or JSONPath (RFC 9535), which begins with `$`.

Of JSONPath, what has the same meaning in JMESPath: names, indexes, slices, `*`, and a filter that compares with `==`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

_STEP: Final = re.compile(
    r"""\.(?P<name>[A-Za-z_][\w-]*)
    | \[\s*'(?P<single>[^'\\]*)'\s*\]
    | \[\s*"(?P<double>[^"\\]*)"\s*\]
    | (?P<star>\.\*|\[\*\])
    | (?P<index>\[-?\d+\]|\[-?\d*:-?\d*\])
    | \[\?\(?\s*@\.(?P<key>[A-Za-z_][\w-]*)\s*==\s*(?:'(?P<text>[^'`\\]*)'|(?P<word>true|false|null|-?\d+))\s*\)?\]
    """,
    re.VERBOSE,
)
_PLAIN: Final = re.compile(r"[A-Za-z_]\w*|\"[^\"\\]+\"")


class Pick:
    """One compiled path. `writable`: its steps as names, where it is nothing but names."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._compiled: ParsedResult = jmespath.compile(_translated(text) if text.startswith("$") else text)
        except JMESPathError as error:
            said = str(error).splitlines()[0]
            raise ValueError(f"{text!r} is no JMESPath: {said}") from None
        self.writable = _names(_translated(text) if text.startswith("$") else text)

    def __call__(self, document: Any) -> Any:
        """What is there; None when nothing is, or when the document has another shape."""
        try:
            return self._compiled.search(document)
        except JMESPathError:
            return None


@lru_cache(maxsize=1024)
def pick(text: str) -> Pick:
    """The path of a text. Raises `ValueError` that says what is wrong with it."""
    return Pick(text)


def quoted(name: str) -> str:
    """A name as a step of a path."""
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else '"' + name.replace('"', '\\"') + '"'


def _translated(path: str) -> str:
    """The JSONPath as JMESPath."""
    found, at = "@", 1
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            raise ValueError(
                f"{path!r}: what begins at {path[at:]!r} is not understood; of JSONPath there are names, [index], "
                "[from:to], [*] and [?(@.name=='text')]. Write it as JMESPath otherwise."
            )
        at = step.end()
        name = step["name"] or step["single"] or step["double"]
        if name is not None:
            found += f".{quoted(name)}"
        elif step["key"] is not None:
            wanted = f"'{step['text']}'" if step["text"] is not None else f"`{step['word']}`"
            found += f"[?{quoted(step['key'])} == {wanted}]"
        else:
            found += step["star"] or step["index"]
    return found.removeprefix("@.") if found != "@" else found


def _names(path: str) -> tuple[str, ...] | None:
    names: list[str] = []
    at = 0
    while True:
        found = _PLAIN.match(path, at)
        if found is None:
            return None
        names.append(found[0].strip('"'))
        at = found.end()
        if at == len(path):
            return tuple(names)
        if path[at] != ".":
            return None
        at += 1
