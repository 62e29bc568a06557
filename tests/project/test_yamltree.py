"""YAML 1.2 core with positions: what values mean, what is refused, and where it stands."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from muster.project.yamltree import Map, Scalar, YamlError, parse, plain, resolve_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2026-01-31", "2026-01-31"),
        ("1_000", "1_000"),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("-3", -3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("true", True),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("False", False),
        ("null", None),
        ("~", None),
        ("''", ""),
        ("'5'", "5"),
        ('"true"', "true"),
        ("1.2.3", "1.2.3"),
        ("=", "="),
    ],
)
def test_core_schema(text: str, value: object) -> None:
    root = parse(f"key: {text}\n")
    assert root is not None
    found = plain(root)["key"]
    assert found == value
    assert type(found) is type(value)


def test_places_count_from_one_and_the_byte_order_mark_takes_no_column() -> None:
    root = parse("\ufefffirst: 1\nsecond:\n  - a\n  -   b\n")
    assert isinstance(root, Map)
    assert (root.keys["first"].line, root.keys["first"].column) == (1, 1)
    assert (root.values["first"].line, root.values["first"].column) == (1, 8)
    assert (root.values["second"].line, root.values["second"].column) == (3, 3)


def test_an_alias_is_what_its_anchor_is() -> None:
    root = parse("a: &x {b: 1}\nc: *x\n")
    assert root is not None
    assert plain(root) == {"a": {"b": 1}, "c": {"b": 1}}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "~\n", "null\n"])
def test_nothing(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "the key `a` stands twice; first in line 1"),
        ("a: {x: 1, x: 2}\n", 1, 11, "the key `x` stands twice; first in line 1"),
        ("---\na: 1\n---\nb: 2\n", 3, 1, "a second document (---) starts here: one file holds one"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", 3, 3, "merge keys (<<) are not read here: write the keys out"),
        ("a:\n\t- b\n", 2, 1, "a tab cannot indent: use spaces"),
        ("a: 'x\nb: c\n", 1, 4, "the quote that opens here is never closed"),
        ('a: "x\n', 1, 4, "the quote that opens here is never closed"),
        ("a: @x\n", 1, 4, "a value that starts with @ must be quoted: '@…'"),
        ("a: %x%\n", 1, 4, "a value that starts with % must be quoted: '%…'"),
        (
            "a: b: c\n",
            1,
            5,
            "a `:` where no key can stand: quote the value if it holds one, or mend the indentation of this line",
        ),
        (
            "a: [b] & [c]\n",
            1,
            8,
            "`&` outside quotes names an anchor in YAML: put the whole expression in single quotes",
        ),
        (
            'a: "x" = [b]\n',
            1,
            8,
            "found text after the closing \": put the whole value in single quotes ('' is one quote inside)",
        ),
        (
            "a:\n  - b\n c: d\n",
            3,
            2,
            "this line is not indented like the lines of the keys that start in line 1, column 1",
        ),
        ("- a\nb: c\n", 2, 1, "this line is not indented like the lines of the list that start in line 1, column 1"),
        (
            "a: [b, c\nd: e\n",
            2,
            2,
            "expected `,` or `]` opened in line 1; an expression that starts with [ must be quoted",
        ),
        ("a: !!str 5\n", 1, 4, "a tag (!…) is not read here: leave it out, and quote what must be text"),
        ("a: *x\n", 1, 4, "the alias *x has no anchor &x before it; a text that starts with * must be quoted"),
        ("a: &x [*x]\n", 1, 8, "the alias *x stands inside its own anchor"),
        ("[a]: b\n", 1, 1, "a key must be a text; an expression with [ or { must be quoted"),
        ('a: "\\q"\n', 1, 6, "\\q means nothing inside double quotes: use single quotes, or \\\\ for a backslash"),
        ("ok: 1\na: \x07\n", 2, 4, "the character U+0007 cannot stand in a YAML file"),
        ("a: " + "[" * 60 + "]" * 60, 1, 53, "nested deeper than 50 levels"),
    ],
)
def test_refused_in_words(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(YamlError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column, caught.value.message) == (line, column, message)


def test_aliases_cannot_blow_a_file_up() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(YamlError, match="more than 200000 values"):
        parse("\n".join(lines))


_SCALARS = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc"]), max_size=20),
    st.integers(-(10**12), 10**12),
    st.booleans(),
    st.none(),
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(string.ascii_letters, min_size=1), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(_TREES)
def test_what_json_means_yaml_means(tree: object) -> None:
    """JSON is YAML 1.2: any tree written as JSON is read back as itself."""
    root = parse(json.dumps({"root": tree}))
    assert root is not None
    assert plain(root) == {"root": tree}


@given(st.text(st.characters(max_codepoint=0x7F), max_size=60))
def test_any_text_is_read_or_refused_with_a_place_inside_it(text: str) -> None:
    found = _refusal(text)
    if found is not None:
        assert 1 <= found.line <= text.count("\n") + text.count("\r") + 1
        assert found.column >= 1


def _refusal(text: str) -> YamlError | None:
    try:
        parse(text)
    except YamlError as error:
        return error
    return None


@given(st.text("0123456789.eE+-xo_ainftrul~", min_size=1, max_size=8))
def test_plain_scalars_mean_what_the_reference_implementation_says(text: str) -> None:
    try:
        reference = YAML(typ="safe", pure=True).load(f"- {text}") if _stands_alone(text) else None
    except ValueError:
        return  # the reference implementation takes `-_` for a number and then cannot read it
    if reference is None or isinstance(reference[0], dict):
        return
    found = resolve_plain(text)
    if isinstance(reference[0], str) or isinstance(found, str):
        return  # where the two disagree on being a text at all, the table above decides
    assert found == reference[0]


def _stands_alone(text: str) -> bool:
    try:
        root = parse(f"- {text}")
    except YamlError:
        return False
    item = root.items[0] if root is not None and not isinstance(root, Map | Scalar) else None
    return isinstance(item, Scalar) and item.value is not None
