"""What did LINE call to say? Its webhook's events as we understand them; whatever else it sends is passed over."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

#: What a customer types to say which customer of ours she is: letters and digits that nobody takes for each other.
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 8
_CODE = re.compile(f"[{CODE_LETTERS}]{{{CODE_LENGTH}}}")
#: What stands in the conversation for what is no text.
_MARKS = {"sticker": "🙂", "image": "📎", "video": "📎", "audio": "📎", "file": "📎", "location": "📍"}


@dataclass(frozen=True, slots=True)
class LineEvent:
    """One event: message, follow or unfollow."""

    #: LINE's id of the event, the same when it is delivered again.
    id: str
    kind: str
    line_id: str
    happened_at: datetime
    words: str = ""
    message_id: str = ""
    #: The message of ours that was quoted.
    quotes: str | None = None


def line_events(body: object) -> Iterator[LineEvent]:
    """Yield the events of a webhook's body that mean something to us, in their order.

    >>> source, at = {"type": "user", "userId": "U1"}, 1462629479859
    >>> event = {"type": "follow", "webhookEventId": "01", "timestamp": at, "source": source, "mode": "active"}
    >>> [(e.kind, e.line_id) for e in line_events({"events": [event, {"type": "beacon"}, 7]})]
    [('follow', 'U1')]
    """
    events = body.get("events") if isinstance(body, Mapping) else None
    for event in events if isinstance(events, list) else []:
        try:
            if event.get("mode") != "standby" and event["source"]["type"] == "user":
                yield from _event(event)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            continue


def typed_code(words: str) -> str | None:
    """Return the code that a message consists of, however it was typed; None when it is something else.

    >>> typed_code(" ｋ7m4-2xqp "), typed_code("OKです")
    ('K7M42XQP', None)
    """
    typed = "".join(unicodedata.normalize("NFKC", words).upper().replace("-", "").split())
    return typed if _CODE.fullmatch(typed) else None


def _event(event: Mapping[str, Any]) -> Iterator[LineEvent]:
    kind = event["type"]
    known = LineEvent(
        id=str(event["webhookEventId"]),
        kind=kind,
        line_id=str(event["source"]["userId"]),
        happened_at=datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
    )
    if kind in ("follow", "unfollow"):
        yield known
    elif kind == "message":
        message = event["message"]
        words = str(message["text"]) if message["type"] == "text" else _MARKS[message["type"]]
        quotes = message.get("quotedMessageId")
        yield LineEvent(
            known.id, kind, known.line_id, known.happened_at, words, str(message["id"]), str(quotes) if quotes else None
        )
