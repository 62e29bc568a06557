"""/invitations (https://learn.microsoft.com/graph/api/invitation-post)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from muster.directory.guests import invite
from muster.server.graph.call import Answer, Call, Route, created
from muster.server.graph.errors import GraphError, bad_request
from muster.server.graph.resources.rights import INVITE

REDEEM: Final = "/redeem"
"""Where a guest accepts, on this server."""


def _invite(call: Call) -> Answer:
    body = call.document()
    if body.get("sendInvitationMessage"):
        raise GraphError(
            400,
            "Request_BadRequest",
            "The directory sends no mail. Leave sendInvitationMessage out, and send the guest the inviteRedeemUrl of "
            "the answer.",
        )
    if not isinstance(body.get("invitedUser"), dict | None):
        raise bad_request("'invitedUser' must be an object.")
    made = invite(call.work, body)
    root = call.base.rpartition("/")[0]
    user = made.user
    return created(
        call,
        {
            "@odata.context": f"{call.base}/$metadata#invitations/$entity",
            "id": user.guid,
            "inviteRedeemUrl": f"{root}{REDEEM}?{urlencode({'ticket': made.ticket})}",
            "invitedUserDisplayName": user.doc["displayName"],
            "invitedUserType": user.doc["userType"],
            "invitedUserEmailAddress": user.doc["mail"],
            "sendInvitationMessage": False,
            "resetRedemption": body.get("resetRedemption") is True,
            "inviteRedirectUrl": made.redirect,
            "status": made.status,
            "invitedUserMessageInfo": None,
            "invitedUser": {"id": user.guid},
        },
    )


ROUTES: Final = (Route("POST", "invitations", _invite, INVITE),)
