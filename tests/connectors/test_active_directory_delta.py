"""The Active Directory connector on a Samba domain: what changed since the last read, by DirSync and by uSNChanged."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import ldap
import orjson
import pytest

from muster.connectors.active_directory.dirsync import OID
from muster.model.errors import WatermarkExpired, WentBack
from muster.model.objects import ConnectorObject, Page
from tests.connectors.domains import GROUP, PASSWORD, USER, Ou, edges, mark, objects, pages
from tests.servers.samba import SambaDc

WAYS = pytest.mark.parametrize("way", ["dirsync", "usn"])


class Follows:
    """A connector and where it stands."""

    def __init__(self, ou: Ou, types: dict[str, Any], wanted: dict[str, list[str]], **changed: Any) -> None:
        self.made = ou.connector(types, **changed)
        self.wanted = wanted
        found = pages(self.made, None, **wanted)
        self.since = mark(found)
        self.anchors = {str(item.values["dn"]): item.anchor for item in objects(found).values()}

    def pages(self) -> list[Page]:
        found = pages(self.made, self.since, **self.wanted)
        assert not found[-1].complete_for
        self.since = mark(found)
        return found

    def changed(self) -> dict[str, ConnectorObject]:
        return objects(self.pages())


@WAYS
def test_a_rename_and_a_move_are_changes_of_the_same_object(ou: Ou, way: str) -> None:
    there = ou.make_ou(f"OU=there,{ou.dn}")
    ann, bert = ou.user("ann"), ou.user("bert")
    follows = Follows(ou, USER, {"user": ["cn"]}, delta=way)
    new = ou.move(ann, "CN=anna", there)
    changed = follows.changed()
    assert changed[follows.anchors[ann]].values == {"dn": new, "cn": "anna"}
    assert follows.anchors[bert] not in changed


@WAYS
def test_a_moved_ou_gives_new_names_to_everything_below_it(ou: Ou, way: str) -> None:
    north, south = ou.make_ou(f"OU=north,{ou.dn}"), ou.make_ou(f"OU=south,{ou.dn}")
    inner = ou.make_ou(f"OU=inner,{north}")
    ann, bert, cleo = ou.user("ann", north), ou.user("bert", inner), ou.user("cleo", south)
    follows = Follows(ou, USER, {"user": ["cn"]}, delta=way)
    ou.move(north, "OU=upper", south)
    changed = follows.changed()
    assert changed[follows.anchors[ann]].values["dn"] == f"CN=ann,OU=upper,{south}"
    assert changed[follows.anchors[bert]].values["dn"] == f"CN=bert,OU=inner,OU=upper,{south}"
    if way == "dirsync":
        assert follows.anchors[cleo] not in changed


@WAYS
def test_who_leaves_the_base_is_gone_and_comes_back_whole(ou: Ou, way: str) -> None:
    inside, outside = ou.make_ou(f"OU=in,{ou.dn}"), ou.make_ou(f"OU=out,{ou.dn}")
    team = ou.make_ou(f"OU=team,{inside}")
    ann, bert = ou.user("ann", inside), ou.user("bert", team)
    follows = Follows(ou, {"user": {"class": "user", "base": inside}}, {"user": ["cn"]}, delta=way)
    ou.move(ann, "CN=ann", outside)
    ou.move(team, "OU=team", outside)
    changed = follows.changed()
    assert changed[follows.anchors[ann]].deleted
    assert changed[follows.anchors[bert]].deleted
    ou.move(f"CN=ann,{outside}", "CN=ann", inside)
    ou.move(f"OU=team,{outside}", "OU=team", inside)
    changed = follows.changed()
    for anchor in (follows.anchors[ann], follows.anchors[bert]):
        assert (changed[anchor].deleted, changed[anchor].whole) == (False, True)


@WAYS
def test_who_leaves_the_filter_is_gone_though_the_filters_attribute_is_not_wanted(ou: Ou, way: str) -> None:
    ann = ou.user("ann", employeeType="staff")
    staff = {"user": {"class": "user", "filter": "(employeeType=staff)"}}
    follows = Follows(ou, staff, {"user": ["cn"]}, delta=way)
    ou.set(ann, employeeType="guest")
    assert follows.changed()[follows.anchors[ann]].deleted
    ou.set(ann, employeeType="staff")
    assert not follows.changed()[follows.anchors[ann]].deleted


def test_what_is_not_wanted_is_no_change(ou: Ou) -> None:
    ann = ou.user("ann")
    follows = Follows(ou, USER, {"user": ["cn", "enabled"]})
    ou.set(ann, title="Dr")
    assert follows.changed() == {}
    ou.set(ann, userAccountControl="512")
    assert follows.changed()[follows.anchors[ann]].values["enabled"] is True


@WAYS
def test_a_cleared_attribute_is_null(ou: Ou, way: str) -> None:
    ann = ou.user("ann", title="Dr")
    follows = Follows(ou, USER, {"user": ["title"]}, delta=way)
    ou.set(ann, title=None)
    item = follows.changed()[follows.anchors[ann]]
    assert ("title" in item.values, item.whole) == (False, True)


@WAYS
def test_what_was_deleted_and_restored_is_there(ou: Ou, way: str) -> None:
    ann = ou.user("ann")
    follows = Follows(ou, USER, {"user": ["cn"]}, delta=way)
    ou.admin.delete_s(ann)
    assert follows.changed()[follows.anchors[ann]].deleted
    ou.user("ann")
    (again,) = follows.changed().values()
    assert again.anchor != follows.anchors[ann], "another object of the same name"


# --- members


def test_members_come_and_go_one_by_one(ou: Ou) -> None:
    names = [ou.contact(f"c{number}") for number in range(6)]
    team = ou.group("team", names[:4])
    follows = Follows(ou, GROUP, {"group": ["cn", "member"]})
    ou.admin.modify_s(
        team,
        [
            (ldap.MOD_DELETE, "member", [names[0].encode()]),
            (ldap.MOD_ADD, "member", [names[4].encode(), names[5].encode()]),
        ],
    )
    found = follows.pages()
    (part,) = edges(found, follows.anchors[team])
    assert (sorted(part.values), part.removed, part.whole) == (names[4:], names[:1], False)
    assert objects(found)[follows.anchors[team]].values["cn"] == "team"
    assert not edges(follows.pages(), follows.anchors[team])


def test_members_of_a_group_that_comes_into_sight_are_read_whole(ou: Ou) -> None:
    inside, outside = ou.make_ou(f"OU=in,{ou.dn}"), ou.make_ou(f"OU=out,{ou.dn}")
    names = [ou.contact(f"c{number}") for number in range(3)]
    team = ou.group("team", names, outside)
    follows = Follows(ou, {"group": {"class": "group", "base": inside}}, {"group": ["cn", "member"]})
    new = ou.move(team, "CN=team", inside)
    found = follows.pages()
    (group,) = objects(found).values()
    assert group.values["dn"] == new
    (part,) = edges(found, group.anchor)
    assert (sorted(part.values), part.whole) == (names, True)


def test_by_update_numbers_a_changed_group_is_read_whole(ou: Ou) -> None:
    names = [ou.contact(f"c{number}") for number in range(3)]
    team = ou.group("team", names[:2])
    follows = Follows(ou, GROUP, {"group": ["member"]}, delta="usn")
    ou.admin.modify_s(team, [(ldap.MOD_DELETE, "member", [names[0].encode()])])
    (part,) = edges(follows.pages(), follows.anchors[team])
    assert (part.values, part.whole) == (names[1:2], True)


@WAYS
def test_a_new_primary_group_is_a_new_membership(ou: Ou, way: str) -> None:
    ann = ou.user("ann")
    staff = ou.group("staff", [ann])
    number = ou.entry(staff, "primaryGroupToken")["primaryGroupToken"][0]
    types = {"group": {"class": "group", "primary_group": True}}
    follows = Follows(ou, types, {"group": ["member"]}, delta=way)
    ou.set(ann, primaryGroupID=number)
    shown = {ann}
    for part in edges(follows.pages(), follows.anchors[staff]):
        if part.whole:
            shown = set()
        shown = (shown | set(part.values)) - set(part.removed)
    assert shown == {ann}


# --- rights


def test_a_login_without_rights_reads_everything_each_time(ou: Ou) -> None:
    ou.user("ann")
    made = ou.connector(USER, user=ou.login("reader"), password=PASSWORD)
    assert pages(made)[-1].watermark is None, "it would see no deletions"


def test_asked_for_outright_changes_are_followed_and_said_to_be_blind_to_deletions(ou: Ou) -> None:
    made = ou.connector(USER, user=ou.login("reader"), password=PASSWORD, delta="usn")
    assert pages(made, pages(made)[-1].watermark)[-1].blind
    follows = Follows(ou, USER, {"user": ["cn"]}, delta="usn")
    assert not pages(follows.made, follows.since)[-1].blind


def test_a_login_that_may_list_what_was_deleted_follows_changes_without_the_right_to_replicate(ou: Ou) -> None:
    ann, bert = ou.user("ann"), ou.user("bert")
    who = ou.login("reader")
    with ou.may_list_what_was_deleted("reader"):
        ou.admin.delete_s(ou.user("somebody"))
        follows = Follows(ou, USER, {"user": ["cn"]}, user=who, password=PASSWORD)
        assert orjson.loads(follows.since)[""]["how"] == "dirsync"
        ou.admin.delete_s(ann)
        ou.move(bert, "CN=berta")
        changed = follows.changed()
    assert changed[follows.anchors[ann]].deleted
    assert changed[follows.anchors[bert]].values["cn"] == "berta"


def test_where_dirsync_is_refused_changes_are_found_by_update_numbers(ou: Ou) -> None:
    ann = ou.user("ann")
    made = ou.connector()

    def read(since: str | None) -> list[Page]:
        with made:
            session = made._domains[0].session
            session.connection = _RefusesDirSync(session.connection)
            return list(made.read({"user": ["cn"]}, since))

    found = read(None)
    since = mark(found)
    assert orjson.loads(since)[""]["how"] == "usn"
    ou.admin.delete_s(ann)
    assert objects(read(since))[next(iter(objects(found)))].deleted


class _RefusesDirSync:
    """A connection to a controller without the DirSync control."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def search_ext(self, *args: Any, serverctrls: Any = None, **more: Any) -> Any:
        if any(one.controlType == OID for one in serverctrls or ()):
            raise ldap.UNAVAILABLE_CRITICAL_EXTENSION({"desc": "Critical extension is unavailable"})
        return self._inner.search_ext(*args, serverctrls=serverctrls, **more)


# --- watermarks


@pytest.mark.parametrize(
    ("part", "value", "told"),
    [
        ("at", "AAAA", "does not know the changes since the last read"),
        ("at", "?", "holds no cookie"),
        ("how", "none", "in another way"),
        ("when", "20200101000000.0Z", "deletions are remembered for 180 only"),
        ("when", "yesterday", "says no time"),
    ],
)
def test_a_watermark_that_is_no_longer_good_is_expired(ou: Ou, part: str, value: str, told: str) -> None:
    ou.user("ann")
    follows = Follows(ou, USER, {"user": ["cn"]})
    marks = orjson.loads(follows.since)
    marks[""][part] = value
    with pytest.raises(WatermarkExpired, match=told):
        pages(follows.made, orjson.dumps(marks).decode())


@pytest.mark.parametrize("since", ["", "{}", "[]", '{"": 1}', '{"": {}}'])
def test_a_watermark_of_something_else_is_expired(ou: Ou, since: str) -> None:
    with pytest.raises(WatermarkExpired, match="not one of Active Directory's"):
        pages(ou.connector(), since)


def test_update_numbers_of_another_controller_mean_nothing(ou: Ou) -> None:
    follows = Follows(ou, USER, {"user": ["cn"]}, delta="usn")
    marks = orjson.loads(follows.since)
    marks[""]["of"] = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    with pytest.raises(WatermarkExpired, match="another domain controller"):
        pages(follows.made, orjson.dumps(marks).decode())


# --- a controller that lost what it had


@WAYS
@pytest.mark.parametrize(
    ("part", "value", "told"),
    [
        ("of", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "was restored from a backup"),
        ("usn", 1 << 40, "has counted .* and 1099511627776 at the last read. It was put back to a snapshot"),
        ("last", ["3f2504e0-4f89-41d3-9a0c-0305e82c3301", 5], "no longer knows its change 5"),
    ],
)
def test_a_controller_that_lost_what_was_seen_of_it_went_back(
    ou: Ou, way: str, part: str, value: object, told: str
) -> None:
    ou.user("ann")
    follows = Follows(ou, USER, {"user": ["cn"]}, delta=way)
    marks = orjson.loads(follows.since)
    (controller,) = marks[""]["seen"].values()
    controller[part] = value
    with pytest.raises(WentBack, match=told):
        pages(follows.made, orjson.dumps(marks).decode())


@WAYS
def test_a_controller_is_watched_from_read_to_read(ou: Ou, way: str) -> None:
    ann = ou.user("ann")
    follows = Follows(ou, USER, {"user": ["cn"]}, delta=way)
    (guid,) = before = orjson.loads(follows.since)[""]["seen"]
    ou.set(ann, title="Dr")
    ou.admin.delete_s(ann)
    follows.pages()
    after = orjson.loads(follows.since)[""]["seen"]
    assert list(after) == list(before)
    assert after[guid]["last"] == [follows.anchors[ann], after[guid]["usn"]], "also what was deleted"


@pytest.mark.parametrize("lost", ["fewer changes than before", "as many other changes"])
def test_a_controller_put_back_to_a_snapshot_is_noticed(other_samba_server: SambaDc, lost: str) -> None:
    server = other_samba_server
    server.start()
    made = Ou(server)
    private = server.folder / "private"
    kept = server.folder / "kept"
    ann = made.user("ann")
    server.stop()
    shutil.copytree(private, kept, symlinks=True, ignore=_sockets)
    server.start()
    made.admin = server.connect()
    made.set(ann, title="Dr")
    follows = [Follows(made, USER, {"user": ["title"]}, delta=way) for way in ("dirsync", "usn")]
    server.stop()
    shutil.copytree(kept, private, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(kept)
    server.start()
    made.admin = server.connect()
    if lost == "as many other changes":
        for number in range(20):
            made.contact(f"c{number}")
    for one in follows:
        with pytest.raises(WentBack, match="put back to a snapshot"):
            one.pages()
    made.close()


def _sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (Path(folder) / name).is_socket()]


def test_without_deltas_there_is_no_watermark(ou: Ou) -> None:
    assert pages(ou.connector(delta="none"))[-1].watermark is None
