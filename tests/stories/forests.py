"""Two forests, the directory on the same project, and agents between: all of it through the command line."""

from __future__ import annotations

import itertools
import shlex
import shutil
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from muster.agents.state import BINDINGS, SECRETS, loaded
from muster.cli.scaffold import examples
from tests.agents.live import AgentProcess, Command
from tests.cli.support import Answer, inside
from tests.connectors.domains import Ou
from tests.connectors.graphs import PASSWORD, Graph
from tests.servers.muster import MusterServer
from tests.servers.process import HOST

GROUP: Final = "office"
SYSTEM: Final = """\
connector: active_directory
agents: {group}
settings:
  page_size: 20
  domains:
{domains}
objects:
  user: {{class: user, filter: '(&(!(employeeType=contractor))(!(memberOf={kept_back})))', create_containers: true}}
  group: {{class: group, create_containers: true}}
  contact: {{class: contact}}
  computer: {{class: computer}}
"""
DOMAIN: Final = """\
    {ou.server.realm}:
      urls: [{ou.server.url}]
      ca: {ou.server.domain}.pem
      user: {ou.server.bind_dn}
      password: ${{secret:{ou.server.domain}}}
      base: {ou.dn}
"""
BACK: Final = ("group-from-cloud", "group-to-ad", "guest-from-cloud", "guest-to-ad")


class Forests(MusterServer):
    """`muster serve` over the examples `hybrid` and `writeback` in one project, between the OUs of two forests.

    More than ten deletions in a day stop it. Two agents are at work.
    """

    def __init__(self, *ous: Ou) -> None:
        super().__init__()
        self.ous = ous
        self.home, self.partner = ous
        self.groups_ou, self.guests_ou = f"OU=Cloud groups,{self.home.dn}", f"OU=Guests,{self.home.dn}"
        self._agents: dict[str, AgentProcess] = {}
        self._numbers = itertools.count(1)

    # --- set up as the how-to pages say

    def prepare(self) -> None:
        assert self.muster("init", ".", "--example", "hybrid")["files"]
        for name in BACK:
            shutil.copy(examples()["writeback"] / "mappings" / f"{name}.yaml", self.folder / "mappings")
        for kind, mark, ou in (("group", "Group_", "groups_ou"), ("user", "User_", "guests_ou")):
            ours = f'(Left([adminDescription], {len(mark)}) = "{mark}")'
            self.edit(f"mappings/ad-{kind}.yaml", (ours, f"{ours}\n  || (InStr(LCase([dn]), LCase(%{ou}%)) > 0)"))
        self.edit(
            "muster.yaml",
            ("deletes: 500", "deletes: 10"),
            ("percent: 10 ", "percent: 100 "),
            (
                "  domain: corp.example",
                f"  groups_ou: {self.groups_ou}\n  guests_ou: {self.guests_ou}\n  guests: accepted\n"
                "  domain: acme.example",
            ),
        )
        file = self.folder / "muster.yaml"
        served = f"server: {{listen: '{HOST}:{self.port}'}}\ndirectory: {{domains: [acme.example]}}\n"
        self.write("muster.yaml", file.read_text("utf-8") + served)
        domains = "".join(DOMAIN.format(ou=ou) for ou in self.ous)
        self.write(
            "systems/ad.yaml", SYSTEM.format(group=GROUP, domains=domains, kept_back=f"CN=Kept back,{self.home.dn}")
        )
        self.application = self.muster("directory", "app", "add", "sync")
        self.edit(
            "systems/cloud.yaml",
            ("# url: https://directory.corp.example:8443/v1.0", f"url: {self.graph}"),
            ("# ca: certificates/directory.pem", "ca: .muster/server/certificate.pem"),
            ("tenant: corp.example", f"tenant: {self.application['tenant']}"),
            ("client_id: 00000000-0000-0000-0000-000000000000", f"client_id: {self.application['client_id']}"),
        )

    def started(self) -> None:
        self.agent()
        self.agent()

    def close(self) -> None:
        self.send_away()
        if "hand" in self.__dict__:
            self.hand.close()
        super().close()

    def edit(self, file: str, *pairs: tuple[str, str]) -> None:
        """Replace texts that stand in a file once."""
        text = (self.folder / file).read_text("utf-8")
        for old, new in pairs:
            assert text.count(old) == 1, (file, old)
            text = text.replace(old, new)
        self.write(file, text)

    # --- the command

    @property
    def secrets(self) -> dict[str, str]:
        """What the server knows; the domains' passwords are the agents' alone."""
        return {"MUSTER_SECRET_CLOUD": str(self.application["secret"])}

    def __call__(self, *arguments: str) -> Answer:
        return inside(*arguments, "--json", folder=self.folder, **self.secrets)

    def told(self, *arguments: str) -> str:
        """What the command says to people."""
        answer = inside(*arguments, folder=self.folder, **self.secrets)
        return answer.out + answer.err

    def settled(self) -> None:
        """One run, after which nothing is left to do."""
        done = self("run")
        assert (done.code, done.document["errors"], done.document["held"]) == (0, [], []), done
        left = self("plan")
        assert (left.code, left.document["changes"]) == (0, []), left

    def beside(self, *options: str) -> Command:
        """A run that goes on beside the test."""
        return Command(self.folder, "run", *options, **self.secrets)

    def errors(self) -> list[str]:
        """What a run finds wrong, while everything else goes on."""
        done = self("run")
        assert (done.code, done.document["held"]) == (1, []), done
        return [one["message"] for one in done.document["errors"]]

    # --- agents

    def agent(self, **dawdle: str) -> AgentProcess:
        """Enrol an agent by the printed command, give it the domains' secrets, and start it."""
        name = f"dc{next(self._numbers)}"
        folder = self.folder / f"agent-{name}"
        command = shlex.split(inside("agent", "code", GROUP, folder=self.folder).out)
        assert command[:3] == ["muster", "agent", "enrol"]
        made = inside(*command[1:], "--name", name, "--state", str(folder), folder=self.folder)
        assert made.code == 0, made
        (folder / SECRETS).mkdir(exist_ok=True)
        for ou in self.ous:
            (folder / SECRETS / ou.server.domain).write_text(ou.server.password)
            shutil.copy(ou.server.certificate, folder / f"{ou.server.domain}.pem")
        self._agents[name] = AgentProcess(loaded(folder), **dawdle)
        return self._agents[name]

    @property
    def agents(self) -> list[str]:
        """The names of those that run."""
        return list(self._agents)

    def unbind(self) -> None:
        """No agent knows any more where its secrets may go: the next use is the first."""
        for name in self.agents:
            (self.folder / f"agent-{name}" / BINDINGS).unlink(missing_ok=True)

    def send_away(self, *names: str) -> None:
        """Agents whose machines are switched off; all of them, if none is named."""
        for name in names or self.agents:
            self._agents.pop(name).kill()

    # --- the cloud, by another hand

    def users(self, select: str = "id") -> dict[str, dict[str, Any]]:
        """The users of the cloud by name."""
        return self._named("users", select)

    def groups(self, select: str = "id") -> dict[str, dict[str, Any]]:
        """The groups of the cloud by name."""
        return self._named("groups", select)

    def _named(self, collection: str, select: str) -> dict[str, dict[str, Any]]:
        return {one["displayName"]: one for one in self.hand.all(collection, f"id,displayName,{select}")}

    @cached_property
    def hand(self) -> Graph:
        """An administrator of the cloud."""
        return Graph(self)

    def cloud_user(self, name: str, **values: Any) -> str:
        """A user made in the cloud; gives the id."""
        body = {
            "accountEnabled": True,
            "displayName": name,
            "mailNickname": name,
            "userPrincipalName": f"{name}@acme.example",
            "passwordProfile": {"password": PASSWORD.reveal()},
            **values,
        }
        return str(self.hand("POST", "/users", body)["id"])

    def cloud_group(self, name: str, members: Iterable[str] = ()) -> str:
        """A security group made in the cloud; gives the id."""
        body = {"displayName": name, "mailNickname": "g", "mailEnabled": False, "securityEnabled": True}
        bound = [f"{self.graph}/directoryObjects/{one}" for one in members]
        return str(self.hand("POST", "/groups", {**body, "members@odata.bind": bound})["id"])

    def join(self, group: str, member: str) -> None:
        """Somebody becomes a member of a cloud group."""
        self.hand("POST", f"/groups/{group}/members/$ref", {"@odata.id": f"{self.graph}/directoryObjects/{member}"})

    def guest(self, name: str, **values: Any) -> str:
        """Somebody who was invited and has accepted; gives the id."""
        invitation = {
            "invitedUserEmailAddress": f"{name.lower()}@guests.example",
            "invitedUserDisplayName": name,
            "inviteRedirectUrl": "https://apps.acme.example/",
        }
        invited = self.hand("POST", "/invitations", invitation)
        self.hand.client.post(invited["inviteRedeemUrl"])
        if values:
            self.hand("PATCH", f"/users/{invited['invitedUser']['id']}", values)
        return str(invited["invitedUser"]["id"])

    def members(self, group: str) -> set[str]:
        """The ids of a cloud group's members."""
        return {one["id"] for one in self.hand("GET", f"/groups/{group}/members")["value"]}


def copied(forests: Forests, folder: Path) -> None:
    """The project once more, as `docs/how-to/staging.md` says: without its store, in staging; it needs no agents."""
    for name in ("systems", "mappings", ".muster/server"):
        shutil.copytree(forests.folder / name, folder / name)
    for name in ("muster.yaml", "metaverse.yaml"):
        shutil.copy(forests.folder / name, folder / name)
    for ou in forests.ous:
        shutil.copy(ou.server.certificate, folder / f"{ou.server.domain}.pem")
    system, head = folder / "systems" / "ad.yaml", folder / "muster.yaml"
    system.write_text(system.read_text("utf-8").replace(f"agents: {GROUP}\n", ""), "utf-8")
    head.write_text(head.read_text("utf-8") + "staging: true\n", "utf-8")
