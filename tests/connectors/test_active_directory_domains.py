"""The Active Directory connector on two Samba domains of two forests at once, of which one may be dead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from muster.connectors.active_directory import ActiveDirectoryConnector
from muster.connectors.active_directory.settings import ActiveDirectorySettings, AdObject
from muster.model.changes import Action, Change, EdgeChange, Result
from muster.model.dn import normal
from muster.model.errors import ProjectError, Unreachable, WatermarkExpired
from muster.model.objects import Page, ReadProblem
from muster.model.secrets import Secret
from muster.model.values import Document
from tests.connectors.domains import USER, Ou, by_dn, create, mark, objects, pages, update, written
from tests.servers.samba import SambaDc


@pytest.fixture
def here(ou: Ou) -> Ou:
    return ou


@pytest.fixture
def there(other_samba_server: SambaDc) -> Iterator[Ou]:
    other_samba_server.start()
    made = Ou(other_samba_server)
    yield made
    other_samba_server.start()
    made.admin = other_samba_server.connect()
    made.close()


def both(here: Ou, there: Ou, objects: dict[str, Any] | None = None, **changed: Any) -> ActiveDirectoryConnector:
    domains = {
        ou.server.realm: {
            "urls": [ou.server.url],
            "ca": ou.server.certificate,
            "user": ou.server.bind_dn,
            "password": Secret(ou.server.password),
        }
        for ou in (here, there)
    }
    settings = ActiveDirectorySettings(**{"domains": domains, "page_size": 3, "timeout": 10, **changed})
    base = {"base": (here.dn, there.dn)}
    types = {name: AdObject.model_validate({**base, **one}) for name, one in (objects or USER).items()}
    return ActiveDirectoryConnector("ad", settings, types, Path("/"))


def problems(found: list[Page]) -> list[ReadProblem]:
    return [problem for page in found for problem in page.problems]


def test_each_domain_says_what_it_is(here: Ou, there: Ou) -> None:
    for ou in (here, there):
        ou.user("ann")
    with both(here, there) as made:
        schema = made.schema()
        found = schema.identities
        assert schema.realm(normal(f"CN=x,{here.dn}")) == normal(here.server.base)
        assert schema.realm(normal(f"CN=x,{there.dn}")) == normal(there.server.base)
        assert schema.realm("cn=x,dc=elsewhere") is None
    with here.connector() as alone:
        assert list(alone.schema().identities.items()) == [("", found[here.server.realm])]
    for ou in (here, there):
        sid = ou.sid("ann").rpartition("-")[0]
        guid = ou.guid(ou.server.base)
        assert found[ou.server.realm] == f"the domain with SID {sid} and objectGUID {guid}"


def test_all_domains_are_read_each_a_partition_of_its_own(here: Ou, there: Ou) -> None:
    ann, bert = here.user("ann"), there.user("bert")
    found = pages(both(here, there))
    assert {dn: item.partition for dn, item in by_dn(found).items()} == {ann: here.dn, bert: there.dn}
    assert found[-1].complete_for == {("user", here.dn), ("user", there.dn)}
    with both(here, there) as made:
        health = made.check()
    assert (health.ok, health.missing) == (True, ())
    assert "corp.example" in health.message
    assert "other.example" in health.message


def test_changes_of_all_domains_are_followed(here: Ou, there: Ou) -> None:
    ann, bert = here.user("ann"), there.user("bert")
    found = pages(both(here, there))
    known = {dn: item.anchor for dn, item in by_dn(found).items()}
    here.admin.delete_s(ann)
    new = there.move(bert, "CN=berta")
    changed = objects(pages(both(here, there), mark(found)))
    assert changed[known[ann]].deleted
    assert changed[known[bert]].values["dn"] == new


def test_writes_find_their_domain(here: Ou, there: Ou) -> None:
    def person(ou: Ou) -> Document:
        return {"dn": f"CN=new,{ou.dn}", "sAMAccountName": f"{ou.name}new"}

    made = both(here, there)
    nowhere: Document = {"dn": "CN=x,DC=third,DC=example", "sAMAccountName": "x"}
    outcomes = written(made, create(1, person(here)), create(2, person(there)), create(3, nowhere))
    assert [outcomes[key].result for key in (1, 2, 3)] == [Result.DONE, Result.DONE, Result.REJECTED]
    assert "none of the domains" in outcomes[3].reason
    anchors = {key: outcomes[key].anchor or "" for key in (1, 2)}
    outcomes = written(
        made,
        update(anchors[1], {"displayName": "one"}, key=1),
        update(anchors[2], {"displayName": "two"}, key=2),
        update("3f2504e0-4f89-41d3-9a0c-0305e82c3301", {"displayName": "three"}, key=3),
        update(anchors[1], {"dn": f"CN=new,{there.dn}"}, key=4),
    )
    assert [outcomes[key].result for key in (1, 2, 3, 4)] == [
        *(Result.DONE, Result.DONE, Result.GONE, Result.REJECTED),
    ]
    assert "another domain" in outcomes[4].reason
    assert there.entry(f"CN=new,{there.dn}", "displayName") == {"displayName": ["two"]}
    with made:
        assert {found.anchor for found in made.find("user", {"cn": "new"})} == set(anchors.values())
        assert {found.anchor for found in made.find_any("user", "cn", ["new", "old"])} == set(anchors.values())
        assert made.set_password("user", anchors[2], Secret("Another-Pw-2026"), False).result is Result.DONE


def test_a_member_of_another_forest_is_named_and_the_others_are_written(here: Ou, there: Ou) -> None:
    ours, theirs = here.user("ours"), there.user("theirs")
    made = both(here, there, {"group": {"class": "group"}})
    values: Document = {"dn": f"CN=team,{here.dn}", "sAMAccountName": f"{here.name}team"}
    added = [EdgeChange("member", [theirs, ours], [])]
    (outcome,) = written(made, create(1, values, "group", edges=iter(added))).values()
    assert f"member {theirs} is in another forest" in outcome.reason
    assert here.entry(f"CN=team,{here.dn}", "member") == {"member": [ours]}


def test_a_dead_domain_does_not_keep_the_others_from_being_read(here: Ou, there: Ou) -> None:
    ann, bert = here.user("ann"), there.user("bert")
    found = pages(both(here, there))
    known = {dn: item.anchor for dn, item in by_dn(found).items()}
    there.server.kill()
    here.admin.delete_s(ann)
    cleo = here.user("cleo")
    again: list[Page] = []
    for since in (None, mark(found)):
        again = pages(both(here, there), since)
        assert cleo in by_dn(again)
        (problem,) = problems(again)
        assert (problem.type, problem.anchor, problem.partition) == ("user", None, "other.example")
        assert "does not answer" in problem.message
        assert again[-1].complete_for == (frozenset() if since else {("user", here.dn)})
    assert objects(again)[known[ann]].deleted
    with both(here, there) as made:
        health = made.check()
        assert not health.ok
        assert "does not answer" in health.missing[0]
    there.server.start()
    there.admin = there.server.connect()
    there.admin.delete_s(bert)
    last = pages(both(here, there), mark(again))
    assert objects(last)[known[bert]].deleted, "what happened meanwhile is told when it is back"
    assert not problems(last)


def test_what_was_not_read_while_its_domain_was_dead_asks_for_a_full_read(here: Ou, there: Ou) -> None:
    there.server.kill()
    since = mark(pages(both(here, there)))
    there.server.start()
    with pytest.raises(WatermarkExpired, match=r"other\.example was not part of the last read"):
        pages(both(here, there), since)


def test_what_may_be_in_a_dead_domain_is_not_known(here: Ou, there: Ou) -> None:
    ann, bert = here.user("ann"), there.user("bert")
    anchors = {dn: item.anchor for dn, item in by_dn(pages(both(here, there))).items()}
    there.server.kill()
    made = both(here, there)
    outcomes = written(
        made,
        update(anchors[ann], {"displayName": "Ann"}, key=1),
        Change(2, "user", Action.DELETE, anchors[bert]),
        create(3, {"dn": f"CN=new,{there.dn}", "sAMAccountName": "new"}),
    )
    assert [outcomes[key].result for key in (1, 2, 3)] == [Result.DONE, Result.RETRY, Result.RETRY]
    assert "does not answer" in outcomes[2].reason
    with made:
        assert made.get("user", anchors[ann]) is not None
        with pytest.raises(Unreachable):
            made.get("user", anchors[bert])
        with pytest.raises(Unreachable):
            list(made.find("user", {"cn": "bert"}))
        with pytest.raises(Unreachable):
            list(made.find_any("user", "cn", ["bert"]))
        with pytest.raises(Unreachable):
            made.set_password("user", anchors[bert], Secret("Another-Pw-2026"), False)


def test_when_all_domains_are_dead_the_session_does_not_begin(here: Ou, there: Ou) -> None:
    there.server.kill()
    elsewhere = there.connector()
    with pytest.raises(Unreachable), elsewhere:
        pass


def read_until_it_dies(made: ActiveDirectoryConnector, kill: Callable[[], None]) -> list[Page]:
    found: list[Page] = []
    with made:
        made.schema()
        for page in made.read({"user": ["cn"]}, None):
            if page.objects and str(page.objects[0].values["dn"]).endswith("DC=other,DC=example"):
                kill()
            found.append(page)
    return found


def test_a_controller_that_dies_while_it_is_read_ends_the_read(there: Ou) -> None:
    for number in range(20):
        there.user(f"u{number}")
    with pytest.raises(Unreachable, match="stopped answering while"):
        read_until_it_dies(there.connector(), there.server.kill)


def test_of_several_domains_only_the_one_that_dies_is_not_complete(here: Ou, there: Ou) -> None:
    ann = here.user("ann")
    for number in range(20):
        there.user(f"u{number}")
    found = read_until_it_dies(both(here, there), there.server.kill)
    assert ann in by_dn(found)
    assert found[-1].complete_for == {("user", here.dn)}
    (problem,) = problems(found)
    assert "stopped answering while" in problem.message


def test_a_base_that_is_gone_in_one_domain_is_told_and_the_other_is_read(here: Ou, there: Ou) -> None:
    ann = here.user("ann")
    lost = f"OU=lost,{there.dn}"
    found = pages(both(here, there, {"user": {"class": "user", "base": (here.dn, lost)}}))
    assert set(by_dn(found)) == {ann}
    assert found[-1].complete_for == {("user", here.dn)}
    (problem,) = problems(found)
    assert problem.partition == lost


def test_a_domain_that_is_called_by_another_name_is_told(here: Ou) -> None:
    settings = {"urls": [here.server.url], "ca": here.server.certificate}
    made = ActiveDirectoryConnector(
        "ad",
        ActiveDirectorySettings(
            domains={"wrong.example": settings}, user=here.server.bind_dn, password=Secret(here.server.password)
        ),
        {"user": AdObject.model_validate({"class": "user"})},
        Path("/"),
    )
    with pytest.raises(ProjectError, match=r"is a controller of corp\.example"), made:
        pass
