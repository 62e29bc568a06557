"""The filter groups of the Entra provisioning service and of cloud sync.

https://learn.microsoft.com/entra/identity/app-provisioning/define-conditional-rules-for-provisioning-user-accounts and
https://learn.microsoft.com/entra/identity/hybrid/cloud-sync/how-to-attribute-mapping-entra-to-active-directory
NULL and empty meet no clause but IS NULL, NOT REGEX MATCH included. Texts compare case-sensitively. A multi-value meets
a clause when one of its values does, and a clause with NOT when none does the opposite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import TYPE_CHECKING

from muster.expressions.context import Context
from muster.expressions.dotnet.regex import dotnet_pattern
from muster.expressions.errors import EvaluationFault, ExpressionError
from muster.expressions.functions.certificates import is_cert, load
from muster.expressions.functions.flow import is_empty
from muster.expressions.functions.multivalue import values_of
from muster.expressions.scoping.clauses import Clause, Operator, compile_groups
from muster.expressions.scoping.scope import Scope
from muster.expressions.values import to_number, to_text

if TYPE_CHECKING:
    from cryptography import x509

Test = Callable[[object], bool]


def entra_scope(rule: object) -> Scope:
    """The scope of filter groups. ExpressionError when they are none."""
    return compile_groups(rule, OPERATORS)


def _any(prepare: Callable[[object], Test]) -> Operator:
    def operator(wanted: object) -> Clause:
        test = prepare(wanted)
        return lambda value, _: not is_empty(value) and any(test(item) for item in values_of(value))

    return operator


def _none(prepare: Callable[[object], Test]) -> Operator:
    def operator(wanted: object) -> Clause:
        test = prepare(wanted)
        return lambda value, _: not is_empty(value) and not any(test(item) for item in values_of(value))

    return operator


def _equals(wanted: object) -> Test:
    text = to_text(wanted)
    return lambda value: _text(value) == text


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if isinstance(value, bytes) else to_text(value)


def _ends_with(wanted: object) -> Test:
    text = to_text(wanted)
    return lambda value: _text(value).endswith(text)


def _starts_with(wanted: object) -> Test:
    text = to_text(wanted)
    return lambda value: _text(value).startswith(text)


def _includes(wanted: object) -> Test:
    text = to_text(wanted)
    return lambda value: text in _text(value)


def _exists_in(wanted: object) -> Test:
    """`&`: the attribute's value stands in the clause's value; an integer shares a bit with an integer."""
    text, bits = to_text(wanted), to_number(wanted)

    def test(value: object) -> bool:
        if isinstance(value, int) and not isinstance(value, bool) and isinstance(bits, int):
            return value & bits != 0
        return _text(value) in text

    return test


def _regex(wanted: object) -> Test:
    try:
        pattern = dotnet_pattern(to_text(wanted))
    except EvaluationFault as fault:
        raise ExpressionError(str(fault)) from None
    return lambda value: pattern.search(_text(value)) is not None


def _greater(*, equal: bool) -> Callable[[object], Test]:
    def prepare(wanted: object) -> Test:
        limit = to_number(wanted)
        if not isinstance(limit, int):
            raise ExpressionError(f"GREATER_THAN needs a whole number, not {to_text(wanted)[:60]}")
        least = limit if equal else limit + 1

        def test(value: object) -> bool:
            number = to_number(value)
            return number is not None and number >= least

        return test

    return prepare


def _boolean(word: str) -> Callable[[object], Test]:
    return lambda _: lambda value: _text(value).lower() == word


def _member_of(wanted: object) -> Test:
    groups = {to_text(each).lower() for each in values_of(wanted)}
    return lambda value: _text(value).lower() in groups


def _is_null(_: object) -> Clause:
    return lambda value, _: is_empty(value)


def _is_present(_: object) -> Clause:
    return lambda value, _: not is_empty(value)


def _valid_certificate(wanted: object) -> Clause:
    """VALID CERT MATCH, documented by its name alone: a certificate, valid now, whose subject has the value."""
    text = to_text(wanted)

    def holds(value: object, context: Context) -> bool:
        return any(is_cert(item) and _valid(load(item), context, text) for item in values_of(value))

    return holds


def _valid(certificate: x509.Certificate, context: Context, text: str) -> bool:
    now = context.now.astimezone(UTC)
    in_time = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    return in_time and text in certificate.subject.rfc4514_string()


OPERATORS: Mapping[str, Operator] = {
    "&": _any(_exists_in),
    "!&": _none(_exists_in),
    "&L": _any(_exists_in),
    "!&L": _none(_exists_in),
    "ENDSWITH": _any(_ends_with),
    "STARTSWITH": _any(_starts_with),
    "EQUALS": _any(_equals),
    "EQUAL": _any(_equals),
    "NOTEQUALS": _none(_equals),
    "NOTEQUAL": _none(_equals),
    "GREATERTHAN": _any(_greater(equal=False)),
    "GREATERTHANOREQUALS": _any(_greater(equal=True)),
    "GREATERTHANOREQUAL": _any(_greater(equal=True)),
    "INCLUDES": _any(_includes),
    "ISTRUE": _any(_boolean("true")),
    "ISFALSE": _any(_boolean("false")),
    "ISNULL": _is_null,
    "ISNOTNULL": _is_present,
    "ISN'TNULL": _is_present,
    "PRESENT": _is_present,
    "ISPRESENT": _is_present,
    "REGEXMATCH": _any(_regex),
    "NOTREGEXMATCH": _none(_regex),
    "ISMEMBEROF": _any(_member_of),
    "VALIDCERTMATCH": _valid_certificate,
}
