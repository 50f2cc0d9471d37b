"""Forget what must not be kept: raw positions after some days, the course of forecasts (also of days that were played
again), spent links, old sign-ins, what customers wrote."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from app.db import rows_touched
from app.models import (
    Backtest,
    CustomerNote,
    CustomerPhoto,
    ForecastEntry,
    IdempotentReply,
    Inbound,
    Letter,
    LineCall,
    LineCode,
    ListFile,
    OtherPhone,
    PhoneLink,
    PositionFix,
    QuarantinedInput,
    SignIn,
    Visit,
    WebhookMessage,
)

#: An API client that repeats a request does so within this time.
REPLIES_KEPT = timedelta(hours=24)
#: Providers call again what they think was not heard, some for days.
CALLS_KEPT = timedelta(days=30)
#: What other programs were told can be looked up so long.
MESSAGES_KEPT = timedelta(days=30)
#: A list that was sent may be mended and sent again meanwhile.
LISTS_KEPT = timedelta(days=7)
#: Sign-ins and links are kept this long after their end, to answer "who was signed in then?".
ACCESS_KEPT = timedelta(days=30)
#: How a forecast went tells what a technician was doing when: kept while a customer may still ask why nobody called.
FORECASTS_KEPT = timedelta(days=90)
#: So many rows go at once, some hundredths of a second: on SQLite every other writer waits for it.
AT_ONCE = 2000


def purge(session: Session, now: datetime, fixes_kept: timedelta, input_kept: timedelta, most: int = AT_ONCE) -> int:
    """Delete some of what is over its time, `most` rows at the most; return how many.

    Positions that were thinned out (operations.keeping) go after `fixes_kept`, what phones sent in vain (it may hold
    positions) after `input_kept`.
    It is to be asked again, each time in a transaction of its own, until nothing is left.
    """
    gone = 0
    for table, over in _over(now, fixes_kept, input_kept):
        if gone < most:
            some = select(table.id).where(over).limit(most - gone)
            gone += rows_touched(session.execute(delete(table).where(table.id.in_(some))))
    return gone


def forget_words(session: Session, now: datetime, kept: timedelta, most: int = AT_ONCE) -> int:
    """Forget what customers wrote and by which address, of some messages older than `kept`; return how many.

    So is what they added to visits that were over so long ago: words, photos, telephones. That there was a message,
    when, and what became of it stays; of what we wrote about no visit nothing does. To be asked again until nothing is
    left.
    """
    over = Inbound.words.is_not(None), Inbound.received_at < now - kept
    some = session.scalars(select(Inbound).where(*over).limit(most)).all()
    session.execute(delete(Letter).where(Letter.created_at < now - kept))
    for message in some:
        message.words, message.sender = None, ""
        if message.handled_at is None:  # nobody can read it any more
            message.handled_at, message.handled_by = now, "system"
    session.flush()
    return len(some) + _forget_additions(session, now - kept, most)


def _forget_additions(session: Session, before_at: datetime, most: int) -> int:
    gone = 0
    keys = (CustomerNote, CustomerNote.id), (CustomerPhoto, CustomerPhoto.id), (OtherPhone, OtherPhone.visit_id)
    for table, key in keys:
        over = select(key).join(Visit, Visit.id == table.visit_id).where(Visit.planned_until_at < before_at)
        gone += rows_touched(session.execute(delete(table).where(key.in_(over.limit(most)))))
    return gone


def _over(
    now: datetime, fixes_kept: timedelta, input_kept: timedelta
) -> Iterator[tuple[type[Any], ColumnElement[bool]]]:
    """Yield what goes: the table, and which rows of it."""
    yield PositionFix, PositionFix.received_at < now - fixes_kept
    yield QuarantinedInput, QuarantinedInput.received_at < now - input_kept
    yield ForecastEntry, ForecastEntry.at < now - FORECASTS_KEPT
    yield Backtest, Backtest.created_at < now - FORECASTS_KEPT
    yield IdempotentReply, IdempotentReply.created_at < now - REPLIES_KEPT
    yield WebhookMessage, WebhookMessage.created_at < now - MESSAGES_KEPT
    yield ListFile, ListFile.created_at < now - LISTS_KEPT
    yield LineCode, LineCode.expires_at < now - REPLIES_KEPT
    yield LineCall, LineCall.received_at < now - CALLS_KEPT
    yield PhoneLink, PhoneLink.expires_at < now - ACCESS_KEPT
    yield SignIn, SignIn.expires_at < now - ACCESS_KEPT
