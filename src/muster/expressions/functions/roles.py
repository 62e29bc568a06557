"""App role assignments, as the Entra provisioning service sends them.

https://learn.microsoft.com/entra/identity/app-provisioning/customize-application-attributes#provisioning-a-role-to-a-scim-app
An assignment is an object with `id`, `value` and `displayName`, the JSON text of one, or just the role's name.
"""

import json
from collections.abc import Mapping

from muster.expressions.functions.function import Function
from muster.expressions.functions.multivalue import values_of
from muster.expressions.values import to_text


def _role(assignment: object) -> Mapping[str, object]:
    if isinstance(assignment, Mapping):
        return assignment
    text = to_text(assignment)
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return found
    return {"value": text, "displayName": text}


def single_role(assignments: object) -> object:
    """`SingleAppRoleAssignment([appRoleAssignments])`: the first role's name; NULL without any."""
    for assignment in values_of(assignments):
        role = _role(assignment)
        return to_text(role.get("value") or role.get("displayName"))
    return None


def complex_roles(assignments: object) -> object:
    """`AppRoleAssignmentsComplex([appRoleAssignments])`: each role as the JSON text of a SCIM role, none primary."""
    return [
        json.dumps(
            {
                "primary": False,
                "type": "WindowsAzureActiveDirectoryRole",
                "display": role.get("displayName") or role.get("value"),
                "value": role.get("value") or role.get("displayName"),
            },
            ensure_ascii=False,
        )
        for role in map(_role, values_of(assignments))
    ]


FUNCTIONS = (
    Function("SingleAppRoleAssignment", 1, 1, single_role),
    Function("AppRoleAssignmentsComplex", 1, 1, complex_roles),
    Function("AssertiveAppRoleAssignmentsComplex", 1, 1, complex_roles),
)
