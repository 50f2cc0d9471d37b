"""How does an SMS leave, and what became of it? By Twilio's REST protocol, 2010-04-01.

Twilio has no key against sending twice: after a lost answer the message is searched for among those it has, and only
its certain absence allows another try.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from app.providers.base import Recipient
from app.providers.twilio import TwilioAccount
from app.rules.messages import Message

if TYPE_CHECKING:
    from app.config import Settings

#: The longest that Twilio lets a message be valid, seconds.
_LONGEST_VALID_S = 36000


class TwilioSms:
    """SMS from a number or sender name of a Twilio account."""

    name = "sms"
    repeats_safely = False

    def __init__(self, account_sid: str, auth_token: str, sender: str, base_url: str, callback_url: str) -> None:
        self._account = TwilioAccount(account_sid, auth_token, base_url)
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
        return self._account.make("Messages", form)

    def look_up(self, message: Message, recipient: Recipient, *, reference: str, began_at: datetime) -> str | None:
        """Search the account for this text to this number since then.

        Twilio does not return the callback address with our reference, so the text decides: it holds the visit's own
        link and the told times. Not asked by date sent: a message that still waits has none. A trial account puts words
        of its own before the text.
        """
        since = self._account.made_since("Messages", recipient.mobile, began_at)
        return next((one["sid"] for one in since if message.short in str(one.get("body"))), None)


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
