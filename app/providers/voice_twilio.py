"""How is a customer called who has no mobile phone, or does not read what arrives on it? By Twilio's calls.

The call reads the notice aloud and takes a key: only a key proves that a person heard it. An answering machine presses
none, so nothing has to guess what picked up, and nobody waits in silence until it has been guessed.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from app.providers.base import OutcomeUnknown, Recipient, Refused
from app.providers.twilio import TwilioAccount
from app.rules.messages import Message
from app.voice import reading

if TYPE_CHECKING:
    from app.config import Settings

#: So long a telephone rings: enough to walk to it, seconds.
_RINGS_S = 35
#: No call lasts longer, seconds.
_LONGEST_CALL_S = 180
#: Calls carry nothing of ours that their list shows. One to the same number that was made within this of our attempt
#: is ours: no two notices ring the same telephone within a minute.
_SAME_CALL = timedelta(seconds=60)


class TwilioVoice:
    """Calls from a number of a Twilio account."""

    name = "voice"
    repeats_safely = False

    def __init__(self, account_sid: str, auth_token: str, sender: str, base_url: str, hook_url: str) -> None:
        self._account = TwilioAccount(account_sid, auth_token, base_url)
        self._sender = sender
        self._hook_url = hook_url

    def reaches(self, recipient: Recipient) -> bool:
        """Return whether there is a telephone that may ring."""
        return bool(recipient.phone)

    def send(self, message: Message, recipient: Recipient, *, reference: str, valid_s: int) -> str:
        """Have the telephone rung and the notice read out; what is not answered while it is valid ends."""
        query = f"?n={quote(reference, safe='')}"
        try:
            twiml = reading(message.spoken, recipient.language, f"{self._hook_url}{query}")
        except ValueError as error:
            raise Refused("too long to be read out") from error
        form = {
            "To": recipient.phone,
            "From": self._sender,
            "Twiml": twiml,
            "Timeout": str(min(max(valid_s, 5), _RINGS_S)),
            "TimeLimit": str(_LONGEST_CALL_S),
            "StatusCallback": f"{self._hook_url}/status{query}",
            "StatusCallbackEvent": ["answered", "completed"],
        }
        return self._account.make("Calls", form)

    def look_up(self, message: Message, recipient: Recipient, *, reference: str, began_at: datetime) -> str | None:
        """Search the account for a call to this number at that moment; only no call at all proves ours absent."""
        since = self._account.made_since("Calls", recipient.phone, began_at)
        near = [one for one in since if abs(parsedate_to_datetime(one["date_created"]) - began_at) <= _SAME_CALL]
        if len(near) == 1:
            return str(near[0]["sid"])
        if since:
            raise OutcomeUnknown("another call to that number at about that moment")
        return None


def from_settings(settings: Settings) -> TwilioVoice | None:
    """Return the channel when an account is set whose sender is a number: a name cannot call."""
    if not settings.twilio_account_sid or not re.fullmatch(r"\+[1-9]\d{6,14}", settings.twilio_from):
        return None
    return TwilioVoice(
        settings.twilio_account_sid,
        settings.twilio_auth_token,
        settings.twilio_from,
        settings.twilio_base_url,
        f"{settings.base_url}/hooks/twilio/voice",
    )
