"""`muster staging`: two servers over the same systems; what they would do is compared, and one of them writes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from muster.app.switching import stand_down
from muster.store.leases import leased
from muster.store.opening import open_store
from tests.cli.support import Answer, Command

FILES = {
    "muster.yaml": "project: acme\n",
    "systems/hr.yaml": "connector: flatfile\nsettings: {path: ../data/hr.csv}\nobjects: {worker: {anchor: id}}\n",
    "systems/app.yaml": (
        "connector: sql\nsettings: {url: 'sqlite:///../data/app.db'}\n"
        "objects: {account: {table: account, anchor: login, enabled: active}}\n"
    ),
    "mappings/hr.yaml": (
        "system: hr\nobject: worker\nidentity: person\nproject: true\n"
        "inbound: {precedence: 10, flows: {employeeId: '[id]', displayName: '[name]', mail: '[mail]'}}\n"
    ),
    "mappings/app.yaml": (
        "system: app\nobject: account\nidentity: person\njoin: [{mail: '[mail]'}]\n"
        "outbound:\n  provision: true\n"
        "  flows:\n    login: '[employeeId]'\n    name: '[displayName]'\n    mail: '[mail]'\n"
    ),
}


@dataclass(frozen=True)
class Pair:
    """The folders `blue`, which writes, and `green`, which is in staging; both over the systems in `data`."""

    folder: Path
    muster: Command

    def blue(self, *arguments: str) -> Answer:
        return self.muster("-C", str(self.folder / "blue"), *arguments)

    def green(self, *arguments: str) -> Answer:
        return self.muster("-C", str(self.folder / "green"), *arguments)

    def diff(self, *arguments: str) -> Answer:
        """Green compared with blue."""
        return self.green("staging", "diff", "--with", str(self.folder / "blue"), *arguments)

    def promote(self, *arguments: str) -> Answer:
        """Green in the place of blue."""
        return self.green("staging", "promote", "--with", str(self.folder / "blue"), *arguments)

    def people(self, *names: str) -> None:
        """Who works here."""
        lines = [f"{number},{name},{name.lower()}@acme.example\n" for number, name in enumerate(names, 1)]
        (self.folder / "data" / "hr.csv").write_text("id,name,mail\n" + "".join(lines))

    def accounts(self) -> list[tuple[str, str]]:
        """Who has an account, and by what name."""
        with closing(sqlite3.connect(self.folder / "data" / "app.db")) as database:
            return database.execute("SELECT login, name FROM account ORDER BY login").fetchall()

    def shout(self) -> None:
        """Change a mapping of green: names are in capitals."""
        file = self.folder / "green" / "mappings" / "app.yaml"
        file.write_text(file.read_text().replace("'[displayName]'", "'ToUpper([displayName])'"))


@pytest.fixture
def pair(tmp_path: Path, muster: Command, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """Blue has written two accounts, and green has read them."""
    for server in ("blue", "green"):
        for name, text in FILES.items():
            file = tmp_path / server / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text + ("staging: true\n" if (server, name) == ("green", "muster.yaml") else ""))
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data" / "app.db")) as database, database:
        database.execute("CREATE TABLE account (login TEXT PRIMARY KEY, name TEXT, mail TEXT, active INTEGER)")
    monkeypatch.delenv("MUSTER_NOW", raising=False)
    pair = Pair(tmp_path, muster)
    pair.people("Ann", "Bob")
    assert pair.blue("run").code == 0
    assert pair.green("run").code == 0
    return pair


# --- what they would do


def test_two_servers_of_one_mind_have_no_difference(pair: Pair) -> None:
    found = pair.diff("--json")
    assert found.code == 0
    assert (found.document["summary"], found.document["joins"]) == ({}, [])
    assert [found.document[side]["server"]["role"] for side in ("staging", "active")] == ["staging", "active"]
    assert "Neither would change anything." in pair.diff().out


def test_what_both_would_do_is_no_difference(pair: Pair) -> None:
    pair.people("Ann", "Bob", "Cy")
    found = pair.diff("--json")
    assert (found.code, [change["anchor"] for change in found.document["both"]]) == (0, ["3"])
    assert "Both would do the same." in pair.diff().out
    assert len(pair.accounts()) == 2


def test_a_changed_mapping_shows_as_what_only_staging_would_do_and_as_other_values(pair: Pair) -> None:
    pair.shout()
    pair.people("Ann", "Bob", "Cy")
    found = pair.diff("--json")
    assert found.code == 2
    assert found.document["summary"] == {"app": {"both": 0, "differing": 1, "only_staging": 2, "only_active": 0}}
    (cy,) = found.document["differing"]
    assert cy["attributes"] == {
        "name": {"staging": {"from": None, "to": "CY"}, "active": {"from": None, "to": "Cy"}},
    }
    assert cy["staging"]["reason"]["mapping"] == "mappings/app.yaml"
    shown = pair.diff()
    assert shown.code == 2
    for text in ("Only staging would make 2 changes", "Ann → ANN", "name → CY", "name → Cy", "mappings/app.yaml:"):
        assert text in shown.out, text


def test_what_only_the_active_one_would_do_is_told_whichever_server_is_asked(pair: Pair) -> None:
    scope = pair.folder / "green" / "mappings" / "app.yaml"
    scope.write_text(scope.read_text().replace("provision: true", "provision: '[displayName] <> \"Cy\"'"))
    pair.people("Ann", "Bob", "Cy")
    assert [change["anchor"] for change in pair.diff("--json").document["only_active"]] == ["3"]
    asked = pair.blue("staging", "diff", "--with", str(pair.folder / "green"), "--json")
    assert asked.document["active"]["folder"] == str(pair.folder / "blue")
    assert [change["anchor"] for change in asked.document["only_active"]] == ["3"]


def test_comparing_leaves_the_other_server_as_it_was(pair: Pair) -> None:
    pair.people("Ann", "Bob", "Cy")
    before = pair.blue("status", "--json").document
    pair.diff()
    assert pair.blue("status", "--json").document == before


def test_where_they_disagree_who_is_joined_is_told(pair: Pair) -> None:
    pair.blue("joins", "split", "app/account", "2")
    found = pair.diff("--json")
    assert found.code == 3, "whose the account is waits for a person on the active side"
    (bob,) = found.document["joins"]
    assert (bob["kind"], bob["anchor"], bob["staging"]["name"], bob["active"]) == ("only-staging", "2", "Bob", None)
    shown = pair.diff()
    assert "app/account 2: staging joins it to Bob" in shown.out
    assert "clash · in the active one: app/account 2" in shown.err


def test_a_server_out_of_reach_is_compared_by_file(pair: Pair) -> None:
    file = pair.folder / "blue.json"
    written = pair.blue("staging", "export", str(file), "--json")
    assert (written.document["role"], written.document["changes"], file.stat().st_mode & 0o777) == ("active", 0, 0o600)
    pair.shout()
    found = pair.green("staging", "diff", "--with", str(file), "--json")
    assert (found.code, len(found.document["only_staging"])) == (2, 2)


@pytest.mark.parametrize(
    ("text", "message"), [(None, "cannot be read"), ("{}", "muster staging export"), ("x", "muster staging export")]
)
def test_what_is_no_other_server_is_refused(pair: Pair, text: str | None, message: str) -> None:
    file = pair.folder / "other.json"
    if text is not None:
        file.write_text(text)
    found = pair.green("staging", "diff", "--with", str(file))
    assert found.code == 1
    assert message in found.err


def test_a_server_is_not_compared_with_its_own_store(pair: Pair) -> None:
    (pair.folder / "green" / "muster.yaml").write_text("project: acme\nstore: sqlite:///../blue/.muster/state.db\n")
    found = pair.diff()
    assert found.code == 1
    assert "has the same store" in found.err


def test_the_store_of_the_other_server_is_neither_made_nor_upgraded(pair: Pair) -> None:
    store = pair.folder / "blue" / ".muster" / "state.db"
    with closing(sqlite3.connect(store)) as database, database:
        database.execute("UPDATE store_version SET version_num = '0000'")
    assert "only its own server may change that" in pair.diff().err
    store.unlink()
    assert "is not there yet" in pair.diff().err
    assert not store.exists()


def test_what_waits_for_a_person_on_either_side_is_held_and_says_where(pair: Pair) -> None:
    (pair.folder / "data" / "hr.csv").write_text("id,name,mail\n1,Ann,ann@acme.example\n")
    for number in range(3, 9):
        with closing(sqlite3.connect(pair.folder / "data" / "app.db")) as database, database:
            database.execute("INSERT INTO account VALUES (?, 'x', 'ann@acme.example', 1)", (str(number),))
    found = pair.diff("--json")
    assert found.code == 3
    assert {problem["server"] for problem in found.document["held"]} == {"staging", "active"}


# --- which one writes


def test_one_command_switches_over_and_the_former_active_one_refuses_to_write(pair: Pair) -> None:
    pair.shout()
    done = pair.promote("--why", "new release")
    assert (done.code, done.out.splitlines()[-1]) == (0, "This server is active. What it will write: muster plan")
    assert f"The server of {pair.folder / 'blue'} writes no more." in done.out
    assert "`staging: true` no longer counts" in done.err

    pair.people("Ann", "Bob", "Cy")
    for verb in ("run", "apply"):
        refused = pair.blue(verb)
        assert refused.code == 1
        assert "this server is not active, and writes to no system: it was demoted by" in refused.err
        assert f"muster staging promote --with {pair.folder / 'green'}" in refused.err
        assert "not active" not in refused.out, "it is told once"
    assert pair.accounts() == [("1", "Ann"), ("2", "Bob")]

    assert pair.green("run").code == 0
    assert pair.accounts() == [("1", "ANN"), ("2", "BOB"), ("3", "CY")]
    assert pair.blue("audit").code == pair.green("audit").code == 0


def test_the_status_says_which_one_is_active_since_when_and_by_whom(pair: Pair) -> None:
    assert "server      in staging, as muster.yaml says" in pair.green("status").out
    assert "server  " not in pair.blue("status").out
    pair.promote("--why", "new release")
    blue, green = (server("status", "--json").document["server"] for server in (pair.blue, pair.green))
    assert (blue["role"], blue["decided"]["role"], blue["decided"]["why"]) == ("staging", "staging", "new release")
    assert (green["role"], green["staging"]) == ("active", True)
    assert blue["decided"]["other"].startswith(str(pair.folder / "green"))
    assert "server      in staging, writes to no system: demoted by" in pair.blue("status").out
    shown = pair.green("status").out
    assert "server      active: promoted by" in shown
    assert "muster.yaml: `staging: true` no longer counts; take it out" in shown
    assert "none is written" not in shown, "of the run before the promotion"


def test_what_a_demoted_server_refused_is_no_error_of_it_any_more_once_it_is_active_again(pair: Pair) -> None:
    pair.promote()
    assert pair.blue("run").code == 1
    assert pair.blue("status").code == 1
    pair.blue("staging", "promote", "--with", str(pair.folder / "green"))
    assert pair.blue("status").code == 0


def test_a_former_active_one_that_says_so_itself_runs_in_staging_without_an_error(pair: Pair) -> None:
    pair.promote()
    (pair.folder / "blue" / "muster.yaml").write_text("project: acme\nstaging: true\n")
    assert pair.blue("run").code == 0
    (pair.folder / "blue" / "muster.yaml").write_text("project: acme\n")
    assert pair.blue("run").code == 1


def test_it_goes_back_the_same_way(pair: Pair) -> None:
    pair.promote()
    back = pair.blue("staging", "promote", "--with", str(pair.folder / "green"), "--json")
    assert (back.document["changed"], back.document["stopped"]) == (True, True)
    pair.people("Ann", "Bob", "Cy")
    assert pair.green("run").code == 0
    assert len(pair.accounts()) == 2
    assert pair.blue("run").code == 0
    assert len(pair.accounts()) == 3


def test_staging_that_is_written_again_after_a_promotion_counts_again(pair: Pair) -> None:
    pair.promote()
    file = pair.folder / "green" / "muster.yaml"
    file.write_text("project: acme\n")
    assert pair.green("run").code == 0
    file.write_text("project: acme\nstaging: true\n")
    pair.people("Ann", "Bob", "Cy")
    assert pair.green("run").code == 0
    assert len(pair.accounts()) == 2


def test_a_copy_of_the_active_ones_store_overrules_no_other_muster_yaml(pair: Pair) -> None:
    pair.promote()
    with closing(sqlite3.connect(pair.folder / "green" / ".muster" / "state.db")) as source:
        (pair.folder / "blue" / ".muster" / "state.db").unlink()
        with closing(sqlite3.connect(pair.folder / "blue" / ".muster" / "state.db")) as target:
            source.backup(target)
    (pair.folder / "blue" / "muster.yaml").write_text("project: acme\nstaging: true\n")
    pair.people("Ann", "Bob", "Cy")
    assert pair.blue("run").code == 0
    assert len(pair.accounts()) == 2


def test_nobody_is_promoted_while_the_active_one_is_at_work(pair: Pair) -> None:
    with open_store("sqlite:///.muster/state.db", pair.folder / "blue") as store, leased(store, ["project"], "run"):
        found = pair.promote("--force")
    assert found.code == 1
    assert "that server is at work, and nothing was switched" in found.err
    assert pair.green("status", "--json").document["server"]["role"] == "staging"
    assert pair.blue("status", "--json").document["server"]["role"] == "active"


def test_nobody_is_promoted_beside_a_server_of_which_nothing_is_known(pair: Pair) -> None:
    alone = pair.green("staging", "promote")
    assert (alone.code, "Which server is active now?" in alone.err) == (1, True)
    (pair.folder / "blue").rename(pair.folder / "gone")
    found = pair.promote()
    assert (found.code, "nobody knows whether that server still writes" in found.err) == (1, True)
    assert pair.green("status", "--json").document["server"]["role"] == "staging"


def test_a_lost_server_that_comes_back_is_stopped_before_the_new_one_writes(pair: Pair) -> None:
    (pair.folder / "blue").rename(pair.folder / "gone")
    forced = pair.promote("--force")
    assert (forced.code, "does not know it yet" in forced.err) == (0, True)
    assert "still cannot be told" in pair.green("run").out
    assert "was not told yet" in pair.green("status").out

    (pair.folder / "gone").rename(pair.folder / "blue")
    assert "was told that it is no longer active" in pair.green("run").out
    assert pair.blue("run").code == 1
    assert "was told" not in pair.green("run").out


def test_a_former_active_one_whose_store_came_from_a_backup_is_stopped_again(pair: Pair) -> None:
    store = pair.folder / "blue" / ".muster" / "state.db"
    with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(pair.folder / "backup.db")) as target:
        source.backup(target)
    pair.promote()
    assert "was told" not in pair.green("run").out
    with closing(sqlite3.connect(pair.folder / "backup.db")) as source, closing(sqlite3.connect(store)) as target:
        source.backup(target)
    assert pair.blue("status", "--json").document["server"]["role"] == "active"
    assert "was told that it is no longer active" in pair.green("run").out
    assert pair.blue("run").code == 1


def test_a_server_that_is_demoted_by_hand_makes_room_for_one_out_of_reach(pair: Pair) -> None:
    assert pair.blue("staging", "demote", "--why", "moving", "--json").document["changed"]
    assert "demoted already" in pair.blue("staging", "demote").out
    assert pair.blue("run").code == 1
    assert pair.green("staging", "promote", "--force").code == 0
    assert "active already" in pair.green("staging", "promote", "--force").out
    pair.people("Ann", "Bob", "Cy")
    pair.green("run")
    assert len(pair.accounts()) == 3


def test_a_switch_that_was_killed_half_way_is_done_by_the_same_command(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the two, neither writes."""
    with monkeypatch.context() as patched:
        patched.setattr("muster.app.switching.stand_down", _stand_down_and_die)
        assert pair.promote().code == 1
    roles = [server("status", "--json").document["server"]["role"] for server in (pair.blue, pair.green)]
    assert roles == ["staging", "staging"]
    assert pair.promote().code == 0
    assert pair.green("status", "--json").document["server"]["role"] == "active"


def _stand_down_and_die(*arguments: Any, **more: Any) -> bool:
    stand_down(*arguments, **more)
    raise KeyboardInterrupt


def test_who_was_replaced_by_a_third_server_is_not_replaced_again(pair: Pair) -> None:
    third = pair.folder / "third"
    for name, text in FILES.items():
        (third / name).parent.mkdir(parents=True, exist_ok=True)
        (third / name).write_text(text + ("staging: true\n" if name == "muster.yaml" else ""))
    pair.muster("-C", str(third), "plan")
    pair.promote()
    found = pair.muster("-C", str(third), "staging", "promote", "--with", str(pair.folder / "blue"))
    assert found.code == 1
    assert f"it was demoted for {pair.folder / 'green'}" in found.err


def test_a_server_that_has_read_nothing_is_not_promoted(pair: Pair) -> None:
    for file in (pair.folder / "green" / ".muster").glob("state.db*"):
        file.unlink()
    found = pair.promote()
    assert (found.code, "has read no system yet" in found.err) == (1, True)


def test_a_file_cannot_be_made_to_stop(pair: Pair) -> None:
    file = pair.folder / "blue.json"
    pair.blue("staging", "export", str(file))
    found = pair.green("staging", "promote", "--with", str(file))
    assert (found.code, "muster staging demote" in found.err) == (1, True)


def test_two_active_servers_are_an_error_of_the_comparison(pair: Pair) -> None:
    (pair.folder / "green" / "muster.yaml").write_text("project: acme\n")
    found = pair.diff()
    assert found.code == 1
    assert "both servers write to the systems" in found.err
