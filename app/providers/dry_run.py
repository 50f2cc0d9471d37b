"""What would leave if we let it? A stand-in for a channel that records what it is handed, and sends nothing."""

from __future__ import annotations

from datetime import datetime

import structlog

from app.providers.base import Channel, Recipient
from app.rules.messages import Message

log = structlog.get_logger()


class DryRun:
    """Takes a channel's place: reaches whom that reaches, and calls nobody."""

    repeats_safely = True

    def __init__(self, instead_of: Channel) -> None:
        self.name = instead_of.name
        self._reaches = instead_of.reaches

    def reaches(self, recipient: Recipient) -> bool:
        """Return whether the channel would reach this recipient."""
        return self._reaches(recipient)

    def send(self, message: Message, recipient: Recipient, *, reference: str, valid_s: int) -> str:
        """Write down that something would have left; the words stand with the notice."""
        log.info("nothing was sent: this is a dry run", channel=self.name, reference=reference)
        return f"dry-run-{reference}"

    def look_up(self, message: Message, recipient: Recipient, *, reference: str, began_at: datetime) -> str | None:
        """Return that nothing was sent."""
        return None
