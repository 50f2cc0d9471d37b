"""Where do messages go while no provider is set up? To the log, so that a newcomer sees what customers would get."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from app.providers.base import Recipient
from app.rules.messages import Message
from app.rules.reach import PRINTED

if TYPE_CHECKING:
    from app.config import Settings

log = structlog.get_logger()


class Console:
    """Prints what would be sent; reaches everybody and never fails."""

    name = PRINTED
    repeats_safely = True

    def reaches(self, recipient: Recipient) -> bool:
        """Return that anybody is reached."""
        return True

    def send(self, message: Message, recipient: Recipient, *, reference: str, valid_s: int) -> str:
        """Print the message, without the recipient."""
        log.info("notice", short=message.short, subject=message.subject, body=message.body, spoken=message.spoken)
        return f"console-{reference}"

    def look_up(self, message: Message, recipient: Recipient, *, reference: str, began_at: datetime) -> str | None:
        """Return that nothing was printed: printing twice does no harm."""
        return None


def from_settings(settings: Settings) -> Console:  # noqa: ARG001
    """Return the console; it needs no settings."""
    return Console()
