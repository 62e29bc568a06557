"""/teams (https://learn.microsoft.com/graph/api/resources/team)."""

from __future__ import annotations

import re
import uuid
from typing import Any, Final

from muster.directory.objects import Entry, find
from muster.directory.schema.kinds import Kind
from muster.directory.teams import DATA, SETTINGS, archive, create_team, find_team, make_team, teams, update_team
from muster.server.graph.call import Answer, Call, Route, context, done
from muster.server.graph.errors import bad_request
from muster.server.graph.reading import PAGE, after, page_answer
from muster.server.graph.referring import reference_id
from muster.server.graph.resources.groups import group
from muster.server.graph.resources.rights import CREATE_TEAMS, READ_TEAMS, WRITE_TEAMS

_PATH: Final = "teams/{}"
_USER: Final = re.compile(r".*/users(?:\('(?P<quoted>[^']+)'\)|/(?P<plain>[^/]+))", re.IGNORECASE)
_ROLES: Final = ("owner", "guest")


def team(call: Call) -> Entry:
    """The group of the team that the path names. Raises `NotFound`."""
    return find_team(call.work, call.key)


def bound_user(body: dict[str, Any]) -> str:
    """The user of `user@odata.bind`, by id or name. Raises `GraphError`."""
    value = body.get("user@odata.bind")
    match = _USER.fullmatch(value) if isinstance(value, str) and len(value) <= 1000 else None
    if match is None:
        raise bad_request("'user@odata.bind' must be an address such as https://graph.microsoft.com/v1.0/users('id').")
    return match["quoted"] or match["plain"]


def is_owner(body: dict[str, Any]) -> bool:
    """Whether the roles of a member make them an owner. Raises `GraphError`."""
    roles = body.get("roles")
    if roles is None:
        return False
    if not isinstance(roles, list) or any(role not in _ROLES for role in roles):
        raise bad_request("Invalid role specified for member. Possible values: owner; none for a member.")
    return "owner" in roles


def _shown(call: Call, one: Entry) -> dict[str, Any]:
    data = one.doc[DATA]
    return {
        "id": one.guid,
        "createdDateTime": data["createdDateTime"],
        "displayName": one.doc["displayName"],
        "description": one.doc.get("description"),
        "internalId": None,
        "classification": one.doc.get("classification"),
        "visibility": (one.doc.get("visibility") or "Public").lower(),
        "isArchived": data["isArchived"],
        "tenantId": call.work.tenant.id,
        "webUrl": None,
        **{name: data.get(name) for name in SETTINGS},
    }


def _get(call: Call) -> Answer:
    return _entity(call, team(call))


def _entity(call: Call, one: Entry, status: int = 200) -> Answer:
    return Answer(status, {"@odata.context": context(call, "teams", entity=True), **_shown(call, one)})


def _list(call: Call) -> Answer:
    found = teams(call.work, call.options.top or PAGE, after(call))
    return page_answer(
        call, {"@odata.context": context(call, "teams")}, found, [_shown(call, one) for one in found.entries]
    )


def _create(call: Call) -> Answer:
    body = call.document()
    if "group@odata.bind" in body:
        of = find(call.work, reference_id(body["group@odata.bind"], "group@odata.bind"), (Kind.GROUP,))
        made = make_team(call.work, of, body)
    else:
        members = body.get("members") or []
        if not isinstance(members, list) or not all(isinstance(one, dict) for one in members):
            raise bad_request("'members' must be a list of members.")
        made = create_team(call.work, body, [(bound_user(one), is_owner(one)) for one in members])
    operation = f"/teams('{made.guid}')/operations('{uuid.uuid4()}')"
    return Answer(202, headers={"Location": operation, "Content-Location": f"/teams('{made.guid}')"})


def _operation(call: Call) -> Answer:
    """What was asked for is done by the time that anybody asks."""
    one = team(call)
    made = one.doc[DATA]["createdDateTime"]
    return Answer(
        200,
        {
            "@odata.context": context(call, f"teams('{one.guid}')/operations", entity=True),
            "id": call.keys[1],
            "operationType": "createTeam",
            "status": "succeeded",
            "createdDateTime": made,
            "lastActionDateTime": made,
            "attemptsCount": 1,
            "targetResourceId": one.guid,
            "targetResourceLocation": f"/teams('{one.guid}')",
            "error": None,
        },
    )


def _update(call: Call) -> Answer:
    update_team(call.work, team(call), call.document())
    return done()


def _archive(archived: bool) -> Any:
    def change(call: Call) -> Answer:
        one = archive(call.work, team(call), archived)
        return Answer(202, headers={"Location": f"/teams('{one.guid}')/operations('{uuid.uuid4()}')"})

    return change


def _group_team(call: Call) -> Answer:
    return _entity(call, find_team(call.work, group(call).guid))


def _make(call: Call) -> Answer:
    return _entity(call, make_team(call.work, group(call), call.optional_document()), 201)


ROUTES: Final = (
    Route("GET", "teams", _list, READ_TEAMS),
    Route("POST", "teams", _create, CREATE_TEAMS),
    Route("GET", _PATH, _get, READ_TEAMS),
    Route("PATCH", _PATH, _update, WRITE_TEAMS),
    Route("POST", f"{_PATH}/archive", _archive(True), WRITE_TEAMS),
    Route("POST", f"{_PATH}/unarchive", _archive(False), WRITE_TEAMS),
    Route("GET", f"{_PATH}/operations/{{}}", _operation, READ_TEAMS),
    Route("GET", "groups/{}/team", _group_team, READ_TEAMS),
    Route("PUT", "groups/{}/team", _make, CREATE_TEAMS),
)
