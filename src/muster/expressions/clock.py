"""Comparisons with `Now()`: their answer, and the instant at which it changes.

`[d] <= Now()` becomes true at d; `[d] < Now()` is true from the microsecond after it. The instant, while it is still to
come, is a candidate for the context's `due`, which keeps the earliest.
"""

from datetime import date, datetime, timedelta

from muster.expressions.compare import COMPARISONS
from muster.expressions.context import Context
from muster.expressions.values import as_instant, iso_date

TICK = timedelta(microseconds=1)
MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def compare_now(context: Context, sign: str, value: object, shift: timedelta) -> object:
    """Whether `value sign Now() + shift`; over a multi-value, one answer a value."""
    if isinstance(value, list):
        return [compare_now(context, sign, item, shift) for item in value]
    try:
        then = context.now + shift
    except OverflowError:
        return COMPARISONS[sign](value, datetime.max.replace(tzinfo=context.now.tzinfo) if shift > -shift else None)
    if isinstance(value, str | datetime | date):
        when = as_instant(value) if not isinstance(value, str) else iso_date(value)
        if when is not None:
            _note(context, sign, when, shift)
    return COMPARISONS[sign](value, then)


def _note(context: Context, sign: str, when: datetime, shift: timedelta) -> None:
    try:
        at = when - shift
        after = at + TICK
    except OverflowError:
        return
    now = context.now
    changes = after if sign in {"<", ">="} or (sign in {"=", "<>"} and at <= now) else at
    if changes > now and (context.due is None or changes < context.due):
        context.due = changes
