"""Functions of dates. A date is an instant in UTC.

https://learn.microsoft.com/entra/identity/app-provisioning/functions-for-customizing-application-data#dateadd and
https://learn.microsoft.com/entra/identity/hybrid/connect/reference-connect-sync-functions-reference#dateadd
"""

import calendar
from datetime import UTC, datetime, timedelta

from muster.expressions.context import Context
from muster.expressions.dotnet.format import format_date
from muster.expressions.dotnet.parse import parse_exact, parse_iso
from muster.expressions.errors import EvaluationFault, shown
from muster.expressions.functions.function import Function
from muster.expressions.values import need_int, need_number, to_date, to_text

SPANS = {
    "d": timedelta(days=1),
    "y": timedelta(days=1),
    "w": timedelta(days=1),
    "ww": timedelta(weeks=1),
    "h": timedelta(hours=1),
    "n": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
"""The intervals that are always equally long."""
MONTHS = {"m": 1, "q": 3, "yyyy": 12}
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER = 0x7FFF_FFFF_FFFF_FFFF
_STYLES = frozenset(
    {
        "none", "allowleadingwhite", "allowtrailingwhite", "allowinnerwhite", "allowwhitespaces",
        "nocurrentdatedefault",
        "adjusttouniversal", "assumelocal", "assumeuniversal", "roundtripkind",
    }
)  # fmt: skip


def now(context: Context) -> datetime:
    """`Now()`, wherever its answer cannot be followed: the evaluation has to be repeated daily."""
    context.daily = True
    return context.now


def cdate(value: object) -> object:
    """`CDate(text)`: the instant in UTC. NULL and the empty text are NULL."""
    return [to_date(item) for item in value] if isinstance(value, list) else to_date(value)


def date_add(interval: object, count: object, value: object) -> object:
    """`DateAdd(interval, count, date)`: yyyy, q, m, y, d, w, ww, h, n or s. A day past a month's end is its last."""
    if isinstance(value, list):
        return [date_add(interval, count, item) for item in value]
    when = to_date(value)
    if when is None:
        return None
    unit = _unit(interval)
    number = need_number(count, "the number of units of DateAdd")
    try:
        return when + number * SPANS[unit] if unit in SPANS else _add_months(when, int(number) * MONTHS[unit])
    except (OverflowError, ValueError):
        raise EvaluationFault(f"DateAdd by {shown(to_text(count))} {unit} leaves the calendar") from None


def _unit(interval: object) -> str:
    unit = to_text(interval).strip().lower()
    if unit not in SPANS and unit not in MONTHS:
        raise EvaluationFault(f"{shown(unit)} is no interval; there are yyyy, q, m, ww, d, h, n and s")
    return unit


def _add_months(when: datetime, months: int) -> datetime:
    years, month = divmod(when.month - 1 + months, 12)
    year = when.year + years
    if not 1 <= year <= 9999:
        raise OverflowError
    return when.replace(year=year, month=month + 1, day=min(when.day, calendar.monthrange(year, month + 1)[1]))


def date_diff(interval: object, first: object, second: object) -> object:
    """`DateDiff(interval, date1, date2)`: how many from the first to the second; NULL when one is.

    As in Visual Basic: days, hours, minutes and seconds count when they are full; weeks (`ww`) count Sundays passed;
    months, quarters and years count changes of the calendar.
    """
    start, end = to_date(first), to_date(second)
    if start is None or end is None:
        return None
    unit = _unit(interval)
    if unit == "yyyy":
        return end.year - start.year
    if unit in MONTHS:
        return _month_index(end, MONTHS[unit]) - _month_index(start, MONTHS[unit])
    if unit == "ww":
        return _full(_sundays(end) - _sundays(start), timedelta(days=1), 7)
    if unit == "w":
        return _full(end - start, timedelta(days=1), 7)
    return _full(end - start, SPANS[unit], 1)


def _month_index(when: datetime, months: int) -> int:
    return (when.year * 12 + when.month - 1) // months


def _sundays(when: datetime) -> timedelta:
    """How long after the calendar's first day the Sunday before `when` is, at the same time of day."""
    return when - datetime.min.replace(tzinfo=UTC) - timedelta(days=when.isoweekday() % 7)


def _full(span: timedelta, unit: timedelta, several: int) -> int:
    whole = abs(span) // unit // several
    return whole if span >= timedelta() else -whole


def date_from_num(value: object) -> object:
    """`DateFromNum(number)`: the instant of a count of 100 ns since 1601. The largest number, never, is NULL."""
    if isinstance(value, list):
        return [date_from_num(item) for item in value]
    if value is None or value == "":
        return None
    number = need_int(value, "an AD date")
    if number == _NEVER:
        return None
    try:
        return _EPOCH + timedelta(microseconds=number // 10)
    except OverflowError:
        raise EvaluationFault(f"{shown(str(number))} is no AD date: it lies outside the calendar") from None


def num_from_date(value: object) -> object:
    """`NumFromDate(date)`: the count of 100 ns since 1601, as accountExpires wants it; NULL for NULL."""
    if isinstance(value, list):
        return [num_from_date(item) for item in value]
    when = to_date(value)
    return None if when is None else (when - _EPOCH) // timedelta(microseconds=1) * 10


def format_entra(source: object, *forms: object) -> object:
    """`FormatDateTime(source, styles, inputFormat, outputFormat)`; cloud sync's leaves out the styles.

    A source that is a date already, or a text in ISO form whatever the input format, is only written out. With two
    arguments it is Entra Connect's function. NULL and the empty text are NULL.
    """
    if len(forms) == 1:
        return format_connect(source, forms[0])
    *styles, form_in, form_out = forms
    if styles and styles[0] is not None:
        _check_styles(to_text(styles[0]))
    return _reformat(source, form_in, form_out)


def _reformat(source: object, form_in: object, form_out: object) -> object:
    if isinstance(source, list):
        return [_reformat(item, form_in, form_out) for item in source]
    if source is None or source == "":
        return None
    if not isinstance(source, str) or form_in is None or form_in == "":
        return format_connect(source, form_out)
    form = to_text(form_in)
    when = parse_exact(source, form) or parse_iso(source.strip())
    if when is None:
        raise EvaluationFault(f"{shown(source)} is no date of the form {shown(form)}")
    return format_date(when, to_text(form_out))


def _check_styles(styles: str) -> None:
    for style in styles.replace("|", ",").split(","):
        name = style.strip().lower().removeprefix("datetimestyles.")
        if name and not name.isdecimal() and name not in _STYLES:
            raise EvaluationFault(f"{shown(style.strip())} is none of .NET's DateTimeStyles; leave the argument empty")


def format_connect(value: object, form: object) -> object:
    """`FormatDateTime(date, format)` of Entra Connect, `DateTimeFormat` of MIM. NULL stays NULL."""
    if isinstance(value, list):
        return [format_connect(item, form) for item in value]
    when = to_date(value)
    return None if when is None else format_date(when, to_text(form))


FUNCTIONS = (
    Function("Now", 0, 0, now, steady=False, context=True, form="now"),
    Function("CDate", 1, 1, cdate),
    Function("DateAdd", 3, 3, date_add),
    Function("DateDiff", 3, 3, date_diff),
    Function("DateFromNum", 1, 1, date_from_num),
    Function("NumFromDate", 1, 1, num_from_date),
    Function("FormatDateTime", 2, 4, format_entra),
    Function("FormatDateTime", 2, 2, format_connect, dialects=("connect", "mim")),
    Function("DateTimeFormat", 2, 2, format_connect),
    Function("DateTime", 2, 2, format_connect, dialects=("mim",)),
)
