"""How is a provider asked so that we know, whatever happens, whether it can have taken the request?"""

from __future__ import annotations

from ssl import SSLCertVerificationError
from typing import Any

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError, SSLError

from app.providers.base import OutcomeUnknown, TryLater
from app.providers.deadline import within

#: Connect, and wait for the next byte, seconds.
_TIMEOUTS_S = (3.05, 8.0)
_DEADLINE_S = 10.0
#: Nobody waits longer than this for a provider that asks to be left alone, seconds.
_LONGEST_REST_S = 3600.0


def ask(method: str, url: str, *, limits_s: tuple[float, float] | None = None, **given: Any) -> requests.Response:
    """Make one request and return its answer, whatever its status; `given` as `requests` takes it.

    `limits_s`: seconds to connect, and to wait for the next byte, where a person waits and ours are too long. Raises
    TryLater when the provider certainly has not got it, OutcomeUnknown when it may have.
    """

    def call() -> requests.Response:
        return requests.request(method, url, timeout=limits_s or _TIMEOUTS_S, allow_redirects=False, **given)

    try:
        return within(_DEADLINE_S, call)
    except requests.ConnectTimeout as error:
        raise TryLater("no connection in time") from error
    except requests.ConnectionError as error:
        reason = getattr(error.args[0] if error.args else None, "reason", None)
        if isinstance(reason, NewConnectionError | NameResolutionError) or _untrusted(reason):
            raise TryLater("no connection") from error
        raise OutcomeUnknown("the connection broke") from error
    except (requests.RequestException, TimeoutError) as error:
        raise OutcomeUnknown("no answer in time, or a broken one") from error


def json_of(answer: requests.Response) -> dict[str, Any]:
    """Return an answer's JSON object; empty when it is none that can be read."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def rest_s(answer: requests.Response) -> float | None:
    """Return for how many seconds a provider asks to be left alone, or None when it does not say."""
    said = answer.headers.get("Retry-After", "").strip()
    return min(float(said), _LONGEST_REST_S) if said.isascii() and said.isdigit() else None


def _untrusted(reason: object) -> bool:
    """Return whether the other side could not prove who it is, so that nothing was sent."""
    return isinstance(reason, SSLError) and any(isinstance(part, SSLCertVerificationError) for part in reason.args)
