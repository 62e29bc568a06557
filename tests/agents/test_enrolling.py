"""Who is let in and who is sent away, on the wire: codes, certificates, versions, clocks; and what is told of it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from muster.agents import client
from muster.agents.agent import Agent
from muster.agents.client import SentAway, ServerClient
from muster.agents.enrolling import enrolled
from muster.agents.keys import AgentKey
from muster.agents.registry import SECOND, Registry
from muster.agents.state import AgentState, loaded
from muster.agents.trust import SYSTEM
from muster.connectors.kit.memory import MemoryConnector
from muster.model.errors import ProjectError
from tests.agents.live import AgentProcess, Company, here
from tests.agents.wire import only
from tests.cli.support import muster
from tests.servers.certificates import self_signed
from tests.servers.process import free_port
from tests.waiting import wait_for


def enrol(company: Company, folder: Path, code: str, fingerprint: str | None = None, name: str = "new") -> AgentState:
    return enrolled(folder, [company.authority], code, name, fingerprints=[fingerprint or company.fingerprint])


# --- codes and names


def test_the_command_that_is_printed_enrols_an_agent(company: Company, tmp_path: Path) -> None:
    told = muster("agent", "code", "office", folder=company.folder)
    command = told.out.split()
    assert command[:3] == ["muster", "agent", "enrol"]
    assert "The code is shown this once" in told.err
    assert "The server listens for this machine alone" in told.err
    made = muster(*command[1:], "--name", "office-1", "--state", str(tmp_path / "agent"), folder=tmp_path)
    assert (made.code, made.out) == (0, "The agent office-1 is enrolled in the group office.\n")
    assert str(tmp_path / "agent" / "secrets") in made.err
    for path in (tmp_path / "agent", *(tmp_path / "agent").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    again = muster(*command[1:], "--name", "office-2", "--state", str(tmp_path / "other"), folder=tmp_path)
    assert again.code == 1
    assert "this code was used on" in again.err
    assert "by the agent 'office-1'. Ask for another: muster agent code GROUP" in again.err
    twice = muster(*command[1:], "--state", str(tmp_path / "agent"), folder=tmp_path)
    assert "is an enrolled agent already. Name another folder with --state" in twice.err
    listed = muster("agent", "list", folder=company.folder)
    assert "office-1  office  away  never seen  Muster " in listed.out


def test_a_wrong_code_and_a_late_one(company: Company, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="this is no code that was given out here"):
        enrol(company, tmp_path / "a", "AAAAA-AAAAA-AAAAA-AAAAA")
    with Registry.open(f"sqlite:///{company.state}", tmp_path, lambda: 1_774_000_000 * SECOND) as registry:
        late, _ = registry.make_code("dc", 60)
    with pytest.raises(ProjectError, match="this code expired on 2026-03-20T09:47:40Z"):
        enrol(company, tmp_path / "b", late)
    assert not (tmp_path / "b" / "agent.json").exists()


def test_a_folder_that_is_no_agent(tmp_path: Path) -> None:
    done = muster("agent", "run", "--state", str(tmp_path), folder=tmp_path)
    assert done.code == 1
    assert f"{tmp_path} is no enrolled agent. `muster agent code GROUP` on the server prints" in done.err


def test_a_system_whose_group_has_no_agent_is_listed(tmp_path: Path) -> None:
    (tmp_path / "muster.yaml").write_text("project: acme\n")
    (tmp_path / "systems").mkdir()
    system = "connector: flatfile\nagents: %s\nsettings: {path: hr.csv}\nobjects: {worker: {anchor: id}}\n"
    (tmp_path / "systems" / "hr.yaml").write_text(system % "north")
    listed = muster("agent", "list", folder=tmp_path)
    assert "hr has no agent: muster agent code north" in listed.out
    (tmp_path / "systems" / "hr.yaml").write_text(system % "'up north'")
    assert "systems/hr.yaml:2:9" in muster("check", folder=tmp_path).err


# --- certificates


def test_another_certificate_is_not_believed(company: Company, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"another certificate than the one that was named.*nothing was sent"):
        enrol(company, tmp_path / "a", company.code(), fingerprint="00" * 32)
    with pytest.raises(ProjectError, match=r"not believed: self.signed certificate.*--fingerprint or"):
        enrolled(tmp_path / "b", [company.authority], company.code(), "new")


def test_a_certificate_of_a_file_is_believed_under_its_name(company: Company, tmp_path: Path) -> None:
    code = company.code()
    with pytest.raises(ProjectError, match=r"holds no certificates in PEM"):
        enrolled(tmp_path / "a", [company.authority], code, "filed", ca=tmp_path)
    made = enrolled(tmp_path / "a", [company.authority], code, "filed", ca=company.certificate)
    with here(loaded(made.folder), only(MemoryConnector)):
        pass


def test_a_certificate_that_expired_stops_everybody(tmp_path: Path) -> None:
    with Expired(tls=lambda folder: self_signed(folder, days=-1)) as company:
        code = company.code()
        with pytest.raises(
            ProjectError, match=r"certificate has expired\. This machine's clock says 20.*nothing was se"
        ):
            enrol(company, tmp_path / "a", code)
        with company.registry() as registry:
            assert registry.make_code("dc", 60)
            assert registry.agents() == []


class Expired(Company):
    def ready(self) -> bool:
        return True


def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    url = f"https://127.0.0.1:{free_port()}"
    with pytest.raises(ProjectError, match=r"does not answer: .*refused.* Is `muster serve` running there"):
        enrolled(tmp_path / "a", [url], "X", "new", fingerprints=["00"])
    with pytest.raises(ProjectError, match=r"does not answer: .*refused.* Is `muster serve` running there"):
        enrolled(tmp_path / "b", [url], "X", "new")
    with pytest.raises(ProjectError, match="expected an address such as https"):
        enrolled(tmp_path / "c", ["http://127.0.0.1"], "X", "new")
    with pytest.raises(ProjectError, match="Did you mean 'ldap'"):
        enrolled(tmp_path / "d", [url], "X", "new", connectors=["ldpa"])


# --- versions


@pytest.mark.parametrize(
    ("protocols", "said"),
    [((0, 0), "the agent is too old: .*Install the server's version"), ((7, 9), "the agent is too new: .* first")],
)
def test_a_version_that_cannot_talk_is_told_plainly(
    protocols: tuple[int, int], said: str, company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = enrol(company, tmp_path / "a", company.code(), name=f"v{protocols[0]}")
    monkeypatch.setattr(client, "PROTOCOLS", protocols)
    with pytest.raises(ProjectError, match=said):
        enrol(company, tmp_path / "b", company.code(), name="other")
    with pytest.raises(ProjectError, match=said):
        Agent(state, only(MemoryConnector)).run()
    listed = muster("agent", "list", "--json", folder=company.folder).document["agents"]
    told = next(one for one in listed if one["agent"] == state.name)
    assert told["state"] == "refused"
    assert told["trouble"].startswith("the agent is too")


# --- proving


def test_the_key_of_another_is_not_enough(company: Company, tmp_path: Path) -> None:
    state = enrol(company, tmp_path / "a", company.code(), name="victim")
    thief = AgentState(tmp_path, "victim", "dc", state.servers, AgentKey.new(), state.trust_kind, state.trust)
    client_ = ServerClient(company.authority, thief)
    with pytest.raises(SentAway, match="this is not the key of the agent 'victim'"):
        client_.work([])
    client_.close()


@pytest.mark.parametrize(
    ("path", "body", "token", "status"),
    [
        ("heartbeat", b"{}", None, 401),
        ("heartbeat", b"{}", "made-up", 401),
        ("calls/x/1", b"", "made-up", 401),
        ("sessions", b'{"group":"dc"}', "made-up", 401),
        ("sessions/x/1", b"{}", "made-up", 410),
        ("sessions/x/alive", b"", "made-up", 410),
        ("token", b'{"name":"a","challenge":"made-up","proof":""}', None, 401),
        ("token", b"[]", None, 400),
        ("enrol", b"not json", None, 400),
        ("enrol", b'{"version":"1.0","protocols":[1,1]}', None, 400),
        ("enrol", b'{"version":"\\u0000","protocols":[1,1]}', None, 400),
        ("enrol", b'{"version":"1.0","protocols":"1"}', None, 400),
        ("enrol", b"x" * 100_000, None, 413),
    ],
)
def test_strangers_get_nothing(path: str, body: bytes, token: str | None, status: int, company: Company) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with company.client(headers=headers) as http:
        answer = http.post(f"/agents/v1/{path}", content=body)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})


def test_an_agent_whose_clock_is_wrong_is_as_good_as_any(company: Company, tmp_path: Path) -> None:
    states = [enrol(company, tmp_path / name, company.code(), name=name) for name in ("late", "early")]
    with AgentProcess(states[0], SKEW="-86400"), AgentProcess(states[1], SKEW="86400"):

        def present() -> bool:
            listed = muster("agent", "list", "--json", folder=company.folder).document["agents"]
            return {one["state"] for one in listed if one["agent"] in ("late", "early")} == {"here"}

        wait_for(present)


def test_who_is_revoked_ends_and_says_why(company: Company, tmp_path: Path) -> None:
    state = enrol(company, tmp_path / "a", company.code(), name="leaver")
    with AgentProcess(state) as process:
        done = muster("agent", "revoke", "leaver", folder=company.folder)
        assert (done.code, done.out) == (0, "The agent leaver is revoked.\n")
        assert process.ended() == 1
        assert "the agent 'leaver' was revoked on" in process.log.read_text()
    again = muster("agent", "revoke", "leaver", folder=company.folder)
    assert again.code == 1
    assert "There is no agent 'leaver' that could be revoked" in again.err


def test_what_the_server_logs_of_strangers(company: Company, tmp_path: Path) -> None:
    code = company.code()
    enrol(company, tmp_path / "a", code, name="logged")
    with pytest.raises(ProjectError):
        enrol(company, tmp_path / "b", code, name="logged")
    wait_for(lambda: "an agent was refused" in company.log.read_text())
    assert code not in company.log.read_text()


# --- an agent's own folder


def test_files_that_somebody_spoiled(company: Company, tmp_path: Path) -> None:
    state = enrol(company, tmp_path / "a", company.code(), name="spoiled")
    assert loaded(state.folder).servers == state.servers
    (state.folder / "agent.json").write_text('{"name": 5}')
    with pytest.raises(ProjectError, match=r"agent\.json is not what an agent writes down\. Enrol it again"):
        loaded(state.folder)
    (state.folder / "key.pem").write_text("no key")
    with pytest.raises(ProjectError, match="the agent's files cannot be read"):
        loaded(state.folder)


def test_an_agents_secrets_are_in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = AgentState(tmp_path, "a", "dc", ("https://x",), AgentKey.new(), SYSTEM)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "ad").write_text("from the folder\n")
    assert state.secrets()("ad") == "from the folder"
    monkeypatch.setenv("MUSTER_SECRET_AD", "from the environment")
    assert state.secrets()("ad") == "from the environment"
