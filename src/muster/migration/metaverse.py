"""metaverse.yaml with names added; what stands in it, comments too, stays as it is."""

from __future__ import annotations

from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import SingleQuotedScalarString

_EDITOR: Final = "# yaml-language-server: $schema=.muster/schemas/metaverse.json\n"


def with_names(
    text: str | None, attributes: dict[str, dict[str, Any]], computed: dict[str, dict[str, Any]]
) -> str | None:
    """The file's new text; None when it has every name already. A name that stands there is never changed.

    `attributes` are types (`text`, or `["text"]` for many values) by name, `computed` expressions by name, each by
    identity type.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    root = yaml.load(text) if text else None
    if not isinstance(root, CommentedMap):
        root = CommentedMap()
    changed = False
    for section, wanted in (("attributes", attributes), ("computed", computed)):
        for identity, names in wanted.items():
            for name, value in names.items():
                changed |= _add(root, identity, section, name, value)
    if not changed:
        return None
    out = StringIO()
    yaml.dump(root, out)
    return out.getvalue() if text else _EDITOR + out.getvalue()


def _add(root: CommentedMap, identity: str, section: str, name: str, value: Any) -> bool:
    kind = root.get(identity)
    if not isinstance(kind, CommentedMap):
        kind = root[identity] = CommentedMap()
    if any(name in (kind.get(each) or {}) for each in ("attributes", "computed")):
        return False
    if not isinstance(kind.get(section), CommentedMap):
        made = CommentedMap()
        if section == "attributes":
            kind.insert(0, section, made)
        else:
            kind[section] = made
    if isinstance(value, list):
        items = CommentedSeq(value)
        items.fa.set_flow_style()
        kind[section][name] = items
    else:
        kind[section][name] = SingleQuotedScalarString(value) if section == "computed" else value
    return True
