"""How does it speak to its operator? One line an event, without phone numbers or addresses of people."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_PHONE = re.compile(r"\+?\d[\d\- ]{8,}\d")
#: PostgreSQL repeats the whole row that it refused, with names and addresses in it.
_ROW = re.compile(r"DETAIL:.*?(?=\n\[SQL|\n\nThe above exception|\n\nDuring handling|\Z)", re.DOTALL)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


def mask(text: str) -> str:
    """Return a text with phone numbers, mail addresses and rows that a database refused struck out.

    >>> mask("to +819012345678 failed")
    'to … failed'
    """
    return _MAIL.sub("…", _PHONE.sub("…", _ROW.sub("DETAIL: …", text)))


def _masked(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str) and key != "timestamp":
            event[key] = mask(value)
    return event


def configure(least: int = logging.INFO) -> None:
    """Write events of at least a level to standard error: for eyes on a terminal, as JSON lines elsewhere."""
    for_eyes = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _masked,
            structlog.dev.ConsoleRenderer() if for_eyes else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
