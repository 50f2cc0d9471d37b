"""Write down what a customer shall be told, in the transaction that decided it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy.orm import Session

from app.models import Notice, Visit
from app.providers.base import Channel
from app.rules.lateness import Decision


@dataclass(frozen=True, slots=True)
class Telling:
    """What is needed to word a notice and to choose its channels."""

    base_url: str
    zone: tzinfo
    channels: Mapping[str, Channel]


def add_notice(
    session: Session, visit: Visit, decision: Decision, told: Sequence[Notice], telling: Telling, now: datetime
) -> Notice:
    """Add the notice that a decision asks for; `told` are the visit's earlier notices, oldest first.

    A hole in the facts keeps the notice for a person and raises an alarm.
    """
    raise NotImplementedError
