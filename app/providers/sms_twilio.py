"""How does an SMS leave, and what became of it? By Twilio's REST protocol, 2010-04-01.

Twilio has no key against sending twice: after a lost answer the message is searched for among those it has, and only
its certain absence allows another try.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from ssl import SSLCertVerificationError
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError, SSLError

from app.providers.base import OutcomeUnknown, Recipient, Refused, TryLater
from app.providers.deadline import within
from app.rules.messages import Message
from app.rules.reach import ends_for_good

if TYPE_CHECKING:
    from app.config import Settings

#: Connect, and wait for the next byte, seconds.
_TIMEOUTS_S = (3.05, 8.0)
_DEADLINE_S = 10.0
#: The longest that Twilio lets a message be valid, seconds.
_LONGEST_VALID_S = 36000
#: Clocks differ, and a message is dated when Twilio wrote it down.
_CLOCKS = timedelta(minutes=5)
_PAGE = 100

#: What its codes mean to a dispatcher; the text that Twilio sends along holds the phone number.
_MEANS = {
    20003: "the account's credentials are wrong",
    20429: "too many requests",
    21211: "not a phone number",
    21408: "sending to this country is not enabled",
    21606: "the sender cannot send to this number",
    21608: "the number is not verified for this trial account",
    21610: "the recipient has opted out",
    21612: "the recipient cannot be reached from this sender",
    21614: "not a mobile number",
    30003: "the phone is switched off or out of reach",
    30004: "blocked by the recipient or the carrier",
    30005: "the number does not exist",
    30006: "a landline, or a carrier that cannot be reached",
    30007: "filtered by the carrier as spam",
    30008: "not delivered, for a reason the carrier does not tell",
}
_BUSY = frozenset({14107, 20429, 63038})


class TwilioSms:
    """An account at Twilio, or at a stand-in that speaks the same."""

    name = "sms"
    repeats_safely = False

    def __init__(self, account_sid: str, auth_token: str, sender: str, base_url: str, callback_url: str) -> None:
        self._messages_url = f"{base_url}/2010-04-01/Accounts/{quote(account_sid, safe='')}/Messages.json"
        self._credentials = (account_sid, auth_token)
        self._sender = sender
        self._callback_url = callback_url

    def reaches(self, recipient: Recipient) -> bool:
        """Return whether there is a mobile number."""
        return bool(recipient.mobile)

    def send(self, message: Message, recipient: Recipient, *, reference: str, valid_s: int) -> str:
        """Hand the short text over."""
        form = {
            "To": recipient.mobile,
            "From": self._sender,
            "Body": message.short,
            "ValidityPeriod": str(min(max(valid_s, 1), _LONGEST_VALID_S)),
            "StatusCallback": f"{self._callback_url}?n={quote(reference, safe='')}",
        }
        answer = self._ask("POST", data=form)
        if answer.status_code == 201:
            return _sid(_json(answer))
        if answer.status_code >= 500:  # some answer so after they took it
            raise OutcomeUnknown(f"HTTP {answer.status_code}")
        code = _code(answer)
        said = f"{code} {_MEANS.get(code, '')}".strip() if code else f"HTTP {answer.status_code}"
        if answer.status_code == 429 or code in _BUSY:
            raise TryLater(said)
        if 400 <= answer.status_code < 500 and answer.status_code != 408:
            raise Refused(said, ends=ends_for_good(code))
        raise OutcomeUnknown(said)

    def look_up(self, message: Message, recipient: Recipient, *, reference: str, began_at: datetime) -> str | None:
        """Search the account for this text to this number since then.

        Twilio does not return the callback address with our reference, so the text decides: it holds the visit's own
        link and the told times. Not asked by date sent: a message that still waits has none. The list is newest first;
        only one that reaches back beyond the attempt proves an absence.
        """
        try:
            answer = self._ask("GET", params={"To": recipient.mobile, "PageSize": str(_PAGE)})
        except OutcomeUnknown as error:
            raise TryLater(str(error)) from error
        if answer.status_code != 200:
            raise TryLater(f"HTTP {answer.status_code}")
        try:
            body = answer.json()
            known = [
                (str(m["sid"]), str(m["body"]), parsedate_to_datetime(m["date_created"])) for m in body["messages"]
            ]
        except (ValueError, TypeError, KeyError) as error:
            raise TryLater("an answer that cannot be read") from error
        since = began_at - _CLOCKS
        for sid, text, created_at in known:
            if text == message.short and created_at >= since:
                return sid
        if len(known) >= _PAGE and min(created_at for _, _, created_at in known) >= since:
            raise OutcomeUnknown("too many messages to that number to be sure")
        return None

    def _ask(self, method: str, **given: Any) -> requests.Response:
        def call() -> requests.Response:
            return requests.request(
                method,
                self._messages_url,
                auth=self._credentials,
                timeout=_TIMEOUTS_S,
                allow_redirects=False,
                **given,
            )

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


def _untrusted(reason: object) -> bool:
    """Return whether the other side could not prove who it is, so that nothing was sent."""
    return isinstance(reason, SSLError) and any(isinstance(part, SSLCertVerificationError) for part in reason.args)


def _sid(body: object) -> str:
    sid = body.get("sid") if isinstance(body, dict) else None
    if not isinstance(sid, str) or not sid:
        raise OutcomeUnknown("taken, but the answer cannot be read")
    return sid


def _code(answer: requests.Response) -> int | None:
    body = _json(answer)
    code = body.get("code") if isinstance(body, dict) else None
    return code if isinstance(code, int) else None


def _json(answer: requests.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return None


def from_settings(settings: Settings) -> TwilioSms | None:
    """Return the channel when an account is set."""
    if not settings.twilio_account_sid:
        return None
    return TwilioSms(
        settings.twilio_account_sid,
        settings.twilio_auth_token,
        settings.twilio_from,
        settings.twilio_base_url,
        f"{settings.base_url}/hooks/twilio/status",
    )
