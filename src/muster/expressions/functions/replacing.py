"""The replacing functions.

https://learn.microsoft.com/entra/identity/app-provisioning/functions-for-customizing-application-data#replace decides
by which of its seven arguments are given; the compiler picks one of the functions here.
"""

from functools import lru_cache

from muster.expressions.dotnet.regex import Pattern, dotnet_pattern, replacement
from muster.expressions.errors import EvaluationFault, shown
from muster.expressions.values import each, to_text

LONGEST = 1_000_000


def replace_text(source: object, old: object, new: object) -> object:
    """oldValue and replacementValue: every oldValue in the source becomes the replacement, case-sensitively."""
    if not isinstance(source, str):
        return each(replace_text, source, old, new)
    wanted = to_text(old)
    return _bounded(source.replace(wanted, to_text(new))) if wanted else source


def replace_template(source: object, old: object, template: object) -> object:
    """oldValue and template: every oldValue in the template becomes the source."""
    wanted = to_text(old)
    text = to_text(template)
    return _bounded(text.replace(wanted, to_text(source))) if wanted else text


def replace_pattern(source: object, pattern: object, new: object) -> object:
    """regexPattern and replacementValue: matches become the replacement, which may name groups (`${name}`)."""
    if not isinstance(source, str):
        return each(replace_pattern, source, pattern, new)
    found = dotnet_pattern(to_text(pattern))
    text = to_text(new)
    if "$" not in text:
        return _bounded(found.replace(source, lambda _: text))
    return _bounded(found.replace(source, replacement(found, text)))


def replace_group(source: object, pattern: object, group: object, new: object) -> object:
    """regexPattern, regexGroupName and replacementValue: what the group matched becomes the replacement."""
    if not isinstance(source, str):
        return each(replace_group, source, pattern, group, new)
    found = dotnet_pattern(to_text(pattern))
    number = _group(found, group)
    text = to_text(new)
    out: list[str] = []
    at = 0
    for match in found.matches(source):
        start, end = match.span(number)
        if start < at or (start == end == at and out):
            continue
        out += (source[at:start], text)
        at = end
    return _bounded("".join([*out, source[at:]]))


def replace_from(source: object, pattern: object, group: object, other: object) -> object:
    """regexPattern, regexGroupName and replacementAttributeName: the source, or what the group matches in the other."""
    if source is not None and source != "" and source != []:
        return source
    if other is None:
        return None
    found = dotnet_pattern(to_text(pattern))
    match = found.search(to_text(other))
    return match.group(_group(found, group)) if match else None


def _group(pattern: Pattern, name: object) -> int:
    number = pattern.group_number(to_text(name))
    if number is None:
        raise EvaluationFault(f"the regular expression has no group {shown(name)}; write (?<{to_text(name)[:40]}>…)")
    return number


def _bounded(text: str) -> str:
    if len(text) > LONGEST:
        raise EvaluationFault(f"the result has {len(text)} characters; {LONGEST} are the most")
    return text


def with_monikers(text: str) -> str:
    """The text with `\\n`, `\\r` and `\\t` standing for the characters they name."""
    return text.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t")


def replace_string(source: object, old: object, new: object) -> object:
    """`Replace(string, old, new)` of Entra Connect, `ReplaceString` of MIM: `\\n`, `\\r`, `\\t` name characters."""
    if not isinstance(source, str):
        return each(replace_string, source, old, new)
    wanted = with_monikers(to_text(old))
    return _bounded(source.replace(wanted, with_monikers(to_text(new)))) if wanted else source


def replace_chars(source: object, pattern: object) -> object:
    """`ReplaceChars(string, pattern)`: each single character by its target, as `å:a,ö:oe,’:` pairs them."""
    if not isinstance(source, str):
        return each(replace_chars, source, pattern)
    return source.translate(_pairs(to_text(pattern)))


@lru_cache(maxsize=128)
def _pairs(pattern: str) -> dict[int, str]:
    """White space is ignored. A pair may be written with a comma, `ö,o`, as the documented example does."""
    table: dict[int, str] = {}
    items = "".join(pattern.split()).split(",")
    at = 0
    while at < len(items):
        item = items[at]
        at += 1
        if not item:
            continue
        source, colon, target = item.partition(":")
        if not colon and at < len(items):
            target = items[at]
            at += 1
        if len(source) != 1:
            raise EvaluationFault(f"{shown(item)} must be one character, a colon and its replacement")
        table[ord(source)] = target
    return table
