"""The changes of a plan: by system, what takes away first, a screenful each."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from muster.cli.render.words import because, count, place, safe, short, value

SIGNS: Final = {"delete": "x", "disable": "-", "update": "~", "create": "+"}
"""What a change does → its sign, in the order in which they are shown."""

MOST: Final = 20
"""Changes of one system that are shown unless all are asked for."""

_FEW: Final = 4
"""Attributes of a create that are shown on its line."""

Entry = Mapping[str, Any]


def render_changes(changes: Sequence[Entry], out: Console, *, everything: bool) -> None:
    """All of them with `everything`, else the first of each system and how many there are besides."""
    systems: dict[str, list[Entry]] = {}
    for change in changes:
        systems.setdefault(str(change.get("system", "")), []).append(change)
    for name in sorted(systems):
        found = sorted(systems[name], key=_rank)
        out.print(Text.assemble((safe(name), "title"), (f"  {count(len(found), 'change')}", "aside")))
        shown = found if everything else found[:MOST]
        for change in shown:
            render_change(change, out, everything=everything)
        rest = Counter(str(change.get("action")) for change in found[len(shown) :])
        if rest:
            kinds = ", ".join(f"{number:,} {action}" for action, number in rest.items())
            out.print(Text(f"  … and {rest.total():,} more ({kinds}); --all or --json shows them", "aside"))
        out.print()


def _rank(change: Entry) -> int:
    action = str(change.get("action"))
    return list(SIGNS).index(action) if action in SIGNS else len(SIGNS)


def render_change(change: Entry, out: Console, *, everything: bool) -> None:
    """One change; a create on one line, unless it restores something or everything is asked for."""
    action = str(change.get("action", ""))
    attributes: Mapping[str, Any] = change.get("attributes") or {}
    restored = change.get("restores") is not None
    line = Text.assemble(
        (f"  {SIGNS.get(action, '?')} {'restore' if restored else action:<8}", action if action in SIGNS else ""),
        name_of(change),
    )
    inline = action == "create" and not restored and not everything
    if inline:
        line.append(f"  {_first(attributes, _FEW, change.get('anchor'))}")
    outcome = change.get("outcome")
    if outcome not in (None, "done"):
        line.append(f"  {outcome_text(change)}", "wrong")
    reason: Mapping[str, Any] = change.get("reason") or {}
    if because(reason):
        line.append(f"  {because(reason)}", "aside")
    if inline:
        # A terminal cuts the line at its edge; a pipe gets all of it.
        out.print(line, soft_wrap=not out.is_terminal, no_wrap=True, overflow="ellipsis", crop=out.is_terminal)
        return
    out.print(line)
    width = min(max((len(safe(name)) for name in attributes), default=0), 28)
    for name, difference in attributes.items():
        out.print(_attribute(safe(name), width, difference, created=action == "create" and not restored))


def name_of(change: Entry) -> str:
    """Type and anchor of what is changed; and whose it is, where the anchor does not tell a reader."""
    kind, anchor, name = (change.get(key) for key in ("object_type", "anchor", "name"))
    words = [str(one) for one in (kind, anchor) if one]
    if name and not _tells(str(anchor or ""), str(name)):
        words.append(f"of {name}")
    elif not anchor:
        words.append("(new)")
    return safe(" ".join(words))


def _tells(anchor: str, name: str) -> bool:
    """Whether part of the name stands in the anchor, as in a login made of it."""
    return any(len(word) > 1 and word in _plain(anchor) for word in _plain(name).split())


def _plain(text: str) -> str:
    return "".join(
        letter for letter in unicodedata.normalize("NFD", text.casefold()) if letter.isalnum() or letter == " "
    )


def outcome_text(change: Entry) -> str:
    """What the system answered, with the reason it gave."""
    outcome = change.get("outcome")
    if isinstance(outcome, Mapping):
        result, why = outcome.get("result", ""), outcome.get("reason", "")
    else:
        result, why = outcome, change.get("message", "")
    return f"{safe(result)}: {safe(why)}" if why else safe(result)


def _first(attributes: Mapping[str, Any], most: int, anchor: object) -> str:
    """The first values, without the anchor that stands before them already."""
    given = [(name, new_value(difference)) for name, difference in attributes.items()]
    given = [(name, found) for name, found in given if found is not None and found != anchor]
    shown = ", ".join(f"{safe(name)} {short(value(found, name), 32)}" for name, found in given[:most])
    return shown + (f", {len(given) - most} more" if len(given) > most else "")


def new_value(difference: object) -> object:
    """The value that an attribute gets."""
    if isinstance(difference, Mapping):
        return difference.get("to", difference.get("add"))
    return difference


def _attribute(name: str, width: int, difference: object, *, created: bool) -> Text:
    line = Text(f"      {name:<{width}}  ")
    if not isinstance(difference, Mapping):
        return line.append(value(difference, name))
    if "add" in difference or "remove" in difference:
        added, removed = difference.get("add") or [], difference.get("remove") or []
        parts = [("+ " + value(list(added)), "create")] if added else []
        parts += [("- " + value(list(removed)), "delete")] if removed else []
        for number, (text, style) in enumerate(parts):
            line.append("  " if number else "").append(text, style)
    elif created:
        line.append(value(difference.get("to"), name))
    else:
        line.append(value(difference.get("from"), name), "aside").append(" → ")
        line.append(value(difference.get("to"), name))
    if difference.get("drift"):
        line.append("  drift: changed by another hand", "drift")
    where = place(difference)
    return line.append(f"  {where}", "aside") if where else line
