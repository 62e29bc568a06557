"""/contacts (https://learn.microsoft.com/graph/api/resources/orgcontact).

Graph lets nobody write contacts: they come from on premises. Here, applications that may synchronise write them.
"""

from __future__ import annotations

from typing import Final

from muster.directory.devices import create_contact, update_contact
from muster.directory.edges import Relation
from muster.directory.lifecycle import delete
from muster.directory.objects import Entry, find
from muster.directory.schema.kinds import SCHEMAS, Kind
from muster.server.graph.call import Answer, Call, Route, context, created, done
from muster.server.graph.changes import delta_objects
from muster.server.graph.reading import count_objects, get_object, list_objects
from muster.server.graph.referring import MEMBER_OF, TRANSITIVE_MEMBER_OF, backward
from muster.server.graph.resources.listing import listed
from muster.server.graph.resources.rights import READ_CONTACTS, WRITE_CONTACTS
from muster.server.graph.show import shown

CONTACT: Final = SCHEMAS[Kind.CONTACT]
_PATH: Final = "contacts/{}"


def contact(call: Call) -> Entry:
    """The contact that the path names. Raises `NotFound`."""
    return find(call.work, call.key, (Kind.CONTACT,))


def _create(call: Call) -> Answer:
    made = create_contact(call.work, call.document())
    return created(call, {"@odata.context": context(call, "contacts", entity=True), **shown(made, None)}, made.guid)


def _update(call: Call) -> Answer:
    entry = contact(call)
    call.expect(entry)
    update_contact(call.work, entry, call.document())
    return done()


def _delete(call: Call) -> Answer:
    entry = contact(call)
    call.expect(entry)
    delete(call.work, entry)
    return done()


ROUTES: Final = (
    Route("GET", "contacts", lambda call: list_objects(call, CONTACT), READ_CONTACTS),
    Route("POST", "contacts", _create, WRITE_CONTACTS),
    Route("GET", "contacts/$count", lambda call: count_objects(call, CONTACT), READ_CONTACTS),
    Route("GET", "contacts/delta", lambda call: delta_objects(call, Kind.CONTACT, ()), READ_CONTACTS),
    Route("GET", _PATH, lambda call: get_object(call, contact(call)), READ_CONTACTS),
    Route("PATCH", _PATH, _update, WRITE_CONTACTS),
    Route("DELETE", _PATH, _delete, WRITE_CONTACTS),
    *listed(_PATH, contact, "directReports", backward(Relation.MANAGER), READ_CONTACTS, Kind.USER),
    *listed(_PATH, contact, "memberOf", MEMBER_OF, READ_CONTACTS, Kind.GROUP),
    *listed(_PATH, contact, "transitiveMemberOf", TRANSITIVE_MEMBER_OF, READ_CONTACTS, Kind.GROUP),
)
