"""Another program on this host that is told of what happens, and that answers as a test wants."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass
class Told:
    """One message as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


class Program:
    """A real HTTP server. `answers` are the next ones, a status or (status, headers, body) each; then all is taken."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.answers: deque[Any] = deque()
        self.answer: Any = 204
        #: While it is set to a new event, every answer waits for it.
        self.waits: Event | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def _do(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.told.append(Told(self.command, self.path, headers, self.rfile.read(length).decode()))
                if outer.waits is not None:
                    outer.waits.wait(20)
                said = outer.answers.popleft() if outer.answers else outer.answer
                status, more, body = said if isinstance(said, tuple) else (said, {}, b"")
                self.send_response(status)
                for name, value in {**more, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET = _do  # noqa: N815

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that gave up
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; what waits is let go."""
        if self.waits is not None:
            self.waits.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@contextmanager
def program() -> Iterator[Program]:
    """Run one for a while."""
    server = Program()
    try:
        yield server
    finally:
        server.close()
