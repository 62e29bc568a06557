"""Dates out of text: the common forms that `DateTime.Parse` reads, and one exact form.

Public specification: https://learn.microsoft.com/dotnet/standard/base-types/custom-date-and-time-format-strings.
Names are those of the invariant culture, month comes before day, and what has no zone is UTC.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from muster.expressions.dotnet.pattern import DAYS, MONTHS, Piece, pieces

_TIME = (
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d{1,2}))?(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,9})\d*)?)?"
    r"(?:\s*(?P<half>[AaPp])\.?(?:[Mm]\.?)?)?"
)
_ZONE = r"(?P<zone>Z|z|GMT|UTC|[+-]\d{1,2}(?::?\d{2})?)"
_REST = rf"(?:(?:[Tt]|\s+){_TIME})?(?:\s*{_ZONE})?"
_NAME = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTHS)
_WEEKDAY = "(?:(?:" + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in DAYS) + r"),?\s+)?"

_ISO = re.compile(rf"(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}}){_REST}", re.ASCII)
_COMPACT = re.compile(
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)[Tt]?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)"
    r"(?:[.,](?P<fraction>\d{1,9}))?(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)",
    re.ASCII,
)
_FORMS = [
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        rf"{_WEEKDAY}(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}}){_REST}",
        rf"{_WEEKDAY}(?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}})[-/.](?P<year>\d{{4}}|\d{{2}}){_REST}",
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})[- ](?P<name>{_NAME})[- ,]+(?P<year>\d{{4}}|\d{{2}}){_REST}",
        rf"{_WEEKDAY}(?P<name>{_NAME})\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}}){_REST}",
        rf"(?P<year>\d{{4}})\s+(?P<name>{_NAME})\s+(?P<day>\d{{1,2}}){_REST}",
    )
]


def parse_iso(text: str) -> datetime | None:
    """The instant that an ISO 8601 date, with or without time and zone, names; None for any other text."""
    if len(text) < 10 or text[4] != "-":
        return None
    found = _ISO.fullmatch(text)
    return _instant(found) if found else None


def parse_date(text: str) -> datetime | None:
    """The instant in UTC that a text in a common form names; None when it is in none of them."""
    trimmed = text.strip()
    iso = parse_iso(trimmed)
    if iso is not None:
        return iso
    compact = _COMPACT.fullmatch(trimmed)
    if compact:
        return _instant(compact)
    for form in _FORMS:
        found = form.fullmatch(trimmed)
        if found:
            return _instant(found)
    return None


def _instant(found: re.Match[str]) -> datetime | None:
    parts = found.groupdict()
    fields: dict[str, int] = {
        field: int(parts[field]) for field in ("year", "month", "day", "hour", "minute", "second") if parts.get(field)
    }
    if parts.get("name"):
        fields["month"] = month_number(parts["name"])
    if len(parts["year"]) == 2:
        fields["year"] = full_year(fields["year"])
    if parts.get("fraction"):
        fields["microsecond"] = int(parts["fraction"][:6].ljust(6, "0"))
    half = (parts.get("half") or "").lower()
    if half:
        hour = _half_day(fields.get("hour", 0), half)
        if hour is None:
            return None
        fields["hour"] = hour
    elif parts.get("hour") and parts.get("minute") is None:
        return None
    return build(fields, _offset(parts.get("zone")))


def build(fields: dict[str, int], offset: timedelta) -> datetime | None:
    """The instant in UTC of these fields at this offset; None when there is no such day or time."""
    try:
        get = fields.get
        local = datetime(
            get("year", 1), get("month", 1), get("day", 1), get("hour", 0), get("minute", 0), get("second", 0),
            get("microsecond", 0), tzinfo=timezone(offset),
        )  # fmt: skip
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def month_number(name: str) -> int:
    """January, or Jan, is 1. The name is one of the twelve."""
    return next(index for index, month in enumerate(MONTHS, 1) if month[:3].lower() == name[:3].lower())


def full_year(two: int) -> int:
    """A year of two digits in the century .NET's invariant calendar puts it: 00-49 are 20xx."""
    return two + (2000 if two < 50 else 1900)


def _half_day(hour: int, half: str) -> int | None:
    if not 0 <= hour <= 12:
        return None
    return hour % 12 + (12 if half == "p" else 0)


def _offset(zone: str | None) -> timedelta:
    if not zone or zone[0] not in "+-":
        return timedelta()
    digits = zone[1:].replace(":", "")
    hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
    span = timedelta(hours=hours, minutes=minutes)
    return -span if zone[0] == "-" else span


def parse_exact(text: str, form: str) -> datetime | None:
    """The instant in UTC of a text that has exactly the .NET form `form`, white space around it apart; else None."""
    fields: dict[str, int] = {}
    offset = timedelta()
    half = ""
    rest = text.strip()
    for piece in pieces(form.strip()):
        found = _piece_pattern(piece).match(rest)
        if found is None:
            return None
        token, rest = found.group(), rest[found.end() :]
        kind = piece.kind
        if kind in _NUMBERS:
            fields[_NUMBERS[kind]] = int(token)
        elif kind == "y":
            fields["year"] = full_year(int(token)) if piece.count <= 2 else int(token)
        elif kind == "M":
            fields["month"] = int(token) if piece.count <= 2 else month_number(token)
        elif kind == "d" and piece.count <= 2:
            fields["day"] = int(token)
        elif kind in {"f", "F"} and token.strip("."):
            fields["microsecond"] = int(token.strip(".")[:6].ljust(6, "0"))
        elif kind == "t":
            half = token[:1].lower()
        elif kind in {"z", "K"}:
            offset = _offset(token)
    if rest:
        return None
    if half:
        hour = _half_day(fields.get("hour", 0), half)
        if hour is None:
            return None
        fields["hour"] = hour
    return build(fields, offset)


_NUMBERS = {"H": "hour", "h": "hour", "m": "minute", "s": "second"}


def _piece_pattern(piece: Piece) -> re.Pattern[str]:
    cached = _PATTERNS.get(piece)
    if cached is None:
        cached = _PATTERNS[piece] = re.compile(_pattern_text(piece), re.IGNORECASE | re.ASCII)
    return cached


_PATTERNS: dict[Piece, re.Pattern[str]] = {}


def _pattern_text(piece: Piece) -> str:
    kind, count = piece.kind, piece.count
    match kind:
        case "":
            return re.escape(piece.text)
        case "y":
            return {1: r"\d{1,2}", 2: r"\d{2}", 3: r"\d{3,4}"}.get(count, rf"\d{{{count}}}")
        case "M" | "d" if count > 2:
            names = MONTHS if kind == "M" else DAYS
            return "|".join(name[:3] if count == 3 else name for name in names)
        case "M" | "d" | "H" | "h" | "m" | "s":
            return r"\d{1,2}" if count == 1 else r"\d{2}"
        case "f":
            return rf"\d{{{count}}}"
        case "F":
            return rf"(?:\.?\d{{1,{count}}})?"
        case "t":
            return "[AP]M?" if count == 1 else "[AP]M"
        case "z":
            return r"Z|[+-]\d{1,2}:?\d{2}" if count > 2 else r"[+-]\d{1,2}"
        case "K":
            return r"(?:Z|[+-]\d{2}:\d{2})?"
        case _:
            return r"A\.D\.|AD|B\.C\.|BC"
