"""The outside world for tests and benchmarks: real servers on ports of their own that can fail in every way we know.

`SmsServer` speaks Twilio's REST protocol, `LineServer` LINE's, `MailServer` SMTP. All keep what they took: that is the
truth about how often a customer was told.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import http_ece
import requests
from aiosmtpd.controller import Controller
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.providers.base import PushDevice
from app.rules.signatures import twilio_signature

ACCOUNT, SECRET, SENDER = "AC" + "0" * 32, "s3cret", "+15005550006"
LINE_TOKEN, LINE_SECRET = "line-token", "line-s3cret"


@dataclass
class Asked:
    """One request as it came, for those who hold it against a published description."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class FaultyServer(ABC):
    """A real HTTP server that fails in every way we know. `modes` says what happens to the next requests, one each;
    afterwards `mode`, or what that returns when it is called:

    ok · (400, 21614), (429, 20429, "7") or any status with a code, and a Retry-After · hang (taken, no answer) · close
    (taken, connection closed) · fail (taken, answered 500) · broken (taken, half an answer) · empty (taken, an answer
    without body) · lost (not taken, connection closed) · drip (taken, one byte now and then) · "early ok", "early hang"
    and so on: `calls_back` is called with what was taken, and only then it is answered in that way
    """

    #: How one that was taken is answered.
    accepted = 201

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.mode: Any = "ok"
        self.modes: deque[Any] = deque()
        self.requests: list[Asked] = []
        self.arrived = Event()
        #: What the provider or the customer does before the answer to "early ..." has come.
        self.calls_back: Callable[[Any], object] = lambda _taken: None
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
                outer._post(self, outer._read(self))

            def do_GET(self) -> None:
                outer._read(self)
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

    def release(self) -> None:
        """Let go what hangs."""
        self._over.set()

    def forget(self) -> None:
        """Begin anew, as if nothing had been taken."""
        self.taken.clear()
        self.modes.clear()

    def _known(self, request: BaseHTTPRequestHandler) -> bool:
        """Return whether who asks may; others are answered 401."""
        return True

    @abstractmethod
    def _take(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, Any]:
        """Take one message; return status and body of the answer."""

    def _refusal(self, status: int, code: Any) -> Any:
        """Return the body that goes with a refusal."""
        return {"code": code, "status": status}

    def _read(self, request: BaseHTTPRequestHandler) -> bytes:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        self.requests.append(Asked(request.command, request.path, dict(request.headers.items()), body))
        return body

    def _next_mode(self) -> Any:
        with self._lock:
            mode = self.modes.popleft() if self.modes else self.mode
            return mode() if callable(mode) else mode

    def _post(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        if not self._known(request):
            return self._answer(request, 401, self._refusal(401, 20003))
        mode = self._next_mode()
        if isinstance(mode, tuple):
            status, code, *rest = mode
            headers = {"Retry-After": rest[0]} if rest else {}
            return self._answer(request, status, self._refusal(status, code), headers=headers)
        if mode == "lost":
            return self._hang_up(request)
        with self._lock:
            status, said = self._take(request, body)
            newest = self.taken[-1:]
        self.arrived.set()
        if mode.startswith("early ") and status == self.accepted:
            self.calls_back(*newest)
        mode = mode.removeprefix("early ")
        if mode == "ok":
            return self._answer(request, status, said)
        if mode == "fail":
            return self._answer(request, 500, self._refusal(500, None))
        if mode == "hang":
            self._over.wait(30)
        elif mode == "broken":
            return self._answer(request, self.accepted, None, b'{"sid": "SM')
        elif mode == "empty":
            return self._answer(request, self.accepted, None, b"")
        elif mode == "drip":
            request.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self._over.wait(0.05):
                request.wfile.write(b"x")
        self._hang_up(request)

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        self._answer(request, 404, None)

    def _answer(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        body: Any,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        data = json.dumps(body).encode() if raw is None else raw
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _hang_up(self, request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        with suppress(OSError):
            request.connection.shutdown(socket.SHUT_RDWR)


class RouterServer(FaultyServer):
    """Both kinds of router: OSRM's tables, Valhalla's matrices. Streets run north and east, at a metre in `1 / mps`.

    `islands` are places that no way leads to; `says` is answered instead of a table, whatever was asked.
    """

    accepted = 200

    def __init__(self, mps: float = 10.0) -> None:
        super().__init__()
        self.mps, self.islands, self.says = mps, set[tuple[float, float]](), None

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        self._post(request, b"")

    def _take(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, Any]:
        """Take one question as one that was answered: kind, profile, sources, targets."""
        parts = urlsplit(request.path)
        if body:
            asked = json.loads(body)
            sides = [[(one["lat"], one["lon"]) for one in asked[side]] for side in ("sources", "targets")]
            self.taken.append(("valhalla", asked["costing"], *sides))
            rows = self.rows(*sides)
            cells = [[{"time": said, "distance": 1.0, "from_index": n, "to_index": k} for k, said in enumerate(row)]
                     for n, row in enumerate(rows)]  # fmt: skip
            return 200, {"sources_to_targets": cells, "units": "kilometers"} if self.says is None else self.says
        _, _, _, profile, listed = parts.path.split("/")
        given = parse_qs(parts.query)
        places = [(float(lat), float(lon)) for lon, lat in (one.split(",") for one in listed.split(";"))]
        sides = [[places[int(n)] for n in given[side][0].split(";")] for side in ("sources", "destinations")]
        self.taken.append(("osrm", profile, *sides))
        return 200, {"code": "Ok", "durations": self.rows(*sides)} if self.says is None else self.says

    def rows(self, sources: Any, targets: Any) -> list[list[float | None]]:
        """Return the table of seconds."""
        return [[self.way_s(a, b) for b in targets] for a in sources]

    def way_s(self, begin: tuple[float, float], end: tuple[float, float]) -> float | None:
        """Return the seconds of a way, None to and from an island."""
        if {begin, end} & self.islands:
            return None
        return round((abs(end[0] - begin[0]) * 111_195 + abs(end[1] - begin[1]) * 91_400) / self.mps, 1)


@dataclass
class Sms:
    """One message or call that the stand-in for Twilio took; of a call `body` is what it says."""

    sid: str
    to: str
    body: str
    form: dict[str, str]
    date_created: str
    #: When it came, on this host's steady clock.
    at_s: float = field(default_factory=time.monotonic)


class SmsServer(FaultyServer):
    """Twilio's Messages and Calls resources."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    def bodies(self) -> list[str]:
        """Return the texts that were taken, in order."""
        return [sms.body for sms in self.taken]

    def report(self, sms: Sms, status: str, error_code: str = "") -> int:
        """Post a signed status callback, as Twilio would; return the HTTP status it was answered with."""
        url = sms.form["StatusCallback"]
        kind = "Call" if sms.sid.startswith("CA") else "Message"
        form = {f"{kind}Sid": sms.sid, f"{kind}Status": status, "AccountSid": ACCOUNT, "To": sms.to}
        if error_code:
            form["ErrorCode"] = error_code
        signature = twilio_signature(SECRET, url, {name: [value] for name, value in form.items()})
        return requests.post(url, data=form, headers={"X-Twilio-Signature": signature}, timeout=5).status_code

    def _known(self, request: BaseHTTPRequestHandler) -> bool:
        expected = base64.b64encode(f"{ACCOUNT}:{SECRET}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {expected}"

    def _read(self, request: BaseHTTPRequestHandler) -> bytes:
        body = super()._read(request)
        parts = urlsplit(request.path)
        given = parse_qs(body.decode() or parts.query, keep_blank_values=True)
        self.asked.append((request.command, parts.path, {name: values[0] for name, values in given.items()}))
        return body

    def _take(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, Any]:
        form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        kind = "CA" if request.path.endswith("/Calls.json") else "SM"
        said = form["Twiml"] if kind == "CA" else form["Body"]
        dated = format_datetime(self.now(), usegmt=True)
        sms = Sms(f"{kind}{len(self.taken):032x}", form["To"], said, form, dated)
        self.taken.append(sms)
        return 201, {"sid": sms.sid, "status": "queued", "error_code": None}

    def _refusal(self, status: int, code: Any) -> Any:
        return {"code": code, "message": "The 'To' number +819012345678 is bad", "status": status}

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if not self._known(request):
            return self._answer(request, 401, {"code": 20003})
        mode = self._next_mode()
        if isinstance(mode, tuple):
            return self._answer(request, mode[0], {"code": mode[1]})
        if mode in ("lost", "close"):
            return self._hang_up(request)
        resource, kind = ("calls", "CA") if parts.path.endswith("/Calls.json") else ("messages", "SM")
        found = [
            {"sid": s.sid, "to": s.to, "date_created": s.date_created, "status": "sent"}
            | ({"body": s.body} if kind == "SM" else {})
            for s in reversed(self.taken)
            if s.to == query.get("To", s.to) and s.sid.startswith(kind)
        ]
        self._answer(request, 200, {resource: found[: int(query.get("PageSize", 50))]})


class LineServer(FaultyServer):
    """LINE's push endpoint: one retry key, one message."""

    accepted = 200

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, str] = {}

    def forget(self) -> None:
        """Begin anew; retry keys are forgotten too."""
        super().forget()
        self._keys.clear()

    def _known(self, request: BaseHTTPRequestHandler) -> bool:
        return request.headers.get("Authorization") == f"Bearer {LINE_TOKEN}"

    def _take(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, Any]:
        key = request.headers["X-Line-Retry-Key"]
        if key in self._keys:
            sent = [{"id": self._keys[key], "quoteToken": "q"}]
            return 409, {"message": "The retry key is already accepted", "sentMessages": sent}
        self._keys[key] = str(461230966842064897 + len(self.taken))
        self.taken.append(json.loads(body) | {"key": key})
        return 200, {"sentMessages": [{"id": self._keys[key], "quoteToken": "q"}]}

    def _refusal(self, status: int, code: Any) -> Any:
        return {"message": code or "The property, 'to', in the request body is invalid (U4af4980629)"}


class PushServer(FaultyServer):
    """A browser's push service and the browsers behind it: it can read what it takes, as only those could."""

    def __init__(self) -> None:
        super().__init__()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = b"0123456789abcdef"
        self.shown: dict[str, dict[str, Any]] = {}

    def device(self, name: str = "phone") -> PushDevice:
        """Return what a browser hands out when somebody subscribes."""
        public = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        p256dh, auth = (base64.urlsafe_b64encode(raw).rstrip(b"=").decode() for raw in (public, self._auth))
        return PushDevice(f"{self.url}/push/{name}", p256dh, auth)

    def _take(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, Any]:
        read = http_ece.decrypt(body, private_key=self._key, auth_secret=self._auth, version="aes128gcm")
        notice = json.loads(read)
        self.taken.append({"path": request.path, "headers": dict(request.headers.items()), **notice})
        self.shown[notice["reference"]] = notice  # one with the same mark takes the place of the other
        return 201, None


class MailServer:
    """A mail server. `reply_rcpt` and `reply_data` are its answers; `break_off` hangs up after it took the text.

    `mode` is what else happens to a mail, or what that returns when it is called once for each:

    ok · hang (taken, no answer) · drip (taken, one byte now and then) · broken (taken, an answer that is none) · close
    (taken, connection closed) · slow (taken, answered after a while) · later (451, not taken) · greylist (an address
    that comes for the first time is turned away for a minute) · nobody (550, no such mailbox)
    """

    def __init__(self, **options: Any) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.reply_rcpt = "250 OK"
        self.reply_data = "250 OK"
        self.break_off = False
        self.mode: Any = "ok"
        self.envelopes: list[Any] = []
        self.arrived = Event()
        #: How often it was asked to take a mail.
        self.asked = 0
        #: By what a greylist counts its minute; a test with a clock of its own puts that here.
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self._turned_away: dict[str, datetime] = {}
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        outer = self

        class Handler:
            async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
                outer.asked += 1
                envelope.mode = outer.mode() if callable(outer.mode) else outer.mode
                reply = outer._at_the_door(envelope.mode, address)
                if reply.startswith("2"):
                    envelope.rcpt_tos.append(address)
                return reply

            async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
                mode = envelope.mode
                if mode == "later":
                    return "451 4.3.0 try again"
                if outer.reply_data.startswith("2"):
                    mail = message_from_bytes(envelope.content, policy=policy.default)
                    outer.mails.append(mail)  # type: ignore[arg-type]
                    outer.recipients.extend(envelope.rcpt_tos)
                    outer.envelopes.append(envelope)
                    outer.arrived.set()
                while mode in ("hang", "drip") and not server.transport.is_closing():
                    if mode == "drip":
                        server.transport.write(b"2")
                    await asyncio.sleep(0.05)
                if mode == "slow":
                    await asyncio.sleep(0.1)
                if mode == "broken":
                    return "what?"
                if outer.break_off or mode == "close":
                    server.transport.abort()
                return outer.reply_data

        class OnOurSocket(Controller):
            def _create_server(self) -> Any:
                return self.loop.create_server(self._factory_invoker, sock=outer._socket, ssl=self.ssl_context)

        self._controller = OnOurSocket(Handler(), hostname="127.0.0.1", port=self.port, **options)
        self._controller.start()
        self.url = f"smtp://127.0.0.1:{self.port}"

    def _at_the_door(self, mode: str, address: str) -> str:
        if mode == "nobody":
            return "550 5.1.1 no such mailbox"
        since = self._turned_away.setdefault(address, self.now()) if mode == "greylist" else None
        since = since or self._turned_away.get(address)
        if since is not None and self.now() < since + timedelta(minutes=1):
            return "450 4.2.0 greylisted"
        return self.reply_rcpt

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
def line_server() -> Iterator[LineServer]:
    """Run a stand-in for LINE."""
    server = LineServer()
    try:
        yield server
    finally:
        server.close()


@contextmanager
def push_server() -> Iterator[PushServer]:
    """Run a push service with a browser behind it."""
    server = PushServer()
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
