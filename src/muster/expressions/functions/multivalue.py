"""Functions of multi-valued attributes.

https://learn.microsoft.com/entra/identity/hybrid/connect/reference-connect-sync-functions-reference#contains and
https://learn.microsoft.com/entra/identity/app-provisioning/functions-for-customizing-application-data#join
"""

from muster.expressions.compare import is_in
from muster.expressions.errors import EvaluationFault
from muster.expressions.functions.function import Function, written_by_compiler
from muster.expressions.values import need_int, to_text


def values_of(value: object) -> list[object]:
    """The values of a multi-value; of anything else, itself alone; of NULL, none."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def contains(value: object, search: object, case: object = None) -> int:
    """`Contains(attribute, search, case)`: the number, from 1, of the first value it is found in, or 0."""
    wanted = to_text(search)
    fold = to_text(case).lower() == "caseinsensitive"
    if fold:
        wanted = wanted.lower()
    for index, item in enumerate(values_of(value), 1):
        text = to_text(item)
        if wanted in (text.lower() if fold else text):
            return index
    return 0


def count(value: object) -> int:
    """`Count(attribute)`: the number of its values."""
    return len(values_of(value))


def item(value: object, index: object) -> object:
    """`Item(attribute, index)`: the value of that number, from 1; a fault when there is none."""
    wanted = need_int(index, "the index of Item")
    values = values_of(value)
    if not 0 < wanted <= len(values):
        raise EvaluationFault(f"Item {wanted} was asked for and there are {len(values)}, from 1 on; or use ItemOrNull")
    return values[wanted - 1]


def item_or_null(value: object, index: object) -> object:
    """`ItemOrNull(attribute, index)`: the value of that number, from 1; NULL when there is none."""
    wanted = need_int(index, "the index of ItemOrNull")
    values = values_of(value)
    return values[wanted - 1] if 0 < wanted <= len(values) else None


def join_entra(separator: object, *sources: object) -> object:
    """`Join(separator, source1, …)`: every value of every source; empty ones are skipped; NULL when all are NULL."""
    parts: list[str] = []
    anything = False
    for source in sources:
        if isinstance(source, str):
            anything = True
            if source:
                parts.append(source)
        elif source is not None:
            anything = True
            parts.extend(text for each in values_of(source) if (text := to_text(each)))
    if not anything:
        return None
    return (separator if isinstance(separator, str) else to_text(separator)).join(parts)


def join_connect(value: object, delimiter: object = " ") -> object:
    """`Join(attribute, delimiter)` of Entra Connect: its values, with a space between them unless said otherwise."""
    if value is None:
        return None
    return (" " if delimiter is None else to_text(delimiter)).join(map(to_text, values_of(value)))


def remove_duplicates(value: object) -> object:
    """`RemoveDuplicates(attribute)`: each value once, where it first stood. NULL stays NULL."""
    if not isinstance(value, list):
        return value
    return list({(each.__class__, each): each for each in value}.values())


def split(value: object, delimiter: object, limit: object = None) -> object:
    """`Split(text, delimiter, limit)`: its parts, at most `limit` of them; NULL stays NULL."""
    if value is None:
        return None
    if isinstance(value, list):
        return [part for each in value for part in values_of(split(each, delimiter, limit))]
    mark = to_text(delimiter)
    text = to_text(value)
    if not mark or not text:
        return [text] if text else []
    most = -1 if limit is None else need_int(limit, "the limit of Split") - 1
    return text.split(mark, most) if most else [text]


def split_entra(value: object, delimiter: object, limit: object = None) -> object:
    """`Split(source, delimiter)` of the provisioning service, whose own example leaves out white space around parts."""
    parts = split(value, delimiter, limit)
    return [part.strip() if isinstance(part, str) else part for part in parts] if isinstance(parts, list) else parts


FUNCTIONS = (
    Function("Contains", 2, 3, contains),
    Function("Count", 1, 1, count),
    Function("Item", 2, 2, item),
    Function("ItemOrNull", 2, 2, item_or_null),
    Function("Join", 2, None, join_entra),
    Function("Join", 1, 2, join_connect, dialects=("connect",)),
    Function("RemoveDuplicates", 1, 1, remove_duplicates),
    Function("Split", 2, 3, split_entra),
    Function("Split", 2, 3, split, dialects=("connect", "mim")),
    Function("In", 2, None, is_in, boolean=True),
    Function("Select", 3, 3, written_by_compiler, form="select"),
    Function("Where", 3, 3, written_by_compiler, form="where"),
    Function("With", 3, 3, written_by_compiler, form="with"),
)
