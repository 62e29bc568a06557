"""An HTTP server that answers what a test says: for what no real server can be made to do."""

from __future__ import annotations

import json
import sys
import threading
from abc import ABC, abstractmethod
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TypeAlias

from tests.servers.process import HOST

Reply: TypeAlias = "tuple[int, Any, dict[str, str]]"
"""Status, JSON body (None: none), headers."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news: tests have it go on purpose."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class ThreadServer:
    """A server of these handlers in a thread of the test."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server = _Server((HOST, 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_port}"


class ScriptedServer(ThreadServer, ABC):
    """Answers one request at a time, with `reply`."""

    def __init__(self) -> None:
        lock = threading.Lock()
        reply = self.reply

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with lock:
                    status, content, headers = reply(self.command, self.path, data, self.headers)
                text = b"" if content is None else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(Handler)

    @abstractmethod
    def reply(self, method: str, path: str, data: bytes, headers: Message) -> Reply:
        """What this request gets."""
