"""What does a channel look like from inside, and what can become of one attempt?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.rules.messages import Message


@dataclass(frozen=True, slots=True)
class Recipient:
    """How one person can be reached; a channel takes what it needs."""

    mobile: str | None = None
    email: str | None = None
    language: str = "ja"


class Refused(Exception):
    """The provider will never take this message for this recipient; trying again is of no use."""


class TryLater(Exception):
    """The provider certainly did not take the message now, but may later."""


class OutcomeUnknown(Exception):
    """The request may have been taken: nobody knows, so it is not sent again blindly."""


class Channel(Protocol):
    """One way to reach a person.

    `reference` is our own id of the attempt, the same over its life and never used for another. What an exception says
    tells what happened without names, numbers or secrets: it is kept with the attempt and shown.
    """

    name: str

    def reaches(self, recipient: Recipient) -> bool:
        """Return whether this recipient can be reached this way at all."""
        ...

    def send(self, message: Message, recipient: Recipient, *, reference: str, valid_s: int) -> str:
        """Hand the message over and return the provider's id of it.

        It must not reach the recipient later than `valid_s` seconds from now, where the provider can be told so.
        Raises Refused, TryLater or OutcomeUnknown; anything else that is raised counts as OutcomeUnknown.
        """
        ...

    def look_up(self, message: Message, recipient: Recipient, *, reference: str, began_at: datetime) -> str | None:
        """Return the provider's id of an attempt whose answer was lost, or None when it certainly has no such message.

        Raises TryLater when the provider could not be asked now, OutcomeUnknown when it can never be known.
        """
        ...
