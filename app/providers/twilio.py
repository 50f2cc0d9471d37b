"""What do SMS and calls share at Twilio? The account, the REST protocol of 2010-04-01, and what its codes mean."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from app.providers.base import Barred, OutcomeUnknown, Refused, TryLater
from app.providers.http import ask, json_of, rest_s
from app.rules.reach import ends_for_good

_PAGE = 100
#: Clocks differ, and what Twilio made is dated when it wrote it down.
_CLOCKS = timedelta(minutes=5)
_BUSY = frozenset({14107, 20429, 63038})

#: What its codes mean to a dispatcher; the text that Twilio sends along holds the phone number.
_MEANS = {
    20003: "the account's credentials are wrong",
    20429: "too many requests",
    21210: "the sender's number is not the account's own",
    21211: "not a phone number",
    21214: "the number cannot be reached",
    21215: "calls to this country are not enabled",
    21216: "the account may not call this number",
    21217: "not a phone number",
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


class TwilioAccount:
    """An account at Twilio, or at a stand-in that speaks the same."""

    def __init__(self, sid: str, auth_token: str, base_url: str) -> None:
        self._url = f"{base_url}/2010-04-01/Accounts/{quote(sid, safe='')}"
        self._credentials = (sid, auth_token)

    def make(self, resource: str, form: dict[str, Any]) -> str:
        """Have a message or a call made and return its id. Raises Refused, TryLater, OutcomeUnknown."""
        answer = ask("POST", f"{self._url}/{resource}.json", auth=self._credentials, data=form)
        if answer.status_code == 201:
            sid = json_of(answer).get("sid")
            if not isinstance(sid, str) or not sid:
                raise OutcomeUnknown("taken, but the answer cannot be read")
            return sid
        if answer.status_code >= 500:  # some answer so after they took it
            raise OutcomeUnknown(f"HTTP {answer.status_code}")
        code = json_of(answer).get("code")
        code = code if isinstance(code, int) else None
        said = f"{code} {_MEANS.get(code, '')}".strip() if code else f"HTTP {answer.status_code}"
        if answer.status_code == 429 or code in _BUSY:
            raise TryLater(said, after_s=rest_s(answer))
        if answer.status_code in (401, 403) and code in (None, 20003, 20005):
            raise Barred(said)
        if 400 <= answer.status_code < 500 and answer.status_code != 408:
            raise Refused(said, ends=ends_for_good(code))
        raise OutcomeUnknown(said)

    def made_since(self, resource: str, to: str | None, began_at: datetime) -> list[dict[str, Any]]:
        """Return the messages or calls to a number that were made since then, newest first.

        The list is newest first; only one that reaches back beyond that moment proves an absence. Raises TryLater when
        it could not be read now, OutcomeUnknown when it is too short to be sure.
        """
        params = {"To": to, "PageSize": str(_PAGE)}
        try:
            answer = ask("GET", f"{self._url}/{resource}.json", auth=self._credentials, params=params)
        except OutcomeUnknown as error:
            raise TryLater(str(error)) from error
        if answer.status_code != 200:
            raise TryLater(f"HTTP {answer.status_code}", after_s=rest_s(answer))
        try:
            known = [
                (parsedate_to_datetime(one["date_created"]), {**one, "sid": str(one["sid"])})
                for one in json_of(answer)[resource.lower()]
            ]
        except (ValueError, TypeError, KeyError) as error:
            raise TryLater("an answer that cannot be read") from error
        since = began_at - _CLOCKS
        if len(known) >= _PAGE and min(made_at for made_at, _ in known) >= since:
            raise OutcomeUnknown(f"too many {resource.lower()} to that number to be sure")
        return [one for made_at, one in known if made_at >= since]
