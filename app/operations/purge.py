"""Forget what must not be kept: raw positions after some days, the course of forecasts (also of days that were played
again), spent links, old sign-ins."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.db import rows_touched
from app.models import Backtest, ForecastEntry, IdempotentReply, PhoneLink, PositionFix, QuarantinedInput, SignIn

#: An API client that repeats a request does so within this time.
REPLIES_KEPT = timedelta(hours=24)
#: Sign-ins and links are kept this long after their end, to answer "who was signed in then?".
ACCESS_KEPT = timedelta(days=30)
#: How a forecast went tells what a technician was doing when: kept while a customer may still ask why nobody called.
FORECASTS_KEPT = timedelta(days=90)


def purge(session: Session, now: datetime, fixes_kept: timedelta) -> int:
    """Delete what is over its time; return how many positions went."""
    gone = session.execute(delete(PositionFix).where(PositionFix.received_at < now - fixes_kept))
    session.execute(delete(QuarantinedInput).where(QuarantinedInput.received_at < now - fixes_kept))
    session.execute(delete(ForecastEntry).where(ForecastEntry.at < now - FORECASTS_KEPT))
    session.execute(delete(Backtest).where(Backtest.created_at < now - FORECASTS_KEPT))
    session.execute(delete(IdempotentReply).where(IdempotentReply.created_at < now - REPLIES_KEPT))
    session.execute(delete(PhoneLink).where(PhoneLink.expires_at < now - ACCESS_KEPT))
    session.execute(delete(SignIn).where(SignIn.expires_at < now - ACCESS_KEPT))
    return rows_touched(gone)
