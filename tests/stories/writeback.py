"""The example `writeback`, and what other hands do in the cloud and in the domain."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import ldap

from tests.connectors.domains import Ou
from tests.connectors.graphs import PASSWORD, Graph
from tests.servers.muster import MusterServer
from tests.stories.both import Both

Shown = dict[str, list[str]]


class Writeback(Both):
    """Cloud groups and guests are written below the test's OU."""

    example: ClassVar[str] = "writeback"
    base: ClassVar[str] = (
        "# base: [OU=Staff,DC=corp,DC=example, OU=Cloud groups,DC=corp,DC=example, OU=Guests,DC=corp,DC=example]"
    )

    def __init__(self, folder: Path, server: MusterServer, graph: Graph, ou: Ou) -> None:
        super().__init__(folder, server, graph, ou)
        self.groups_ou, self.guests_ou = f"OU=Cloud groups,{ou.dn}", f"OU=Guests,{ou.dn}"
        self.complete()
        self.edit(
            "muster.yaml",
            ("OU=Cloud groups,DC=corp,DC=example", self.groups_ou),
            ("OU=Guests,DC=corp,DC=example", self.guests_ou),
        )

    def complete(self) -> None:
        """What the project still lacks."""

    # --- the cloud, by another hand

    def both(self, name: str) -> tuple[str, str]:
        """An account of the domain, and the user whom the synchronisation made for it: the DN, and the id."""
        dn = self.person(name)
        return dn, self.user(name, onPremisesImmutableId=self.anchor(dn))

    def user(self, name: str, **values: Any) -> str:
        """A user of the cloud; gives the id."""
        return str(self.graph("POST", "/users", self.body(name, **values))["id"])

    def body(self, name: str, **values: Any) -> dict[str, Any]:
        """What makes a user."""
        return {
            "accountEnabled": True,
            "displayName": f"{name} Example",
            "mailNickname": name,
            "userPrincipalName": f"{self.ou.name}{name}@acme.example",
            "passwordProfile": {"password": PASSWORD.reveal()},
            **values,
        }

    def users_of(self, where: str) -> list[str]:
        """Users whom the synchronisation made for all accounts of an OU, twenty a request; their ids."""
        found = self.ou.admin.search_s(where, ldap.SCOPE_SUBTREE, "(sAMAccountType=805306368)", ["objectGUID", "cn"])
        bodies = [
            self.body(entry["cn"][0].decode(), onPremisesImmutableId=base64.b64encode(entry["objectGUID"][0]).decode())
            for _, entry in found
        ]
        made: list[str] = []
        for at in range(0, len(bodies), 20):
            json = {"Content-Type": "application/json"}
            requests = [
                {"id": str(number), "method": "POST", "url": "/users", "headers": json, "body": body}
                for number, body in enumerate(bodies[at : at + 20])
            ]
            answers = self.graph("POST", "/$batch", {"requests": requests})["responses"]
            made += [one["body"]["id"] for one in sorted(answers, key=lambda one: int(one["id"]))]
        return made

    def join_all(self, group: str, members: Sequence[str]) -> None:
        """Add members, twenty a request."""
        for at in range(0, len(members), 20):
            bound = [f"{self.server.graph}/directoryObjects/{one}" for one in members[at : at + 20]]
            self.graph("PATCH", f"/groups/{group}", {"members@odata.bind": bound})

    def cloud_group(self, name: str, members: Iterable[str] = (), **more: Any) -> str:
        """A group of the cloud; gives the id."""
        kind = {"mailEnabled": False, "securityEnabled": True, **more}
        group = str(self.graph("POST", "/groups", {"displayName": name, "mailNickname": "g", **kind})["id"])
        for one in members:
            self.join(group, one)
        return group

    def join(self, group: str, member: str) -> None:
        where = f"{self.server.graph}/directoryObjects/{member}"
        self.graph("POST", f"/groups/{group}/members/$ref", {"@odata.id": where})

    def leave(self, group: str, member: str) -> None:
        self.graph("DELETE", f"/groups/{group}/members/{member}/$ref")

    def invite(self, name: str) -> tuple[str, str]:
        """Invite somebody: the id, and where the invitation is accepted."""
        invited = self.graph(
            "POST",
            "/invitations",
            {
                "invitedUserEmailAddress": f"{self.ou.name}{name}@partner.example",
                "invitedUserDisplayName": f"{name} Partner",
                "inviteRedirectUrl": "https://apps.acme.example/",
            },
        )
        return invited["invitedUser"]["id"], invited["inviteRedeemUrl"]

    def accept(self, where: str) -> None:
        """The invited one accepts."""
        self.graph.client.post(where)

    def guest(self, name: str) -> str:
        """Somebody who was invited and has accepted; gives the id."""
        who, where = self.invite(name)
        self.accept(where)
        return who

    # --- the domain, as another hand sees it

    def found(self, where: str) -> dict[str, Shown]:
        """What is in an OU, by displayName."""
        try:
            entries = self.ou.admin.search_s(where, ldap.SCOPE_ONELEVEL)
        except ldap.NO_SUCH_OBJECT:
            return {}
        shown = [
            {key: [value.decode("utf-8", "replace") for value in values] for key, values in entry.items()}
            for _, entry in entries
        ]
        return {one.get("displayName", one["cn"])[0]: one for one in shown}

    @property
    def groups(self) -> dict[str, Shown]:
        """The written groups."""
        return self.found(self.groups_ou)

    @property
    def guests(self) -> dict[str, Shown]:
        """The guests' accounts."""
        return self.found(self.guests_ou)

    def dn(self, group: str) -> str:
        return self.groups[group]["distinguishedName"][0]

    def members(self, group: str) -> set[str]:
        """The DNs of a written group's members."""
        return set(self.groups[group].get("member", ()))

    def all_members(self, group: str) -> set[str]:
        """The same of a group with more members than the domain shows at once."""
        asked = f"(memberOf={self.dn(group)})"
        found = self.ou.admin.search_s(self.ou.dn, ldap.SCOPE_SUBTREE, asked, ["1.1"])
        return {dn for dn, _ in found}
