"""The place of each character of a text, whichever way YAML writes the text."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    FoldedScalarString,
    LiteralScalarString,
    SingleQuotedScalarString,
)

from muster.project.yamltext import offset_of, position
from muster.project.yamltree import Map, Scalar, parse


def scalar(source: str) -> Scalar:
    root = parse(source)
    assert isinstance(root, Map)
    found = next(iter(root.values.values()))
    while isinstance(found, Map):
        found = next(iter(found.values.values()))
    assert isinstance(found, Scalar)
    return found


@pytest.mark.parametrize(
    "source",
    [
        "key: left @ right\n",
        "key: 'left @ right'\n",
        "key: 'it''s left @ right'\n",
        'key: "left \\"quoted\\" \\u00e9 @ right"\n',
        'key: "left \\\n   joined @ right"\n',
        "key: 'left\n  folded\n\n  twice @ right'\n",
        "key: left\n  plain folded @ right\n",
        "key: |\n  left\n  @ right\n",
        "key: |\n\n  left\n\n    deeper\n  @ right\n",
        "key: |2-  # a comment\n    left\n  @ right\n",
        "key: >\n  left\n  folded\n\n  twice @ right\n",
        "key: >-\n  left\n    deeper\n  back @ right\n",
        "outer:\n  key: |\n    left\n    @ right\n",
        "key: &anchor 'left @ right'\n",
        "key: {inner: 'left @ right'}\n",
        "\ufeffkey: 'left @ right'\n",
        "key: 'left\r\n  folded @ right'\r\n",
    ],
)
def test_the_sign_is_found_where_it_stands(source: str) -> None:
    found = scalar(source)
    offset = str(found.value).index("@")
    lines = source.removeprefix("\ufeff").split("\n")
    line = next(number for number, text in enumerate(lines, start=1) if "@" in text)
    assert position(source, found, offset) == (line, lines[line - 1].index("@") + 1)


_WORDS = st.lists(
    st.text("abc'\"\\[](),& ", min_size=1, max_size=12).map(str.strip).filter(bool), min_size=1, max_size=30
)


@given(
    _WORDS,
    st.sampled_from([SingleQuotedScalarString, DoubleQuotedScalarString, FoldedScalarString, LiteralScalarString]),
    st.data(),
)
def test_every_style_leads_back_to_the_same_character(words: list[str], style: type[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(words)))
    joint = "\n" if style is LiteralScalarString else " "
    text = joint.join([*words[:at], "@", *words[at:]])
    stream = io.StringIO()
    writer = YAML()
    writer.width = 40
    writer.dump({"outer": {"key": style(text)}}, stream)
    source = stream.getvalue()
    found = scalar(source)
    offset = str(found.value).index("@")
    line, column = position(source, found, offset)
    assert source.split("\n")[line - 1][column - 1] == "@"


@given(st.text("ab\n", max_size=30), st.data())
def test_a_line_and_column_name_one_offset(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    assert offset_of(text, line, column) == offset
