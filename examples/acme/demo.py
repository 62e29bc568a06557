"""`make demo`: Acme from nothing to synchronised, and the day after, with the real commands in a temporary folder.

Each step prints the command it runs and checks what came of it; a step that is not as expected ends the demo with
exit code 1 and says what was found.
"""

import csv
import json
import os
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

MONDAY, TUESDAY = "2026-11-23T08:00:00Z", "2026-11-24T08:00:00Z"
Line = dict[str, str]


class Unexpected(Exception):
    """A result that is not what the demo shows."""


def say(text: str) -> None:
    """A heading between the commands."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n# {text}", flush=True)


def expect(what: str, found: object, wanted: object) -> None:
    """Check one result and say so."""
    if found != wanted:
        raise Unexpected(f"{what}: expected {wanted}, found {found}")
    print(f"  ✓ {what}: {found}", flush=True)


class Company:
    """The project folder and the world around it."""

    def __init__(self, folder: Path, crm: str, token: str) -> None:
        self.folder, self.crm, self.token = folder, crm, token
        self.now = MONDAY

    def muster(self, *arguments: str, code: int = 0, quiet: bool = False) -> str:
        """Run the command, show it and what it prints, check its exit code; what it printed."""
        shown = " ".join(f"'{part}'" if " " in part else part for part in arguments)
        print(f"\n$ muster {shown}", flush=True)
        done = subprocess.run(
            [str(Path(sys.executable).with_name("muster")), *arguments],
            cwd=self.folder if self.folder.is_dir() else self.folder.parent,
            env={**os.environ, "MUSTER_NOW": self.now, "MUSTER_SECRET_CRM": self.token},
            stdout=subprocess.PIPE if quiet else None,
            text=True,
            check=False,
        )
        if done.returncode != code:
            raise Unexpected(f"muster {shown} ended with exit code {done.returncode}, expected {code}")
        return done.stdout or ""

    def document(self, *arguments: str, code: int = 0) -> Any:
        """The JSON document of a command."""
        return json.loads(self.muster(*arguments, "--json", code=code, quiet=True))

    # ------------------------------------------------------------ what stands in the files and systems

    def workers(self) -> list[Line]:
        """HR's file."""
        with (self.folder / "data" / "workers.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def write_workers(self, lines: list[Line]) -> None:
        """HR writes its file."""
        with (self.folder / "data" / "workers.csv").open("w", encoding="utf-8", newline="") as file:
            out = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
            out.writeheader()
            out.writerows(lines)

    def here(self) -> int:
        """How many people ought to have an account today, counted from the files without Muster."""
        today = datetime.fromisoformat(self.now).date()
        found = {(line["private_mail"], line["born"]) for line in self.workers() if _works(line, today)}
        with (self.folder / "data" / "contractors.jsonl").open(encoding="utf-8") as file:
            for line in map(json.loads, file):
                if date.fromisoformat(line["from"]) <= today <= date.fromisoformat(line["until"]):
                    found.add((line["email"].lower(), line["birthday"]))
        return len(found)

    def account(self, number: str) -> dict[str, Any]:
        """Somebody's row in the order desk."""
        with closing(sqlite3.connect(self.folder / "data" / "app.db")) as database:
            database.row_factory = sqlite3.Row
            rows = database.execute("SELECT * FROM account WHERE employee_number = ?", (number,)).fetchall()
        return dict(rows[0]) if rows else {}

    def accounts(self) -> int:
        """How many accounts of the order desk are switched on."""
        with closing(sqlite3.connect(self.folder / "data" / "app.db")) as database:
            found = database.execute("SELECT count(*) FROM account WHERE active").fetchone()
        return int(found[0])

    def entries(self) -> int:
        """How many entries of the directory are active."""
        text = (self.folder / "data" / "directory.ldif").read_text(encoding="utf-8")
        return text.lower().count("\nemployeestatus: active\n")

    def crm_user(self, login: str) -> dict[str, Any]:
        """Somebody's user in the CRM."""
        answer = httpx.get(
            f"{self.crm}/Users",
            params={"filter": f'userName eq "{login}"'},
            headers={"Authorization": f"Bearer {self.token}"},
            trust_env=False,
        )
        found: list[dict[str, Any]] = answer.raise_for_status().json().get("Resources") or [{}]
        return found[0]


def _works(line: Line, today: date) -> bool:
    if line["status"] in ("draft", "left"):
        return False
    left = line["last_day"] and date.fromisoformat(line["last_day"]) < today
    return date.fromisoformat(line["first_day"]) - timedelta(days=7) <= today and not left


@contextmanager
def crm_server() -> Iterator[tuple[str, str]]:
    """A SCIM 2.0 application on this machine, in memory; its address and token."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(12)
    url = f"http://127.0.0.1:{port}/v2"
    program = Path(sys.executable).with_name("scim2-server")
    options = ["--hostname", "127.0.0.1", "--port", str(port), "--bearer-token", token]
    with subprocess.Popen(
        [str(program), *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait(lambda: httpx.get(f"{url}/ServiceProviderConfig", trust_env=False).status_code < 500, server)
            yield url, token
        finally:
            server.terminate()


def _wait(ready: Callable[[], bool], server: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if server.poll() is not None:
            break
        try:
            if ready():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise Unexpected("the SCIM application did not start")


def first_day(company: Company) -> None:
    """From an empty folder to three systems in step."""
    say("A project: the example company, with a thousand people in data/")
    company.muster("init", str(company.folder), "--example", "acme")
    system = company.folder / "systems" / "crm.yaml"
    system.write_text(system.read_text("utf-8").replace("http://127.0.0.1:8474/v2", company.crm), "utf-8")
    print(f"  systems/crm.yaml now points to the SCIM application that this demo started: {company.crm}")
    company.muster("check")

    say("What would change? Nothing is written yet")
    company.muster("plan", code=2)
    expect("accounts in the order desk", company.accounts(), 0)

    say("Make it so")
    company.muster("apply")
    expect("accounts in the order desk", company.accounts(), company.here())
    expect("entries in the directory", company.entries(), company.here())
    expect("changes that are left", company.document("plan")["changes"], [])


def next_day(company: Company) -> tuple[Line, Line, Line, Line]:
    """HR's Tuesday: a joiner, a mover, a leaver, a new name."""
    say("The next day HR has a joiner, a mover, a leaver and a new name")
    company.now = TUESDAY
    lines = company.workers()
    staff = [line for line in lines if line["status"] == "active" and line["title"] != "Team Lead"]

    def one(department: str, title: str) -> Line:
        return next(line for line in staff if line["dept"] == department and line["title"] == title)

    mover, leaver, renamed = (
        one("Sales", "Sales Representative"),
        one("Finance", "Accountant"),
        one("IT", "System Engineer"),
    )
    finance = next(line for line in lines if line["title"] == "Head of Finance")
    joiner = dict(leaver) | {
        "employee_id": "100950",
        "first_name": "Nóra",
        "last_name": "Szabó",
        "passport_first": "",
        "passport_last": "",
        "private_mail": "nora@post.example",
        "born": "1999-05-17",
        "dept": "Marketing",
        "title": "Editor",
        "first_day": "2026-11-24",
    }
    mover |= {"dept": "Finance", "title": "Controller", "manager_id": finance["employee_id"]}
    leaver |= {"last_day": "2026-11-23", "status": "left"}
    renamed["last_name"] += " Szabó"
    company.write_workers([*lines, joiner])
    for word, line in (("joins", joiner), ("moves", mover), ("leaves", leaver), ("is renamed", renamed)):
        print(
            f"  {line['employee_id']} {line['first_name']} {line['last_name']} {word} ({line['dept']}, {line['title']})"
        )
    return joiner, mover, leaver, renamed


def second_day(company: Company) -> None:
    """Only what changed is planned and done, and every value can be explained."""
    joiner, mover, leaver, renamed = next_day(company)
    login = company.account(renamed["employee_id"])["login"]
    company.muster("plan", "-o", "tuesday.plan", code=2)

    say("Apply exactly the plan that was reviewed")
    company.muster("apply", "tuesday.plan")
    expect("the joiner's login", company.account(joiner["employee_id"])["login"], "nora.szabo")
    expect("the joiner in the CRM", company.crm_user("nora.szabo").get("active"), True)
    moved = company.account(mover["employee_id"])
    expect("the mover's department", moved["department"], "Finance")
    expect("the mover in the CRM", company.crm_user(moved["login"]).get("active"), False)
    expect("the leaver's account switched on", bool(company.account(leaver["employee_id"])["active"]), False)
    married = company.account(renamed["employee_id"])
    expect("the new name", married["display_name"], f"{renamed['first_name']} {renamed['last_name']}")
    expect("the login, kept under the new name", married["login"], login)
    expect("accounts switched on in the order desk", company.accounts(), company.here())
    expect("active entries in the directory", company.entries(), company.here())
    expect("changes that are left", company.document("plan")["changes"], [])

    say("In thirty days the leaver's accounts will go")
    company.muster("plan", "--as-of", "2026-12-25", "--identity", leaver["employee_id"], code=2)

    say("Why does the order desk say Finance? From the value back to the line of HR's file")
    company.muster("explain", mover["employee_id"], "app", "department")
    company.muster("log")


def memory_lost(company: Company) -> None:
    """Without its store Muster reads everything again, and knows every account by its employee number."""
    say("What if Muster's memory is lost? It reads everything again and finds every account")
    shutil.rmtree(company.folder / ".muster")
    company.muster("plan")


def main() -> int:
    """The whole demo; the exit code."""
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="muster-demo-") as folder, crm_server() as (url, token):
            company = Company(Path(folder) / "acme", url, token)
            first_day(company)
            second_day(company)
            memory_lost(company)
    except Unexpected as error:
        print(f"\nThe demo is not as it should be: {error}", file=sys.stderr)
        return 1
    say(f"Done in {time.monotonic() - started:.0f} seconds, on {datetime.now(UTC).date()}.")
    print("To look around yourself: muster init acme --example acme, then read acme/README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
