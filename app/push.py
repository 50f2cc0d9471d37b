"""To which push services may we write? Browsers name an address of theirs; anybody could name another one."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

#: On this host no line can be listened to.
_THIS_HOST = frozenset({"127.0.0.1", "::1", "localhost"})
LONGEST_ENDPOINT = 1000
#: A host as every program reads it: of anything else, such as a backslash, each has its own idea where the host ends.
_HOST = re.compile(r"[a-z0-9.:-]+")


def is_push_service(endpoint: str, services: Collection[str]) -> bool:
    """Return whether an address is at one of the services: host names, `*.` for any name below one.

    >>> is_push_service("https://fcm.googleapis.com/fcm/send/x", ["fcm.googleapis.com"])
    True
    >>> is_push_service("https://evil.example/fcm.googleapis.com", ["fcm.googleapis.com", "*.windows.com"])
    False
    """
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if len(endpoint) > LONGEST_ENDPOINT or parts.username is not None or not endpoint.isprintable():
        return False
    if not _HOST.fullmatch(host):
        return False
    if not any(host == service or (service[:2] == "*." and host.endswith(service[1:])) for service in services):
        return False
    return parts.scheme == "https" and port in (None, 443) if host not in _THIS_HOST else parts.scheme == "http"
