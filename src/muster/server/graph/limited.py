"""What an application sees of objects that it has no right to read, where something that it may read refers to them.

Graph answers them with their type and id, and null for all else ("Limited information returned for inaccessible member
objects", learn.microsoft.com/graph/permissions-overview).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muster.directory.objects import Entry
from muster.server.graph.call import Call
from muster.server.graph.resources.rights import READ
from muster.server.graph.show import shown


def shown_to(call: Call, entry: Entry, names: Sequence[str] | None, *, typed: bool = True) -> dict[str, Any]:
    """The object with these properties, as far as the caller may read objects of its kind."""
    if any(one in call.application.permissions for one in READ[entry.kind]):
        return shown(entry, names, typed=typed)
    schema = entry.schema
    nothing = dict.fromkeys(names if names is not None else schema.shown)
    return {"@odata.type": schema.odata_type, "id": entry.guid, **{n: None for n in nothing if n != "id"}}
