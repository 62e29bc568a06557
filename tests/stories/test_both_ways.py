"""The examples `hybrid` and `writeback` in one project: Active Directory to the cloud, and the way back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from muster.cli.scaffold import examples
from tests.connectors.domains import Ou
from tests.connectors.graphs import Graph
from tests.servers.muster import MusterServer
from tests.servers.samba import SambaDc
from tests.stories.both import Both
from tests.stories.writeback import Writeback


class BothWays(Writeback):
    """The example `hybrid` with what the how-to pages copy into it."""

    example: ClassVar[str] = "hybrid"
    base: ClassVar[str] = Both.base

    def complete(self) -> None:
        back = examples()["writeback"]
        for name in ("group-from-cloud", "group-to-ad", "guest-from-cloud", "guest-to-ad"):
            shutil.copy(back / "mappings" / f"{name}.yaml", self.folder / "mappings")
        _, _, parameters = (back / "muster.yaml").read_text("utf-8").partition("parameters:\n")
        self.edit("muster.yaml", ("  domain: corp.example", f"{parameters}  domain: acme.example"))
        for kind, mark, place in (("group", "Group_", "groups"), ("user", "User_", "guests")):
            ours = f'(Left([adminDescription], {len(mark)}) = "{mark}")'
            self.edit(f"mappings/ad-{kind}.yaml", (ours, f"{ours}\n  || (InStr(LCase([dn]), LCase(%{place}_ou%)) > 0)"))
        for ou in (self.groups_ou, self.guests_ou):
            self.ou.make_ou(ou)


@pytest.fixture
def company(muster_server: MusterServer, samba_server: SambaDc, tmp_path: Path) -> Iterator[BothWays]:
    graph, ou = Graph(muster_server), Ou(samba_server)
    graph.empty("users", "groups", "devices", "contacts")
    yield BothWays(tmp_path, muster_server, graph, ou)
    ou.close()
    graph.close()


def test_nothing_goes_round_in_a_circle(company: BothWays) -> None:
    assert company("check").code == 0
    ada = company.person("Ada", mail="ada@acme.example")
    own = company.ou.group("Own", [ada])
    gus = company.guest("Gus")
    company.run()
    users = company.all("users", "userType")
    assert set(users) == {"Ada Example", "Gus Partner"}
    groups = company.all("groups", "onPremisesImmutableId")
    assert groups["Own"]["onPremisesImmutableId"] == company.anchor(own)

    company.cloud_group("Team", [users["Ada Example"]["id"], gus, groups["Own"]["id"]])
    company.run()
    guest = company.guests["Gus Partner"]["distinguishedName"][0]
    assert company.members("Team") == {ada, guest, own}
    assert set(company.groups) == {"Team"}
    assert set(company.all("users", "id")) == {"Ada Example", "Gus Partner"}
    assert len(company.graph.all("groups")) == 2

    company.ou.admin.delete_s(own)
    company.graph("DELETE", f"/users/{gus}")
    company.run()
    assert set(company.all("groups", "id")) == {"Team"}
    assert company.members("Team") == {ada}
