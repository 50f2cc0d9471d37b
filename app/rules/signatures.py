"""Did a callback really come from the provider?"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence

_DEFAULT_PORTS = {"https": ":443", "http": ":80"}


def twilio_signature(secret: str, url: str, fields: Mapping[str, Sequence[str]]) -> str:
    """Return Twilio's signature of a form posted to a URL: base64 of the HMAC-SHA1, by the account's auth token, of
    the URL followed by every field's name and value, sorted, repeated values once.

    >>> form = {"CallSid": ["CA1234567890ABCDE"], "Caller": ["+14158675309"], "Digits": ["1234"]}
    >>> form |= {"From": ["+14158675309"], "To": ["+18005551212"]}
    >>> twilio_signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form)
    'RSOYDt4T1cUTdK1PDd93/VVr8B8='
    """
    signed = url + "".join(name + value for name in sorted(fields) for value in sorted(set(fields[name])))
    return base64.b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def from_twilio(secret: str, url: str, fields: Mapping[str, Sequence[str]], signature: str) -> bool:
    """Return whether a signature is Twilio's. The URL is the public one; it signs with or without the default port."""
    given = signature.encode("utf-8", "replace")
    genuine = [hmac.compare_digest(twilio_signature(secret, u, fields).encode(), given) for u in _spellings(url)]
    return bool(secret) and any(genuine)


def from_line(secret: str, body: bytes, signature: str) -> bool:
    """Return whether a signature is LINE's: base64 of the HMAC-SHA256 of the raw body by the channel's secret.

    >>> import base64, hashlib, hmac
    >>> genuine = base64.b64encode(hmac.new(b"secret", b"{}", hashlib.sha256).digest()).decode()
    >>> from_line("secret", b"{}", genuine), from_line("secret", b"{ }", genuine), from_line("", b"{}", genuine)
    (True, False, False)
    """
    genuine = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    return bool(secret) and hmac.compare_digest(genuine, signature.encode("utf-8", "replace"))


def _spellings(url: str) -> Iterator[str]:
    yield url
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    port = _DEFAULT_PORTS.get(scheme, "")
    if port and host.endswith(port):
        yield f"{scheme}://{host.removesuffix(port)}{slash}{path}"
    elif port and not host.rpartition("]")[2].count(":"):
        yield f"{scheme}://{host}{port}{slash}{path}"
