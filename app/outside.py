"""Which addresses that a person typed in may be asked by us, who stand inside the company's own network?"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

LONGEST_URL = 500
#: A host as every program reads it: of anything else, such as a backslash, each has its own idea where the host ends.
_HOST = re.compile(r"[a-z0-9_.:-]{1,253}")
#: What leads on to an address of the old kind that stands inside (RFC 6052).
_TRANSLATED = ip_network("64:ff9b::/96")


def why_not(url: str, internal_hosts: Collection[str]) -> str | None:
    """Return why a web address cannot be asked, as a code; None when it can be tried.

    Only `https` is, except at hosts inside that somebody named; where a name leads is seen when it is asked.

    >>> why_not("https://example.jp/hook", []), why_not("http://example.jp/", []), why_not("https://u:p@example.jp", [])
    (None, 'not_https', 'web_address')
    >>> why_not("http://erp.internal:8080/hook", ["erp.internal"])
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "web_address"
    wrong = len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url
    if wrong or parts.username is not None or port == 0 or not _HOST.fullmatch(host):
        return "web_address"
    if parts.scheme != "https" and not (parts.scheme == "http" and is_internal(host, internal_hosts)):
        return "not_https" if parts.scheme == "http" else "web_address"
    return None


def is_internal(host: str, internal_hosts: Collection[str]) -> bool:
    """Return whether a host is one inside that we may ask all the same."""
    return host.rstrip(".") in internal_hosts


def is_public(address: str) -> bool:
    """Return whether an IP address stands in the internet: not here, not in a network of somebody's own, no crowd.

    >>> [is_public(one) for one in ("93.184.215.14", "127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1")]
    [True, False, False, False, False]
    >>> [is_public(one) for one in ("::1", "fd00:ec2::254", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::")]
    [False, False, False, False, False]
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    inner = _carried(found) if isinstance(found, IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    site_local = isinstance(found, IPv6Address) and found.is_site_local
    return found.is_global and not found.is_multicast and not site_local


def _carried(address: IPv6Address) -> IPv4Address | None:
    """Return the address of the old kind that one of the new kind leads to."""
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
