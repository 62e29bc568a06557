"""Two forests behind agents that die, are sent away and come again; and a second server that takes over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Answer, inside
from tests.connectors.domains import Ou
from tests.stories.domain import anchor, guid, person
from tests.stories.forests import Forests, copied

pytestmark = pytest.mark.slow
PEOPLE = 60


def hired(ou: Ou, team: str) -> list[str]:
    """So many new people; their DNs."""
    return [person(ou, f"{team}{number}") for number in range(PEOPLE)]


def kept(ou: Ou, dns: list[str]) -> int:
    """How many have their anchor written back."""
    return sum("mS-DS-ConsistencyGuid" in ou.entry(dn, "mS-DS-ConsistencyGuid") for dn in dns)


@pytest.mark.parametrize("hangs", ["read:2", "write:30"], ids=["import", "export"])
def test_an_agent_dies_at_work_and_another_carries_on(forests: Forests, hangs: str) -> None:
    partner = forests.partner
    team = hangs.partition(":")[0]
    people = hired(partner, team)
    forests.send_away()
    doomed = forests.agent(HANG=hangs)
    run = forests.beside()
    doomed.until_it_hangs()
    forests.agent()
    doomed.kill()
    done = run.done(300)
    assert (done["code"], done["errors"], done["held"]) == (0, [], []), done
    names = {f"{team}{number} Example" for number in range(PEOPLE)}
    users = forests.users("onPremisesImmutableId")
    assert {users[name]["onPremisesImmutableId"] for name in names} == {anchor(guid(partner, dn)) for dn in people}
    assert kept(partner, people) == PEOPLE
    assert len(forests.hand.all("users")) == len(users), "nobody came twice"
    forests.settled()


def test_a_revoked_agent_is_out_and_another_carries_on(forests: Forests) -> None:
    forests.agent()
    *others, last = forests.agents
    for name in others:
        assert forests("agent", "revoke", name).code == 0
    listed = {one["agent"]: one["state"] for one in forests("agent", "list").document["agents"]}
    assert {name: listed[name] for name in forests.agents} == {**dict.fromkeys(others, "revoked"), last: "here"}
    person(forests.home, "Hal")
    forests.settled()
    assert "Hal Example" in forests.users()
    assert forests("agent", "revoke", last).code == 0
    (told, *_) = forests.errors()
    assert "no agent of the group 'office' is here" in told
    forests.send_away()
    forests.agent()
    forests.settled()
    for ou in forests.ous:
        secret = ou.server.password.encode()
        files = [path for path in forests.folder.rglob("*") if path.is_file() and "secrets" not in path.parts]
        assert [path for path in files if secret in path.read_bytes()] == [], "the server never learns it"


def test_a_second_server_in_staging_is_compared_and_takes_over(forests: Forests, tmp_path: Path) -> None:
    person(forests.home, "Stella")
    forests.settled()
    copied(forests, tmp_path)
    secrets = forests.secrets | {f"MUSTER_SECRET_{ou.server.domain}": ou.server.password for ou in forests.ous}

    def green(*arguments: str) -> Answer:
        return inside(*arguments, "--json", folder=tmp_path, **secrets)

    assert green("run").document["changes"] == []
    assert green("staging", "diff", "--with", str(forests.folder)).code == 0, "they agree"
    mapping = tmp_path / "mappings" / "cloud-user.yaml"
    shout = 'IIF([displayName] = "Stella Example", UCase([displayName]), [displayName])'
    mapping.write_text(mapping.read_text().replace("displayName: '[displayName]'", f"displayName: '{shout}'"))
    found = green("staging", "diff", "--with", str(forests.folder))
    changes = {one["attributes"]["displayName"]["to"] for one in found.document["only_staging"]}
    assert (found.code, "STELLA EXAMPLE" in changes) == (2, True)
    assert "STELLA EXAMPLE" not in forests.users(), "nothing is written in staging"

    assert green("staging", "promote", "--with", str(forests.folder), "--why", "release 12").code == 0
    assert "this server is not active" in forests.told("run")
    assert green("run").code == 0
    assert "STELLA EXAMPLE" in forests.users()
    back = forests("staging", "promote", "--with", str(tmp_path), "--why", "back")
    assert back.code == 0, back
    forests.settled()
    assert "Stella Example" in forests.users()
