"""/contacts (https://learn.microsoft.com/graph/api/resources/orgcontact).

Graph lets nobody write contacts: they come from on premises. Here, applications that may synchronise write them.
"""

from __future__ import annotations

from typing import Final

from muster.directory.devices import create_contact, update_contact
from muster.directory.edges import Relation
from muster.directory.objects import Entry, find
from muster.directory.schema.kinds import Kind
from muster.server.graph.call import Call
from muster.server.graph.referring import MEMBER_OF, TRANSITIVE_MEMBER_OF, backward
from muster.server.graph.resources.collection import collection
from muster.server.graph.resources.listing import listed
from muster.server.graph.resources.rights import READ_CONTACTS, WRITE_CONTACTS

_PATH: Final = "contacts/{}"


def contact(call: Call) -> Entry:
    """The contact that the path names. Raises `NotFound`."""
    return find(call.work, call.key, (Kind.CONTACT,))


ROUTES: Final = (
    *collection(
        "contacts",
        Kind.CONTACT,
        contact,
        make=lambda call: create_contact(call.work, call.document()),
        change=lambda call, entry: update_contact(call.work, entry, call.document()),
        read=READ_CONTACTS,
        write=WRITE_CONTACTS,
    ),
    *listed(_PATH, contact, "directReports", backward(Relation.MANAGER), READ_CONTACTS, Kind.USER),
    *listed(_PATH, contact, "memberOf", MEMBER_OF, READ_CONTACTS, Kind.GROUP),
    *listed(_PATH, contact, "transitiveMemberOf", TRANSITIVE_MEMBER_OF, READ_CONTACTS, Kind.GROUP),
)
