"""A company of any size over memory systems: one source, one target, 20 flows each way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from muster.app.muster import Muster
from muster.connectors.kit.memory_system import MemorySystem
from muster.model.schema import ENABLED_ATTRIBUTE, ObjectSchema
from muster.model.values import Attribute, Document

WORKER = ObjectSchema("worker", "id", {"id": Attribute("id")}, open=True)
ACCOUNT = ObjectSchema(
    "account", "login", {"login": Attribute("login"), "enabled": ENABLED_ATTRIBUTE}, can_enable=True, open=True
)
S = TypeVar("S", bound=MemorySystem)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)

SOURCE = """\
system: hr
object: worker
identity: person
join:
  - employeeId: '[id]'
project: true
inbound:
  precedence: 10
  flows:
    employeeId: '[id]'
    givenName: '[first]'
    surname: '[last]'
    displayName: 'Join(" ", [first], [last])'
    mail: 'ToLower(Join("", [first], ".", [last], ".", [id], "@acme.example"))'
    department: '[dept]'
    jobTitle: '[title]'
    companyName: '[company]'
    city: '[city]'
    country: '[country]'
    postalCode: '[zip]'
    streetAddress: '[street]'
    state: 'Switch([country], "", "DE", "Germany", "FR", "France", "NL", "Netherlands")'
    officeLocation: 'Join(" ", [city], [building])'
    mobilePhone: 'Replace([mobile], " ", , , "", , )'
    employeeType: 'IIF([kind] = "E", "Employee", "Contractor")'
    preferredLanguage: 'Coalesce([lang], "en")'
    usageLocation: 'ToUpper([country])'
    userType: '"Member"'
    active: '[status] = "active"'
"""
TARGET = """\
system: app
object: account
identity: person
join:
  - employeeId: '[emp]'
outbound:
  provision: '[active]'
  deprovision: disable
  flows:
    login: '[employeeId]'
    emp: '[employeeId]'
    first: '[givenName]'
    last: '[surname]'
    name: '[displayName]'
    mail: '[mail]'
    alias: 'Left(ToLower([surname]), 8)'
    department: '[department]'
    title: '[jobTitle]'
    company: '[companyName]'
    city: '[city]'
    country: '[country]'
    zip: '[postalCode]'
    street: '[streetAddress]'
    region: '[state]'
    office: '[officeLocation]'
    mobile: '[mobilePhone]'
    kind: 'IIF([employeeType] = "Employee", "E", "C")'
    language: '[preferredLanguage]'
    sort: 'Join(", ", [surname], [givenName])'
"""
FIRST = ("Ada", "Bo", "Cy", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jule")
LAST = ("Adler", "Berg", "Cohen", "Dahl", "Ebner", "Frank", "Gruber", "Hansen", "Ito", "Jansen")
CITIES = ("Berlin", "Paris", "Delft", "Lyon", "Essen")


def worker(number: int) -> Document:
    """One row of the HR system."""
    return {
        "id": f"{number:07d}",
        "first": FIRST[number % 10],
        "last": f"{LAST[number // 10 % 10]}{number % 997}",
        "dept": f"D{number % 12:02d}",
        "title": f"Engineer {number % 7}",
        "company": "Acme",
        "city": CITIES[number % 5],
        "country": ("DE", "FR", "NL")[number % 3],
        "zip": f"{number % 99999:05d}",
        "street": f"Main Street {number % 300}",
        "building": f"B{number % 9}",
        "mobile": f"+49 170 {number:07d}",
        "kind": "E" if number % 9 else "C",
        "lang": "de" if number % 2 else "fr",
        "status": "active",
        "born": "1980-01-01",
        "grade": number % 15,
        "cost": f"C{number % 400}",
        "floor": number % 20,
        "shift": "early" if number % 3 else "late",
    }


def workers(count: int) -> Iterator[tuple[str, Document]]:
    """All rows by anchor."""
    for number in range(count):
        row = worker(number)
        yield str(row["id"]), row


class Company:
    """A project in a folder over two memory systems."""

    def __init__(
        self,
        folder: Path,
        count: int,
        *,
        store: str = "sqlite:///.muster/state.db",
    ) -> None:
        self.folder = folder
        self._stack = ExitStack()
        self._names: set[str] = set()
        for name in ("systems", "mappings"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "muster.yaml").write_text(f"project: bench\nstore: {store}\n")
        self.hr = self.system(MemorySystem, "hr", WORKER)
        self.app = self.system(MemorySystem, "app", ACCOUNT)
        self.mapping("hr-worker", SOURCE)
        self.mapping("app-account", TARGET)
        for anchor, row in workers(count):
            self.hr.put("worker", anchor, row)

    def system(self, cls: type[S], name: str, *types: ObjectSchema) -> S:
        """A system of the project, in place of the one that had its name; another process makes the same one."""
        full = f"{self.folder}/{name}"
        if full in self._names:
            MemorySystem.named(full).close()
        self._names.add(full)
        system = cls(full, types)
        self._stack.callback(system.close)
        objects = ", ".join(f"{one.name}: {{}}" for one in types)
        (self.folder / "systems" / f"{name}.yaml").write_text(
            f"connector: memory\nsettings: {{system: {system.name}}}\nobjects: {{{objects}}}\n"
        )
        return system

    def mapping(self, name: str, text: str) -> None:
        """A mapping of the project."""
        (self.folder / "mappings" / f"{name}.yaml").write_text(text)

    def run(self, **options: Any) -> dict[str, Any]:
        """One `muster run`; the steps' seconds come along."""
        with Muster.open(self.folder, now=NOW) as muster:
            document = muster.run(most=20, **options)
            log = muster.log(limit=1)["runs"][0]
        steps: dict[str, float] = {}
        for step in log["steps"]:
            name = f"{step['name']} {step['system']}".strip()
            steps[name] = steps.get(name, 0.0) + step["seconds"]
        return {"document": document, "steps": steps}

    def close(self) -> None:
        """Forget the systems."""
        self._stack.close()
