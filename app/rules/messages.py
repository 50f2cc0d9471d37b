"""What is a message, and is it still true?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One notice in one language, filled and checked: `short` for SMS, `subject` and `body` for e-mail."""

    short: str
    subject: str
    body: str
