"""YAML syntax errors in the words of somebody who writes configuration, not of somebody who writes parsers."""

from __future__ import annotations

import re

Spot = tuple[int, int]


def in_words(context: str, problem: str, opened: Spot | None, found: Spot, text: str) -> tuple[str, int, int]:
    """(message, line, column); `opened` is where the construct began for the parser, `found` where it failed."""
    lines = text.splitlines()
    here = lines[found[0] - 1][found[1] - 1 : found[1]] if 0 < found[0] <= len(lines) else ""
    if "'\\t'" in problem or here == "\t":
        return "a tab cannot indent: use spaces", *found
    if "cannot start any token" in problem:
        return f"a value that starts with {here} must be quoted: '{here}…'", *found
    if "quoted scalar" in context and "end of stream" in problem and opened:
        return "the quote that opens here is never closed", *opened
    if match := re.search(r"unknown escape character '(.*)'", problem):
        return f"\\{match[1]} means nothing inside double quotes: use single quotes, or \\\\ for a backslash", *found
    if "mapping values are not allowed" in problem:
        return (
            "a `:` where no key can stand: quote the value if it holds one, or mend the indentation of this line",
            *found,
        )
    if "flow sequence" in context or "flow mapping" in context:
        bracket = "]" if "sequence" in context else "}"
        since = f" opened in line {opened[0]}" if opened else ""
        return (
            f"expected `,` or `{bracket}`{since}; an expression that starts with {'[' if bracket == ']' else '{'}"
            " must be quoted",
            *found,
        )
    if "stream end" in problem:
        return "the file ends in the middle: a value, `]` or `}` is missing", *found
    if "node content" in problem and (match := re.search(r"found '(.*)'", problem)):
        return f"expected a value, found `{match[1]}`", *found
    if "anchor" in context or "alias" in context:
        at = opened or found
        sign = "&" if "anchor" in context else "*"
        return f"`{sign}` outside quotes names an anchor in YAML: put the whole expression in single quotes", *at
    if "expected <block end>" in problem:
        return _block_end(lines, opened, found, context)
    if "could not find expected ':'" in problem:
        return "expected `key: value`; found a text without a colon", *(opened or found)
    if "duplicate anchor" in problem or "second occurrence" in problem:
        return "the same anchor is set twice", *found
    return f"not valid YAML: {problem or context}", *found


def _block_end(lines: list[str], opened: Spot | None, found: Spot, context: str) -> tuple[str, int, int]:
    """A line whose indentation fits nothing, or text after a closed quote or bracket."""
    line = lines[found[0] - 1] if found[0] <= len(lines) else ""
    before = line[: found[1] - 1].rstrip()
    if before and before[-1] in "'\"]}":
        return (
            f"found text after the closing {before[-1]}: put the whole value in single quotes ('' is one quote inside)",
            *found,
        )
    kind = "list" if "collection" in context or "sequence" in context else "keys"
    since = f" of the {kind} that start in line {opened[0]}, column {opened[1]}" if opened else ""
    return f"this line is not indented like the lines{since}", *found
