"""How does a notice reach a customer on LINE? As a push message of the company's official account (Messaging API).

The retry key makes a second request harmless for 24 hours: LINE answers 409 and the person gets one message. It takes
a message for somebody who blocked the account just as well, so only a reply proves that it was read; who blocks the
account is told to /hooks/line as `unfollow`. LINE knows no validity: it delivers at once or to the phone's next start.

Not used here, and why: LINE通知メッセージ (LINE notification messages, reach by telephone number without friendship).
Only companies that LINE approved after an application may send them, in Japan, Thailand and Taiwan; only what a
customer needs to know (reservations, delays, deliveries, payments due), never advertising or anything leading to it;
`to` is the SHA-256 of the E.164 number; the person must once have agreed to receive them from anybody and have proved
the number by SMS within 180 days; a 200 proves nothing, the webhook `delivery` does (none within 24 hours: not
delivered); the endpoint knows no retry key, so a lost answer stays unknown, and no IP restriction may be set.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from app.providers.base import Barred, OutcomeUnknown, Recipient, Refused, TryLater
from app.providers.http import ask, json_of, rest_s
from app.rules.messages import Message, utf16_units

if TYPE_CHECKING:
    import requests

    from app.config import Settings

#: A text message is no longer, in UTF-16 units.
LONGEST_TEXT = 5000
#: Our references become retry keys under this name.
_REFERENCES = UUID("6f0ae2f5-6d75-5b3c-9d0e-2b8f6a1c4e37")
_MEANS = {
    400: "a message that LINE does not take",
    401: "the channel access token is wrong",
    403: "the account may not send this",
}


class LineMessages:
    """An official account at LINE, or at a stand-in that speaks the same."""

    name = "line"
    repeats_safely = True

    def __init__(self, token: str, base_url: str) -> None:
        self._token = token
        self._url = f"{base_url}/v2/bot/message/push"

    def reaches(self, recipient: Recipient) -> bool:
        """Return whether the person's LINE user id is known."""
        return bool(recipient.line_id)

    def send(self, message: Message, recipient: Recipient, *, reference: str, valid_s: int) -> str:
        """Hand the text over; the id is the one that an answer quotes."""
        if utf16_units(message.line) > LONGEST_TEXT:
            raise Refused("longer than a LINE message may be")
        answer = ask(
            "POST",
            self._url,
            headers={"Authorization": f"Bearer {self._token}", "X-Line-Retry-Key": str(uuid5(_REFERENCES, reference))},
            json={"to": recipient.line_id, "messages": [{"type": "text", "text": message.line}]},
        )
        if answer.status_code == 200:
            sent = _sent(answer)
            if sent is None:
                raise OutcomeUnknown("taken, but the answer cannot be read")
            return sent
        if answer.status_code == 409:
            return _sent(answer) or answer.headers.get("X-Line-Accepted-Request-Id") or f"line-{reference}"
        said = str(json_of(answer).get("message", ""))
        if answer.status_code == 429:
            if "monthly limit" in said:
                raise Refused("this month's messages are used up")
            raise TryLater("too many requests", after_s=rest_s(answer))
        if answer.status_code in (401, 403):
            raise Barred(_MEANS.get(answer.status_code, f"HTTP {answer.status_code}"))
        if 400 <= answer.status_code < 500 and answer.status_code != 408:
            known = _MEANS.get(answer.status_code, f"HTTP {answer.status_code}")
            raise Refused(known, ends="gone" if answer.status_code == 400 and "'to'" in said else None)
        raise OutcomeUnknown(f"HTTP {answer.status_code}")

    def look_up(self, message: Message, recipient: Recipient, *, reference: str, began_at: datetime) -> str | None:
        """Raise OutcomeUnknown: LINE cannot be asked, but it can be sent the same again."""
        raise OutcomeUnknown("LINE cannot be asked")


def _sent(answer: requests.Response) -> str | None:
    """Return the id of the message that was sent, now or the first time."""
    sent: Any = json_of(answer).get("sentMessages")
    found = sent[0].get("id") if isinstance(sent, list) and sent and isinstance(sent[0], dict) else None
    return str(found) if found else None


def from_settings(settings: Settings) -> LineMessages | None:
    """Return the channel when an official account is set."""
    return LineMessages(settings.line_channel_token, settings.line_base_url) if settings.line_channel_token else None
