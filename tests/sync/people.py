"""A person source and one account system, as most tests of step three need them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from muster.model.values import Value
from tests.sync.world import MemorySide, World

HR = """
identity: person
project: true
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    givenName: '[first]'
    surname: '[last]'
    displayName: 'Join(" ", [first], [last])'
    department: '[dept]'
    jobTitle: '[title]'
    mail: '[mail]'
    employeeLeaveDateTime: '[leaves]'
    active: '[status] = "active"'
"""

APP = """
identity: person
join:
  - employeeId: '[emp]'
%(top)s
outbound:
  provision: '%(provision)s'
  deprovision: %(deprovision)s
  flows:
    login: 'ToLower([givenName])'
    emp: '[employeeId]'
    name: '[displayName]'
%(flows)s
"""

ADA = {"first": "Ada", "last": "Byron", "dept": "Maths", "status": "active"}
BO = {"first": "Bo", "last": "Dahl", "dept": "Sales", "status": "active"}


def app_rules(
    *, provision: str = "[active]", deprovision: str = "disable", flows: str = "", top: str = "", more: str = ""
) -> str:
    """The rules of the account system; `flows` and `top` are lines of YAML, `more` stands under `outbound`."""
    lines = "".join(f"    {line}\n" for line in flows.strip().splitlines())
    text = APP % {"top": top, "provision": provision, "deprovision": deprovision, "flows": lines.rstrip()}
    return text.replace("  flows:\n", "".join(f"  {line}\n" for line in more.strip().splitlines()) + "  flows:\n", 1)


class Office(World):
    """HR with people, and `app` with their accounts (anchor `login`)."""

    def __init__(
        self,
        folder: Path,
        rules: str | None = None,
        *,
        people: Mapping[str, Mapping[str, Value]] | None = None,
        hr: str = HR,
        safety: str = "safety: {percent: 100}\n",
        attributes: Mapping[str, str] | None = None,
        **target: Any,
    ) -> None:
        super().__init__(folder, safety=safety)
        self.hr: MemorySide = self.source("hr", "worker", rows=people or {"1": ADA}, mapping=hr)
        self.app: MemorySide = self.target(
            "app", "account", mapping=rules or app_rules(), attributes=attributes or {}, **target
        )

    def rules(self, **options: str) -> None:
        """Other rules for the account system."""
        self.mapping("app-account", "app", "account", app_rules(**options))

    def quiet(self) -> bool:
        """Whether a plan has nothing to do and nothing to tell."""
        plan = self.plan()
        return not (plan["changes"] or plan["held"] or plan["errors"])
