"""What does a channel look like from inside, and what can become of one attempt?"""

from __future__ import annotations

from dataclasses import dataclass
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

    `send` hands over a message and returns the provider's id of it, or raises one of Refused, TryLater and
    OutcomeUnknown, whose text says what happened without names, numbers or secrets. `reference` is our own id of the
    attempt, stable over its life. `look_up` answers whether the provider has a message with this reference: its id,
    or None when it certainly has not; a channel that cannot know raises OutcomeUnknown.
    """

    name: str

    def reaches(self, recipient: Recipient) -> bool:
        """Return whether this recipient can be reached this way at all."""
        ...

    def send(self, message: Message, recipient: Recipient, *, reference: str, valid_s: int) -> str:
        """Hand the message over; it must not reach the recipient later than `valid_s` seconds from now."""
        ...

    def look_up(self, recipient: Recipient, *, reference: str) -> str | None:
        """Return the provider's id of an attempt whose answer was lost."""
        ...
