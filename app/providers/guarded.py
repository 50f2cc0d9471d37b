"""How is an address asked that a person typed in, so that it never leads into our own network, and never for long?

A name is resolved once, every address it has must stand in the internet, and that very address is connected to: a name
that leads elsewhere a moment later changes nothing. No redirect is followed, no proxy of the environment is used, and
no more is read than is wanted.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from app.outside import is_internal, is_public, why_not
from app.providers.deadline import within

#: Connect, and wait for the next byte, seconds.
_CONNECT_S, _READ_S = 3.05, 8.0
_DEADLINE_S = 12.0
_PORTS = {"http": 80, "https": 443}
#: Nobody waits longer for a server that wants to be left alone, seconds.
_LONGEST_REST_S = 86400.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, or why none did (`failure`, a code: not_allowed, no_connection, timeout …)."""

    status: int | None
    failure: str | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def rest_s(self, now: datetime) -> float | None:
        """Return for how many seconds the server asks to be left alone, or None when it does not say."""
        said = self.headers.get("retry-after", "").strip()
        if said.isascii() and said.isdigit():
            return min(float(said[:9]), _LONGEST_REST_S)
        try:
            at = parsedate_to_datetime(said)
            return min(max((at - now).total_seconds(), 0.0), _LONGEST_REST_S)
        except (ValueError, TypeError):
            return None


class _NotAllowed(Exception):
    """A name leads to an address that is not in the internet."""


class Guarded:
    """The way out to addresses that people typed in."""

    def __init__(self, internal_hosts: Collection[str] = ()) -> None:
        #: Hosts inside the own network that may be asked all the same, also without `https`.
        self.internal_hosts = frozenset(internal_hosts)

    def ask(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None, most_bytes: int = 0
    ) -> Answer:
        """Make one request; never raises for what the other side does. Reads up to `most_bytes` of an answer."""
        if (wrong := why_not(url, self.internal_hosts)) is not None:
            return Answer(None, wrong)
        try:
            return within(_DEADLINE_S, lambda: self._ask(method, url, headers, body, most_bytes))
        except TimeoutError:
            return Answer(None, "timeout")

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, most: int) -> Answer:
        parts = urlsplit(url)
        pool = self._pool(parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme])
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            reply = pool.urlopen(
                method, target, body=body, headers={"User-Agent": "Mamonaku", **headers}, redirect=False, retries=False,
                preload_content=False, assert_same_host=False,
            )  # fmt: skip
            said = {name.lower(): value for name, value in reply.headers.items()}
            read = _read(reply, most + 1) if most and reply.status == 200 else b""
            reply.close()
            return Answer(reply.status, None, read, said) if len(read) <= max(most, 0) else Answer(None, "too_large")
        except _NotAllowed:
            return Answer(None, "not_public")
        except (NewConnectionError, LocationParseError):
            return Answer(None, "no_connection")  # before what it is a kind of, a timeout
        except (ConnectTimeoutError, ReadTimeoutError):
            return Answer(None, "timeout")
        except SSLError:
            return Answer(None, "certificate")
        except (HTTPError, OSError):
            return Answer(None, "broken")
        finally:
            pool.close()

    def _pool(self, scheme: str, host: str, port: int) -> HTTPConnectionPool:
        inside = is_internal(host, self.internal_hosts)

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, super()._new_conn, inside=inside)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, super()._new_conn, inside=inside)

        wait = Timeout(connect=_CONNECT_S, read=_READ_S)
        if scheme == "http":
            plain = HTTPConnectionPool(host, port, timeout=wait)
            plain.ConnectionCls = Plain
            return plain
        secure = HTTPSConnectionPool(
            host, port, timeout=wait, cert_reqs="CERT_REQUIRED", ca_certs=DEFAULT_CA_BUNDLE_PATH
        )
        secure.ConnectionCls = Secure
        return secure


def _connect(connection: Any, connect: Any, *, inside: bool) -> socket.socket:
    """Connect to an address that was looked at, and to no other: the name is not resolved a second time."""
    name = connection._dns_host
    failed: NewConnectionError | ConnectTimeoutError | None = None
    try:
        addresses = _addresses(connection, name)
        if not inside and not all(map(is_public, addresses)):
            raise _NotAllowed
        for address in addresses:
            connection._dns_host = address
            try:
                opened: socket.socket = connect()
                return opened
            except (NewConnectionError, ConnectTimeoutError) as error:
                failed = error
    finally:
        connection._dns_host = name
    assert failed is not None
    raise failed


def _addresses(connection: Any, name: str) -> list[str]:
    try:
        found = socket.getaddrinfo(name, connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NewConnectionError(connection, "nobody knows this name") from error
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _read(reply: Any, most: int) -> bytes:
    """Return the beginning of a body as it came: nothing is unpacked, so that a little cannot become a lot."""
    parts, length = [], 0
    while length < most and (part := reply.read(most - length, decode_content=False)):
        parts.append(part)
        length += len(part)
    return b"".join(parts)
