"""What can be asked of each kind of object: one file a collection, each with its table of routes."""

from __future__ import annotations

from typing import Final

from muster.server.graph.call import Route
from muster.server.graph.resources.applications import ROUTES as APPLICATIONS
from muster.server.graph.resources.contacts import ROUTES as CONTACTS
from muster.server.graph.resources.deleted import ROUTES as DELETED
from muster.server.graph.resources.devices import ROUTES as DEVICES
from muster.server.graph.resources.groups import ROUTES as GROUPS
from muster.server.graph.resources.invitations import ROUTES as INVITATIONS
from muster.server.graph.resources.objects import ROUTES as OBJECTS
from muster.server.graph.resources.organization import ROUTES as ORGANIZATION
from muster.server.graph.resources.passes import ROUTES as PASSES
from muster.server.graph.resources.team_members import ROUTES as TEAM_MEMBERS
from muster.server.graph.resources.teams import ROUTES as TEAMS
from muster.server.graph.resources.users import ROUTES as USERS

ROUTES: Final[tuple[Route, ...]] = (
    *USERS,
    *GROUPS,
    *DEVICES,
    *CONTACTS,
    *OBJECTS,
    *DELETED,
    *INVITATIONS,
    *TEAMS,
    *TEAM_MEMBERS,
    *PASSES,
    *APPLICATIONS,
    *ORGANIZATION,
)
"""Everything that can be asked."""
