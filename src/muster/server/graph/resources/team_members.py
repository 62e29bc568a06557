"""/teams/{id}/members: who is in a team, and what they are there."""

from __future__ import annotations

from typing import Any, Final

from muster.directory.errors import DirectoryError
from muster.directory.objects import Entry, find_named
from muster.directory.pages import Page
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.directory.teams import (
    TeamMember,
    add_member,
    find_member,
    membership_id,
    people,
    remove_member,
    set_role,
)
from muster.server.graph.call import Answer, Call, Route, context, done
from muster.server.graph.errors import bad_request, graph_error
from muster.server.graph.reading import PAGE, after, page_answer
from muster.server.graph.resources.rights import READ_TEAM_MEMBERS, WRITE_TEAM_MEMBERS
from muster.server.graph.resources.teams import bound_user, is_owner, team

_PATH: Final = "teams/{}/members"
_TYPE: Final = "#microsoft.graph.aadUserConversationMember"
_MOST: Final = 200


def _shown(call: Call, group: Entry, one: TeamMember) -> dict[str, Any]:
    doc = one.user.doc
    guest = doc.get("userType") == "Guest"
    return {
        "@odata.type": _TYPE,
        "id": membership_id(call.work, group, one.user),
        "roles": ["owner"] if one.owner else ["guest"] if guest else [],
        "displayName": doc["displayName"],
        "visibleHistoryStartDateTime": "0001-01-01T00:00:00Z",
        "userId": one.user.guid,
        "email": doc.get("mail"),
        "tenantId": call.work.tenant.id,
    }


def _entity(call: Call, group: Entry, one: TeamMember, status: int = 200) -> Answer:
    what = f"teams('{group.guid}')/members"
    return Answer(status, {"@odata.context": context(call, what, entity=True), **_shown(call, group, one)})


def _list(call: Call) -> Answer:
    group = team(call)
    found, position = people(call.work, group, call.options.top or PAGE, after(call))
    body = {"@odata.context": context(call, f"teams('{group.guid}')/members")}
    return page_answer(call, body, Page([], position), [_shown(call, group, one) for one in found])


def _get(call: Call) -> Answer:
    group = team(call)
    return _entity(call, group, find_member(call.work, group, call.keys[1]))


def _add(call: Call) -> Answer:
    group = team(call)
    body = call.document()
    return _entity(call, group, add_member(call.work, group, bound_user(body), is_owner(body)), 201)


def _set(call: Call) -> Answer:
    group = team(call)
    body = call.document()
    if "roles" not in body:
        raise bad_request("'roles' is required.")
    return _entity(call, group, set_role(call.work, group, find_member(call.work, group, call.keys[1]), is_owner(body)))


def _remove(call: Call) -> Answer:
    group = team(call)
    remove_member(call.work, group, find_member(call.work, group, call.keys[1]))
    return done()


def _many(call: Call, *, add: bool) -> Answer:
    """Several at once: each is told by itself whether it went well."""
    group = team(call)
    values = call.document().get("values")
    if not isinstance(values, list) or not values or not all(isinstance(one, dict) for one in values):
        raise bad_request("'values' must be a list of members.")
    if len(values) > _MOST:
        raise bad_request(f"'values' has {len(values)} members; at most {_MOST} are allowed.")
    wanted = [(bound_user(one), is_owner(one)) for one in values]
    told: list[dict[str, Any]] = []
    for who, owner in wanted:
        result: dict[str, Any] = {"@odata.type": f"{_TYPE}Result", "userId": who, "error": None}
        try:
            with call.work.apart():
                if add:
                    result["userId"] = add_member(call.work, group, who, owner).user.guid
                else:
                    user = find_named(call.work, SCHEMAS[Kind.USER], who)
                    place = membership_id(call.work, group, user)
                    remove_member(call.work, group, find_member(call.work, group, place))
                    result["userId"] = user.guid
        except DirectoryError as error:
            found = graph_error(error)
            result["error"] = {"code": found.code, "message": found.message}
        told.append(result)
    status = 207 if any(one["error"] for one in told) else 200
    what = f"{call.base}/$metadata#Collection(microsoft.graph.actionResultPart)"
    return Answer(status, {"@odata.context": what, "value": told})


ROUTES: Final = (
    Route("GET", _PATH, _list, READ_TEAM_MEMBERS),
    Route("POST", _PATH, _add, WRITE_TEAM_MEMBERS),
    Route("POST", f"{_PATH}/add", lambda call: _many(call, add=True), WRITE_TEAM_MEMBERS),
    Route("POST", f"{_PATH}/remove", lambda call: _many(call, add=False), WRITE_TEAM_MEMBERS),
    Route("GET", f"{_PATH}/{{}}", _get, READ_TEAM_MEMBERS),
    Route("PATCH", f"{_PATH}/{{}}", _set, WRITE_TEAM_MEMBERS),
    Route("DELETE", f"{_PATH}/{{}}", _remove, WRITE_TEAM_MEMBERS),
)
