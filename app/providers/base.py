"""What does a channel look like from inside, and what can become of one attempt?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.rules.messages import Message


@dataclass(frozen=True, slots=True)
class PushDevice:
    """A browser that asked to be told: where its push service takes messages for it, and the keys that only it reads.

    Both keys are base64url, as the browser gives them.
    """

    endpoint: str
    p256dh: str
    auth: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """How one person may be reached with one message; a channel takes what it needs.

    What is closed to us, because the person wants that or an address leads nowhere, is left out.
    """

    #: E.164; receives SMS.
    mobile: str | None = None
    #: E.164; rings, be it a landline. Left out when a machine must not ring now.
    phone: str | None = None
    email: str | None = None
    line_id: str | None = None
    push: tuple[PushDevice, ...] = ()
    language: str = "ja"
    #: Path on our public address of the page about the visit.
    page_path: str | None = None
    #: Path on our public address where a mail program's one press ends e-mails; None where that is not offered.
    unsubscribe_path: str | None = None


class Refused(Exception):
    """The provider will never take this message for this recipient; trying again is of no use.

    `ends` says why this way will never reach this person again (rules.reach.NOWHERE, UNWANTED), when that is plain.
    """

    def __init__(self, said: str, *, ends: str | None = None) -> None:
        super().__init__(said)
        self.ends = ends


class Barred(Refused):
    """The provider takes nothing from us, whoever it is for: the credentials are wrong, or the account is closed."""


class TryLater(Exception):
    """The provider certainly did not take the message now, but may later: after `after_s` seconds, if it said so."""

    def __init__(self, said: str, *, after_s: float | None = None) -> None:
        super().__init__(said)
        self.after_s = after_s


class OutcomeUnknown(Exception):
    """The request may have been taken: nobody knows, so it is not sent again blindly."""


class Channel(Protocol):
    """One way to reach a person.

    `reference` is our own id of the attempt, the same over its life and never used for another. What an exception says
    tells what happened without names, numbers or secrets: it is kept with the attempt and shown.
    """

    name: str
    #: Whether a second `send` with the same reference within 24 hours never reaches the person twice; then it is simply
    #: repeated when its answer was lost, and `look_up` is not needed.
    repeats_safely: bool

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
