#!/usr/bin/env python3
"""A system for Muster's connector `script`: people in one JSON file. Standard library alone; copy it and begin.

Environment: PEOPLE_FILE (where the people are), PEOPLE_TOKEN (a secret that must be right, if PEOPLE_NEEDS says so).
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

Line = dict[str, Any]

FILE = Path(os.environ.get("PEOPLE_FILE", "people.json"))
NAMES = ("login", "name", "title", "roles", "boss")


def main() -> None:
    """Do what the first line asks for."""
    request = json.loads(sys.stdin.readline())
    if os.environ.get("PEOPLE_TOKEN") != os.environ.get("PEOPLE_NEEDS"):
        say(error="the token is wrong", kind="auth")
        sys.exit()
    {"check": check, "schema": schema, "read": read, "find": find, "write": write, "password": password}[request["do"]](
        request
    )


def say(**message: object) -> None:
    """One line of the protocol."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def check(_request: Line) -> None:
    """Whether it can be used."""
    state = load()
    say(ok=True, message=f"{len(state['people'])} people in {FILE.name}", missing=[])


def schema(_request: Line) -> None:
    """What there is."""
    attributes = {
        "login": {"type": "text", "required": True, "writable": "create"},
        "name": "text",
        "title": "text",
        "roles": ["text"],
        "boss": "reference",
        "age": "integer",
        "friends": {"type": ["reference"], "large": True},
    }
    say(object="person", anchor="login", enabled=True, attributes=attributes)
    say(end=True, can=["write", "find", "password", "changes"])


def read(request: Line) -> None:
    """Everybody, or who changed after the number that the last read gave."""
    state = load()
    since = request["since"]
    for login, person in state["people"].items():
        if since is None or person["changed"] > int(since):
            show(login, person, request["objects"]["person"])
    for login, changed in state["gone"].items():
        if since is not None and changed > int(since):
            say(object="person", anchor=login, deleted=True)
    say(end=True, complete=["person"] if since is None else [], watermark=str(state["number"]))


def show(login: str, person: Line, wanted: list[str]) -> None:
    """One person; the friends apart, for they may be many."""
    values = {name: person[name] for name in wanted if name in person and name != "friends"}
    say(object="person", anchor=login, values=values)
    if "friends" in wanted:
        friends = person.get("friends", [])
        for at in range(0, len(friends) or 1, 1000):
            part = friends[at : at + 1000]
            say(object="person", anchor=login, attribute="friends", values=part, more=at + 1000 < len(friends))


def find(request: Line) -> None:
    """Who has one of the values."""
    for login, person in load()["people"].items():
        has = person.get(request["attribute"])
        if any(one in request["values"] for one in (has if isinstance(has, list) else [has])):
            show(login, person, [*NAMES, "enabled", "age"])
    say(end=True)


def write(_request: Line) -> None:
    """Each change that comes, until the line with `end`; a change with `edges` has its edges after it."""
    state = load()
    for text in sys.stdin:
        change = json.loads(text)
        if change.get("end"):
            break
        edges = []
        while change.get("edges"):
            line = json.loads(sys.stdin.readline())
            if line.get("end"):
                break
            edges.append(line)
        say(key=change["key"], **one(state, change, edges))
        save(state)


def one(state: Line, change: Line, edges: list[Line]) -> Line:
    """What became of one change."""
    people, login, values = state["people"], change["anchor"], change.get("values", {})
    state["number"] += 1
    if change["do"] == "create":
        if login in people:
            return {"result": "exists", "anchor": login}
        people[login] = {"enabled": True}
    elif login not in people:
        return {"result": "gone"}
    person = people[login]
    for name, value in change.get("expected", {}).items():
        if person.get(name) != value:
            return {"result": "conflict", "reason": f"{name} is {person.get(name)!r}"}
    if change["do"] == "delete":
        del people[login]
        state["gone"][login] = state["number"]
        return {"result": "done"}
    if not isinstance(values.get("age", 0), int):
        if change["do"] == "create":
            del people[login]
        return {"result": "rejected", "reason": "age must be a number"}
    person.update(values)
    for part in [*edges, *({"attribute": name, "add": some} for name, some in change.get("add", {}).items())]:
        have = person.setdefault(part["attribute"], [])
        known = set(have)
        have += [value for value in part["add"] if value not in known]
    for part in [*edges, *({"attribute": name, "remove": some} for name, some in change.get("remove", {}).items())]:
        gone = set(part["remove"])
        person[part["attribute"]] = [value for value in person.get(part["attribute"], []) if value not in gone]
    for name in [name for name, value in person.items() if value is None]:
        del person[name]
    person["changed"] = state["number"]
    return {"result": "done", "anchor": login}


def password(request: Line) -> None:
    """A password, which a real system would hand on."""
    say(result="done" if request["anchor"] in load()["people"] else "gone")


def load() -> Line:
    """What the file holds."""
    if not FILE.exists():
        return {"people": {}, "gone": {}, "number": 0}
    found: Line = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def save(state: Line) -> None:
    """Write it beside the file, then in its place: a file half written is never there."""
    beside = FILE.with_suffix(".new")
    beside.write_text(json.dumps(state), encoding="utf-8")
    beside.replace(FILE)


if __name__ == "__main__":
    main()
