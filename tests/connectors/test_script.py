"""The script connector on the examples in three languages, and on scripts that misbehave."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from muster.connectors.kit.check import Check
from muster.connectors.kit.conformance import CHECKS
from muster.connectors.kit.contract import Connector
from muster.connectors.kit.guard import Guard
from muster.connectors.kit.subject import Subject
from muster.connectors.script import ScriptConnector
from muster.connectors.script.settings import ScriptObject, ScriptSettings
from muster.model.changes import Action, Change, Result
from muster.model.errors import AuthFailed, IncompleteRead, ProjectError, Throttled, Unreachable
from muster.model.schema import ObjectSchema
from muster.model.secrets import Secret
from muster.model.values import Document
from tests.connectors.sessions import keep, one, update, written
from tests.waiting import wait_for

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "script"
TOKEN = Secret("the-t0ken-of-the-script")


def made(folder: Path, *command: str, kind: str = "person", **more: Any) -> ScriptConnector:
    environment = more.pop("environment", {})
    settings = ScriptSettings(command=list(command), environment=environment, **{"timeout": 30, **more})
    return ScriptConnector("people", settings, {kind: ScriptObject()}, folder)


class PeopleSubject(Subject):
    connector: ClassVar[type[Connector]] = ScriptConnector
    object_type = "person"
    text = "name"
    clearable = "title"
    many = "roles"
    large = "friends"
    deltas = True
    known: ClassVar[list[ObjectSchema]] = []

    def __init__(self, folder: Path) -> None:
        self.file = folder / "people.json"
        self.folder = folder

    def open(self, token: Secret = TOKEN) -> Connector:
        environment = {"PEOPLE_FILE": str(self.file), "PEOPLE_TOKEN": token, "PEOPLE_NEEDS": TOKEN.reveal()}
        return made(self.folder, sys.executable, "-IS", str(EXAMPLES / "people.py"), environment=environment)

    def schema(self) -> ObjectSchema:
        """Asked once: a run of the script for each sample of each check would take long."""
        if not self.known:
            self.known.append(super().schema())
        return self.known[0]

    def reset(self) -> None:
        self.file.unlink(missing_ok=True)

    def sample(self, n: int) -> Document:
        return {"login": f"user{n}", "name": f"User {n}", "title": "Engineer", "roles": [f"r{n}"]}

    def refused(self, _n: int) -> Document | None:
        return {**self.sample(_n), "age": "old"}

    def wrong_secret(self) -> tuple[Connector, Secret] | None:
        wrong = Secret("wrong-sesame-43")
        return self.open(wrong), wrong

    def unreachable(self) -> Connector | None:
        return script(self.folder, """echo '{"error":"the mainframe is down for the night","kind":"unreachable"}'""")

    def expired(self) -> str | None:
        return ""

    # behind the connector's back: a run of the script for each step of each check would take long

    def add(self, n: int) -> str:
        state = self._state()
        state["number"] += 1
        state["people"][f"user{n}"] = {**self.sample(n), "enabled": True, "changed": state["number"]}
        self.file.write_text(json.dumps(state))
        return f"user{n}"

    def change(self, anchor: str, values: Document) -> None:
        state = self._state()
        state["number"] += 1
        state["people"][anchor].update({**values, "changed": state["number"]})
        self.file.write_text(json.dumps(state))

    def remove(self, anchor: str) -> None:
        state = self._state()
        state["number"] += 1
        del state["people"][anchor]
        state["gone"][anchor] = state["number"]
        self.file.write_text(json.dumps(state))

    def _state(self) -> Any:
        return json.loads(self.file.read_text()) if self.file.exists() else {"people": {}, "gone": {}, "number": 0}


def script(folder: Path, text: str, **more: Any) -> ScriptConnector:
    """A shell script that says these lines, whatever it is asked."""
    path = folder / "script.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return made(folder, "./script.sh", **more)


SCHEMA = """read -r request
case $request in '{"do":"schema"'*)
echo '{"object":"person","anchor":"login","attributes":{"login":"text","age":"integer"}}'
echo '{"end":true,"can":["write","password"]}'; exit;; esac
"""


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_the_example_in_python_keeps_the_promise(check: Check, tmp_path: Path) -> None:
    keep(check, PeopleSubject(tmp_path), LACKS)


LACKS = {
    "its objects have no other name",
    "its read cannot be broken on purpose",
    "it reads no reference of one object alone",
}
"""Why some checks of the kit do not apply here. Any other reason is a check that got lost."""


def test_the_example_in_sh_reads_whatever_stands_there(tmp_path: Path) -> None:
    file = tmp_path / "accounts"
    file.write_text('ann:x:1:1:Ann "A\\" O\'Neil $(id):/:/bin/sh\n# a remark\nbob:x:2:2:Bob\tB:/:/bin/sh\n')
    connector = made(tmp_path, str(EXAMPLES / "accounts.sh"), kind="account", environment={"ACCOUNTS_FILE": str(file)})
    with connector:
        assert connector.check().ok
        pages = list(connector.read({"account": ["login", "uid", "name"]}, None))
        found = {item.anchor: item.values for page in pages for item in page.objects}
        assert [item.anchor for item in connector.find("account", {"uid": 2})] == ["bob"]
    assert found == {
        "ann": {"login": "ann", "uid": 1, "name": 'Ann "A\\" O\'Neil $(id)'},
        "bob": {"login": "bob", "uid": 2, "name": "Bob\tB"},
    }
    assert pages[-1].complete_for == {("account", "")}
    refused = one(connector, update("ann", {"name": "x"}, kind="account"))
    assert (refused.result, refused.reason) == (Result.REJECTED, "the script does not write.")


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="pwsh is not installed: the PowerShell example was not run")
def test_the_example_in_powershell_writes_and_reads(tmp_path: Path) -> None:
    command = ["pwsh", "-NoProfile", "-NonInteractive", "-File", str(EXAMPLES / "people.ps1")]
    connector = made(tmp_path, *command, environment={"PEOPLE_CSV": str(tmp_path / "people.csv")})
    values: Document = {"login": "ann", "name": "Ann; $(Get-Date) O'Neil", "title": "Engineer"}
    create = Change(1, "person", Action.CREATE, "ann", values)
    assert one(connector, create).result is Result.DONE
    assert one(connector, create).result is Result.EXISTS
    with connector:
        assert connector.check().ok
        pages = list(connector.read({"person": ["login", "name", "title"]}, None))
        assert [item.values for page in pages for item in page.objects] == [values]
    assert one(connector, Change(1, "person", Action.DELETE, "ann")).result is Result.DONE
    assert one(connector, Change(1, "person", Action.DELETE, "ann")).result is Result.GONE


# --- what a script may have


def test_it_sees_only_the_environment_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_SECRET_HR", "s3cret-of-another-system")
    text = f"{SCHEMA}env > seen; pwd >> seen; echo '{{\"ok\":true}}'"
    with script(tmp_path, text, environment={"TOKEN": TOKEN, "PLAIN": '$(id); `id` "x'}) as connector:
        connector.check()
    seen = (tmp_path / "seen").read_text()
    assert f"TOKEN={TOKEN.reveal()}\n" in seen
    assert 'PLAIN=$(id); `id` "x\n' in seen
    assert "s3cret-of-another-system" not in seen
    assert f"{tmp_path}\n" in seen
    allowed = {"TOKEN", "PLAIN", "PATH", "HOME", "LANG", "TZ", "PWD", "OLDPWD", "SHLVL", "_"}
    assert {line.partition("=")[0] for line in seen.splitlines()[:-1]} <= allowed


def test_values_go_over_its_input_and_never_to_its_command_line(tmp_path: Path) -> None:
    text = f'{SCHEMA}cat > given; tr "\\0" " " < /proc/$$/cmdline > line; echo \'{{"key":1,"result":"done"}}\''
    nasty = '$(touch hacked); `touch hacked`"; touch hacked; \n{"key":2}'
    connector = script(tmp_path, text)
    change = Change(1, "person", Action.CREATE, nasty, {"login": nasty}, password=Secret("Passw0rd!"))
    assert one(connector, change).result is Result.DONE
    given = [json.loads(line) for line in (tmp_path / "given").read_text().splitlines()]
    assert given == [
        {
            "key": 1,
            "do": "create",
            "object": "person",
            "anchor": nasty,
            "values": {"login": nasty},
            "password": "Passw0rd!",
        },
        {"end": True},
    ]
    assert (tmp_path / "line").read_text().split() == ["/bin/sh", str(tmp_path / "script.sh")]
    assert not (tmp_path / "hacked").exists()


# --- scripts that misbehave


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("echo 'Hello, world'", IncompleteRead, "wrote 'Hello, world' as line 1, which is no JSON object"),
        ("echo '[1]'", IncompleteRead, r"wrote '\[1\]' as line 1"),
        ("echo oops >&2; exit 3", Unreachable, r"ended with exit code 3\. It said: oops Run it by hand"),
        ("kill -9 $$", Unreachable, "was killed by signal 9"),
        ("true", IncompleteRead, "ended a read without a line with `end`"),
        ('yes \'{"object":"person","anchor":"a"}\'', IncompleteRead, r"wrote more than 5000 bytes \(`largest`\)"),
        ("yes >&2", IncompleteRead, r"wrote more than 5000 bytes \(`largest`\)"),
        ("head -c 3000 /dev/zero", IncompleteRead, r"a line of more than 2000 bytes \(`line`\)"),
        ("exec sleep 60", Unreachable, r"was silent for 1 seconds \(`timeout`\), and was ended"),
        ("""echo '{"error":"come back later","kind":"throttled","after":7}'""", Throttled, "people: come back later"),
        ("""echo '{"error":"who are you","kind":"auth"}'""", AuthFailed, "people: who are you"),
        ("""echo '{"error":"half a file"}'""", IncompleteRead, "people: half a file"),
        ("""echo '{"object":"dog","anchor":"a"}'""", IncompleteRead, "expected an object of person, then `end`"),
    ],
)
def test_a_script_that_misbehaves_is_told(tmp_path: Path, text: str, error: type[Exception], said: str) -> None:
    with script(tmp_path, SCHEMA + text, timeout=1, largest=5000, line=2000) as connector:
        connector.schema()
        with pytest.raises(error, match=said):
            list(connector.read({"person": ["login"]}, None))


def test_nothing_of_a_script_that_hangs_is_left(tmp_path: Path) -> None:
    text = f"{SCHEMA}sleep 300 & echo $! > child; wait"
    with script(tmp_path, text, timeout=1) as connector, pytest.raises(Unreachable):
        connector.check()
    child = int((tmp_path / "child").read_text())
    wait_for(lambda: _gone(child))


def _gone(process: int) -> bool:
    """Whether it has ended; a zombie has, and waits for whoever is to hear of it."""
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state.rpartition(")")[2].split()[0] == "Z"


def test_a_script_that_dies_in_the_middle_of_a_write_leaves_nobody_without_a_state(tmp_path: Path) -> None:
    text = f"""{SCHEMA}read -r first; echo '{{"key":1,"result":"done"}}'; read -r second; exit 1"""
    changes = [Change(n, "person", Action.CREATE, f"u{n}", {"login": f"u{n}"}) for n in (1, 2, 3)]
    with Guard(script(tmp_path, text), system="people", sleep=lambda _: None) as guard:
        outcomes = {found.key: found for found in guard.write(iter(changes))}
    assert [str(outcomes[n].result) for n in (1, 2, 3)] == ["done", "retry", "retry"]
    assert "ended with exit code 1" in outcomes[2].reason


def test_an_answer_that_nobody_waits_for_is_told(tmp_path: Path) -> None:
    text = f"""{SCHEMA}cat > /dev/null; echo '{{"key":9,"result":"done"}}'"""
    with pytest.raises(IncompleteRead, match="the `key` of a change that waits for its outcome"):
        one(script(tmp_path, text), update("a", {"age": 1}, kind="person"))


def test_a_script_that_reads_nothing_does_not_hold_a_write_for_ever(tmp_path: Path) -> None:
    text = f"{SCHEMA}exec sleep 60"
    changes = [update("a", {"login": "x" * 20_000}, kind="person", key=n) for n in range(20)]
    with pytest.raises(Unreachable, match="was silent for 1 seconds"):
        written(script(tmp_path, text, timeout=1), *changes)


def test_what_a_script_says_of_a_secret_is_not_shown(tmp_path: Path) -> None:
    connector = script(tmp_path, f"{SCHEMA}echo $TOKEN >&2; exit 1", environment={"TOKEN": TOKEN})
    guard = Guard(connector, system="people", secrets=[TOKEN], sleep=lambda _: None)
    with guard, pytest.raises(Unreachable) as raised:
        guard.check()
    assert "It said: ***" in raised.value.message


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("./nothing.sh", "there is no program"),
        ("no-such-program-anywhere", "there is no program 'no-such-program-anywhere' in the PATH"),
        ("./plain.txt", "cannot be started: Permission denied. Make it executable"),
    ],
)
def test_a_program_that_cannot_be_started_is_told(tmp_path: Path, command: str, said: str) -> None:
    (tmp_path / "plain.txt").write_text("no program")
    os.chmod(tmp_path / "plain.txt", 0o644)
    with made(tmp_path, command) as connector, pytest.raises(ProjectError, match=said):
        connector.check()


def test_a_type_that_the_script_does_not_know_is_told_with_the_nearest(tmp_path: Path) -> None:
    with script(tmp_path, SCHEMA, kind="persn") as connector, pytest.raises(ProjectError, match="mean 'person'"):
        connector.schema()
