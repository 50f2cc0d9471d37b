"""The outside world for tests and benchmarks: real servers on ports of their own that can fail in every way we know.

`SmsServer` speaks Twilio's REST protocol, `MailServer` SMTP. Both keep what they took: that is the truth about how
often a customer was told.
"""

from __future__ import annotations

import base64
import json
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from aiosmtpd.controller import Controller

from app.rules.signatures import twilio_signature

ACCOUNT, SECRET, SENDER = "AC" + "0" * 32, "s3cret", "+15005550006"


@dataclass
class Sms:
    """One message that the stand-in took."""

    sid: str
    to: str
    body: str
    form: dict[str, str]
    date_created: str
    #: When it came, on this host's steady clock.
    at_s: float = field(default_factory=time.monotonic)


class SmsServer:
    """Twilio's Messages resource. `modes` says what happens to the next requests, one each; afterwards `mode`:

    ok · (400, 21614) or any status with a code · hang (taken, no answer) · close (taken, connection closed) ·
    broken (taken, half an answer) · empty (taken, 201 without body) · lost (not taken, connection closed) ·
    drip (taken, one byte now and then)
    """

    def __init__(self) -> None:
        self.taken: list[Sms] = []
        self.mode: Any = "ok"
        self.modes: deque[Any] = deque()
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.arrived = Event()
        #: How messages are dated; a test with a clock of its own puts that here.
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._lock = Lock()
        self._over = Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                outer._post(self)

            def do_GET(self) -> None:
                outer._get(self)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that gave up
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; what hangs is let go."""
        self._over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def bodies(self) -> list[str]:
        """Return the texts that were taken, in order."""
        return [sms.body for sms in self.taken]

    def report(self, sms: Sms, status: str, error_code: str = "") -> int:
        """Post a signed status callback, as Twilio would; return the HTTP status it was answered with."""
        url = sms.form["StatusCallback"]
        form = {"MessageSid": sms.sid, "MessageStatus": status, "AccountSid": ACCOUNT, "To": sms.to}
        if error_code:
            form["ErrorCode"] = error_code
        signature = twilio_signature(SECRET, url, {name: [value] for name, value in form.items()})
        return requests.post(url, data=form, headers={"X-Twilio-Signature": signature}, timeout=5).status_code

    def _next_mode(self) -> Any:
        with self._lock:
            return self.modes.popleft() if self.modes else self.mode

    def _take(self, form: dict[str, str]) -> Sms:
        with self._lock:
            dated = format_datetime(self.now(), usegmt=True)
            sms = Sms(f"SM{len(self.taken):032x}", form["To"], form["Body"], form, dated)
            self.taken.append(sms)
        self.arrived.set()
        return sms

    def _post(self, request: BaseHTTPRequestHandler) -> None:
        raw = request.rfile.read(int(request.headers.get("Content-Length", 0))).decode()
        form = {name: values[0] for name, values in parse_qs(raw, keep_blank_values=True).items()}
        self.asked.append(("POST", request.path, form))
        if not self._known(request):
            return self._answer(request, 401, {"code": 20003, "message": "Authenticate", "status": 401})
        mode = self._next_mode()
        if isinstance(mode, tuple):
            status, code = mode
            said = {"code": code, "message": f"The 'To' number {form.get('To')} is bad", "status": status}
            return self._answer(request, status, said)
        if mode == "lost":
            return self._hang_up(request)
        sms = self._take(form)
        if mode == "ok":
            return self._answer(request, 201, {"sid": sms.sid, "status": "queued", "error_code": None})
        if mode == "hang":
            self._over.wait(30)
        elif mode == "broken":
            return self._answer(request, 201, None, b'{"sid": "SM')
        elif mode == "empty":
            return self._answer(request, 201, None, b"")
        elif mode == "drip":
            request.wfile.write(b"HTTP/1.1 201 Created\r\n")
            while not self._over.wait(0.05):
                request.wfile.write(b"x")
        self._hang_up(request)

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append(("GET", parts.path, query))
        if not self._known(request):
            return self._answer(request, 401, {"code": 20003})
        mode = self._next_mode()
        if isinstance(mode, tuple):
            return self._answer(request, mode[0], {"code": mode[1]})
        if mode in ("lost", "close"):
            return self._hang_up(request)
        found = [
            {"sid": s.sid, "to": s.to, "body": s.body, "date_created": s.date_created, "status": "sent"}
            for s in reversed(self.taken)
            if s.to == query.get("To", s.to)
        ]
        self._answer(request, 200, {"messages": found[: int(query.get("PageSize", 50))]})

    def _known(self, request: BaseHTTPRequestHandler) -> bool:
        expected = base64.b64encode(f"{ACCOUNT}:{SECRET}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {expected}"

    def _answer(self, request: BaseHTTPRequestHandler, status: int, body: Any, raw: bytes | None = None) -> None:
        data = json.dumps(body).encode() if raw is None else raw
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _hang_up(self, request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        with suppress(OSError):
            request.connection.shutdown(socket.SHUT_RDWR)


class MailServer:
    """A mail server. `reply_rcpt` and `reply_data` are its answers; `break_off` hangs up after it took the text."""

    def __init__(self, **options: Any) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.reply_rcpt = "250 OK"
        self.reply_data = "250 OK"
        self.break_off = False
        self.arrived = Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        outer = self

        class Handler:
            async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
                if outer.reply_rcpt.startswith("2"):
                    envelope.rcpt_tos.append(address)
                return outer.reply_rcpt

            async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
                if outer.reply_data.startswith("2"):
                    mail = message_from_bytes(envelope.content, policy=policy.default)
                    outer.mails.append(mail)  # type: ignore[arg-type]
                    outer.recipients.extend(envelope.rcpt_tos)
                    outer.arrived.set()
                if outer.break_off:
                    server.transport.abort()
                return outer.reply_data

        class OnOurSocket(Controller):
            def _create_server(self) -> Any:
                return self.loop.create_server(self._factory_invoker, sock=outer._socket, ssl=self.ssl_context)

        self._controller = OnOurSocket(Handler(), hostname="127.0.0.1", port=self.port, **options)
        self._controller.start()
        self.url = f"smtp://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop."""
        self._controller.stop()


@contextmanager
def sms_server() -> Iterator[SmsServer]:
    """Run a stand-in for Twilio."""
    server = SmsServer()
    try:
        yield server
    finally:
        server.close()


@contextmanager
def mail_server(**options: Any) -> Iterator[MailServer]:
    """Run a mail server."""
    server = MailServer(**options)
    try:
        yield server
    finally:
        server.close()
