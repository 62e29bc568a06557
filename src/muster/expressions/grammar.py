"""The grammar of the expression language, one a dialect, for lark's LALR parser.

`entra`: functions, and infix operators of the usual priorities.
https://learn.microsoft.com/entra/identity/app-provisioning/functions-for-customizing-application-data#syntax-overview
`connect`: all operators have one priority and go from left to right.
https://learn.microsoft.com/entra/identity/hybrid/connect/concept-azure-ad-connect-sync-declarative-provisioning-expressions
`mim`: functions, bare attribute names, and `+` joins texts.
https://learn.microsoft.com/microsoft-identity-manager/reference/mim2016-functions-reference
"""

from functools import lru_cache

from lark import Lark

_COMMON = r"""
?primary: call
        | ATTRIBUTE  -> attribute
        | STRING     -> text
        | NUMBER     -> number
        | HEX        -> hexadecimal
        | PARAMETER  -> parameter
        | VARIABLE   -> variable
        | NAME       -> name
        | "-" primary -> negative
        | "(" expression ")" -> group
call: NAME "(" slot ("," slot)* ")"
slot: expression |

ATTRIBUTE: /\[(?:[^\[\]]|\[[^\[\]]*\])+\]/
NUMBER: /\d+(\.\d+)?/
HEX.3: /&[Hh][0-9A-Fa-f]+(?![0-9A-Za-z_(])/
PARAMETER: /%[^%\s]+%/
VARIABLE: /\$[A-Za-z_]\w*/
%ignore /[\s\u00a0]+/
"""

_BACKSLASHES = r"""
STRING: /"(?:[^"\\]|\\.)*"/s
"""
_DOUBLED_QUOTES = r"""
STRING: /"(?:[^"]|"")*"/
"""

_ENTRA = r"""
start: expression
?expression: disjunction
?disjunction: conjunction (OR conjunction)*
?conjunction: negation (AND negation)*
?negation: NOT negation -> negation
         | comparison
?comparison: joined (COMPARE joined)*
?joined: sum (AMPERSAND sum)*
?sum: product ((PLUS | MINUS) product)*
?product: primary (TIMES primary)*
OR.2: /(?:or\b|\|\|)/i
AND.2: /(?:and\b|&&)/i
NOT.2: /not\b(?!\s*\()/i
COMPARE: "<=" | ">=" | "<>" | "!=" | "==" | "=" | "<" | ">"
AMPERSAND: "&"
PLUS: "+"
MINUS: "-"
TIMES: "*"
NAME: /[A-Za-z_][\w.]*/
"""

_CONNECT = r"""
start: expression
?expression: primary (OPERATOR primary)*
OPERATOR.2: "<=" | ">=" | "<>" | "&&" | "||" | "=" | "<" | ">" | "&" | "+" | "-" | "*"
NAME: /[A-Za-z_][\w.]*/
"""

_MIM = r"""
start: expression
?expression: primary (PLUS primary)*
PLUS: "+"
NAME: /[A-Za-z_][\w.-]*/
"""

GRAMMARS = {
    "entra": _ENTRA + _BACKSLASHES + _COMMON,
    "connect": _CONNECT + _DOUBLED_QUOTES + _COMMON,
    "mim": _MIM + _DOUBLED_QUOTES + _COMMON,
}


@lru_cache(maxsize=len(GRAMMARS))
def parser_of(dialect: str) -> Lark:
    """The parser of a dialect, built on first use."""
    return Lark(GRAMMARS[dialect], parser="lalr", propagate_positions=True, maybe_placeholders=False)
