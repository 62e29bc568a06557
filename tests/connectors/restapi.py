"""Two real HTTP APIs over a socket, with state: one as new applications have it, one as old ones do."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.connectors.scripted import ThreadServer

TOKEN = "the-t0ken-of-the-app"
CLIENT = ("muster", "the-s3cret-of-the-client")


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data) if self.data else None


@dataclass
class Reply:
    """What a request gets. `raw`: in the place of JSON."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None


Fault = Callable[[Asked, Callable[[], Reply]], "Reply | None"]
"""What happens instead: it may let the API do its work first. None: the connection is dropped."""


class Api(ThreadServer):
    """A server; `faults` are for the next requests whose method and path match, each once."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.faults: list[tuple[str, Fault]] = []
        lock = threading.Lock()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, parts.path, query, headers, data)
                with lock:
                    api.asked.append(asked)
                    line = api.line(asked)
                    found = next((one for one in api.faults if re.fullmatch(one[0], line)), None)
                    if found is not None:
                        api.faults.remove(found)
                        reply = found[1](asked, lambda: api.reply(asked))
                    else:
                        reply = api.reply(asked)
                if reply is None:
                    self.close_connection = True
                    return
                text = (
                    reply.raw
                    if reply.raw is not None
                    else b""
                    if reply.body is None
                    else json.dumps(reply.body).encode()
                )
                self.send_response_only(reply.status)
                more = {"Date": formatdate(usegmt=True), "Content-Type": "application/json", **reply.headers}
                for name, value in {**more, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)
                self.wfile.flush()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(Handler)
        self._server.block_on_close = False

    def reply(self, asked: Asked) -> Reply:
        raise NotImplementedError

    def line(self, asked: Asked) -> str:
        """What was asked for, in a line."""
        return f"{asked.method} {asked.path}"

    def fail(self, line: str, how: Fault, times: int = 1) -> None:
        """The next requests of that method and path go wrong."""
        self.faults += [(line, how)] * times

    def lines(self) -> list[str]:
        """Method and path of what was asked, in order."""
        return [self.line(one) for one in self.asked]


def instead(status: int, body: Any = None, **headers: str) -> Fault:
    """Nothing is done, and this is answered."""
    return lambda _asked, _do: Reply(status, body, headers)


def after(status: int, body: Any = None) -> Fault:
    """It is done, and this is answered all the same."""

    def fault(_asked: Asked, do: Callable[[], Reply]) -> Reply:
        do()
        return Reply(status, body)

    return fault


def dropped(_asked: Asked, do: Callable[[], Reply]) -> None:
    """It is done, and the connection is lost."""
    do()


def slow(seconds: float) -> Fault:
    """It is done, and answered too late."""

    def fault(_asked: Asked, do: Callable[[], Reply]) -> Reply:
        found = do()
        time.sleep(seconds)
        return found

    return fault


def page(status: int) -> Fault:
    """A web page."""
    text = b"<!DOCTYPE html><html><body>Please log in</body></html>"
    return lambda _asked, _do: Reply(status, headers={"Content-Type": "text/html; charset=utf-8"}, raw=text)


class NewApi(Api):
    """Numbers as ids, PATCH, cursors, ETags, a filter, changes with tombstones, bulk, members, OAuth 2."""

    def __init__(self) -> None:
        super().__init__()
        self.reset()
        self.token = TOKEN

    def reset(self) -> None:
        self.users: dict[int, dict[str, Any]] = {}
        self.groups: dict[int, dict[str, Any]] = {}
        self.members: dict[int, list[str]] = {}
        self.passwords: dict[int, str] = {}
        self.gone: dict[int, int] = {}
        self.number = 100
        self.tick = 0
        self.unique = True

    def reply(self, asked: Asked) -> Reply:
        if asked.path == "/token":
            return self._token(asked)
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return Reply(401, {"error": {"message": "bad token"}})
        parts = asked.path.removeprefix("/api/").split("/")
        kind = {"users": self.users, "groups": self.groups}[parts[0]]
        if parts[1:] == ["bulk"]:
            return self._bulk(asked, kind)
        if len(parts) == 1:
            return self._create(asked.json, kind) if asked.method == "POST" else self._list(asked, kind)
        number = int(parts[1]) if parts[1].isdigit() else -1
        if number not in kind:
            return Reply(404, {"error": {"message": "no such record"}})
        if len(parts) > 2:
            return self._part(asked, number, parts[2:])
        return self._one(asked, kind, number)

    def _token(self, asked: Asked) -> Reply:
        form = {name: values[0] for name, values in parse_qs(asked.data.decode()).items()}
        sent = base64.b64decode(asked.headers.get("authorization", "").removeprefix("Basic ")).decode()
        if sent != ":".join(CLIENT) or form.get("grant_type") not in (
            "client_credentials",
            "refresh_token",
            "password",
        ):
            return Reply(401, {"error": "invalid_client", "error_description": "unknown client"})
        return Reply(200, {"access_token": self.token, "token_type": "Bearer", "expires_in": 3600})

    def _touch(self, record: dict[str, Any]) -> dict[str, Any]:
        self.tick += 1
        return {**record, "version": self.tick}

    def _create(self, given: Any, kind: dict[int, dict[str, Any]]) -> Reply:
        if not isinstance(given.get("profile", {}).get("age", 0), int):
            return Reply(422, {"error": {"message": "age must be a number"}})
        taken = any(one.get("login") == given.get("login") for one in kind.values() if given.get("login"))
        if taken and self.unique:
            return Reply(409, {"error": {"message": "login is taken"}})
        self.number += 1
        kind[self.number] = self._touch({"status": "active", **given, "id": self.number})
        return Reply(201, kind[self.number], {"Location": f"/api/x/{self.number}"})

    def _one(self, asked: Asked, kind: dict[int, dict[str, Any]], number: int) -> Reply:
        record = kind[number]
        if asked.headers.get("if-match", f'"{record["version"]}"') != f'"{record["version"]}"':
            return Reply(412, {"error": {"message": "changed meanwhile"}})
        if asked.method == "DELETE":
            del kind[number]
            self.tick += 1
            self.gone[number] = self.tick
            return Reply(204)
        if asked.method == "PATCH":
            self._merge(record, asked.json)
            kind[number] = self._touch(record)
        return Reply(200, kind[number], {"ETag": f'"{kind[number]["version"]}"'})

    def _merge(self, record: dict[str, Any], given: dict[str, Any]) -> None:
        for name, value in given.items():
            if isinstance(value, dict):
                self._merge(record.setdefault(name, {}), value)
            elif value is None:
                record.pop(name, None)
            else:
                record[name] = value

    def _part(self, asked: Asked, number: int, rest: list[str]) -> Reply:
        if rest[0] in ("suspend", "activate"):
            self.users[number]["status"] = "suspended" if rest[0] == "suspend" else "active"
            self.users[number] = self._touch(self.users[number])
        elif rest[0] == "password":
            self.passwords[number] = asked.json["new"]
        elif rest[0] == "members":
            have = self.members.setdefault(number, [])
            if asked.method == "GET":
                start = int(asked.query.get("offset", 0))
                return Reply(200, {"items": [{"ref": one} for one in have[start : start + 1000]], "total": len(have)})
            if asked.method == "DELETE":
                if rest[1] not in have:
                    return Reply(404, {"error": {"message": "not a member"}})
                have.remove(rest[1])
            else:
                if "bad" in asked.json["refs"]:
                    return Reply(400, {"error": {"message": "bad is nobody"}})
                have += [one for one in asked.json["refs"] if one not in have]
        return Reply(204)

    def _list(self, asked: Asked, kind: dict[int, dict[str, Any]]) -> Reply:
        records = list(kind.values())
        if "filter" in asked.query:
            wanted = json.loads(asked.query["filter"].removeprefix("login eq "))
            records = [one for one in records if one["login"] == wanted]
        if "since" in asked.query:
            since = int(asked.query["since"])
            records = [one for one in records if one["version"] > since]
            records += [{"id": number, "deleted": True} for number, tick in self.gone.items() if tick > since]
        start, size = int(asked.query.get("cursor", 0)), int(asked.query.get("limit", 3))
        more = start + size if start + size < len(records) else None
        meta = {"next": more, "token": asked.query.get("token_is", self.tick)}
        return Reply(200, {"data": records[start : start + size], "meta": meta})

    def _bulk(self, asked: Asked, kind: dict[int, dict[str, Any]]) -> Reply:
        answers = []
        for one in asked.json["records"]:
            done = self._create(one, kind)
            answers.append({"status": done.status, "body": done.body})
        return Reply(200, {"results": answers})


class OldApi(Api):
    """The login as key, pages by number, everything in an envelope, PUT of whole records, errors under status 200."""

    KEY = "the-api-key"

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        self.people: dict[str, dict[str, Any]] = {}

    def reply(self, asked: Asked) -> Reply:
        if asked.query.get("apikey") != self.KEY:
            return Reply(401, {"ok": False, "error": {"code": "KEY"}})
        login = asked.path.removeprefix("/rpc/person").strip("/")
        if asked.method == "GET" and not login:
            number = int(asked.query["page"])
            listed = list(self.people.values())
            return Reply(
                200, {"ok": True, "result": {"rows": listed[number * 3 : number * 3 + 3], "count": len(listed)}}
            )
        if asked.method == "POST":
            form = {name: values[0] for name, values in parse_qs(asked.data.decode()).items()}
            return self._add({"KEY": form["login"], "NAME": form["name"], "STATE": form.get("state", "A"), "X": "kept"})
        if login not in self.people:
            return self._error("NOT_FOUND")
        if asked.method == "DELETE":
            del self.people[login]
        elif asked.method == "PUT":
            self.people[login] = asked.json["record"]
        return Reply(200, {"ok": True, "result": {"row": self.people.get(login)}})

    def _add(self, record: dict[str, Any]) -> Reply:
        if record["KEY"] in self.people:
            return self._error("DUPLICATE")
        if record["NAME"] == "forbidden":
            return self._error("INVALID")
        self.people[record["KEY"]] = record
        return Reply(200, {"ok": True, "result": {"row": record}})

    def _error(self, code: str) -> Reply:
        return Reply(200, {"ok": False, "error": {"code": code, "text": f"{code}: see the manual"}})
