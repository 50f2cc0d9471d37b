"""When do the many whom one incident concerns hear from us, and what does a report on it have to hold?

Crisis practice, put into figures: the first word goes out at once, then at most one an hour and never silence: who was
promised the next word has it by then, if only that we are still at work on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

#: Nobody is written to more often about one incident.
BETWEEN_WORDS = timedelta(minutes=60)
#: The next word is promised for so long after the last, on the next five minutes: an hour, and time to deliver it.
PROMISED_WITHIN = timedelta(minutes=65)
#: The word leaves this long before the moment it was promised for.
AHEAD = timedelta(minutes=5)
#: A person is asked for news this long before the word leaves, so that it need not be "still at work on it".
ASKED_BEFORE = timedelta(minutes=15)
#: Within so long after the end a report follows.
REPORT_WITHIN = timedelta(hours=24)
#: A person is asked for it this long before.
REPORT_ASKED_BEFORE = timedelta(hours=6)
#: What a report says, in this order: an apology, what happened, why, what was done, what changed, what prevents it.
REPORT_PARTS = ("apology", "happened", "cause", "done", "changed", "prevention")


@dataclass(frozen=True, slots=True)
class Course:
    """How an open incident stands: when word was last sent and is promised next, and whether there is news unsent."""

    told_at: datetime
    next_word_at: datetime
    has_news: bool


def next_word_at(told_at: datetime) -> datetime:
    """Return by when the next word is promised: on the five, 65 to 70 minutes after the last.

    >>> from datetime import UTC
    >>> next_word_at(datetime(2026, 11, 24, 7, 52, tzinfo=UTC)).isoformat()
    '2026-11-24T09:00:00+00:00'
    """
    until_at = told_at + PROMISED_WITHIN
    return until_at + timedelta(seconds=-until_at.timestamp() % 300)


def word_due(course: Course, now: datetime) -> str | None:
    """Return what is to be sent now: "news" that waited for its hour, "still" at work on it, or None.

    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
    >>> quiet, news = Course(at, next_word_at(at), False), Course(at, next_word_at(at), True)
    >>> word_due(quiet, at + timedelta(minutes=59)), word_due(quiet, at + timedelta(minutes=60))
    (None, 'still')
    >>> word_due(news, at + timedelta(minutes=30)), word_due(news, at + timedelta(minutes=60))
    (None, 'news')
    """
    if now < course.told_at + BETWEEN_WORDS:
        return None
    if course.has_news:
        return "news"
    return "still" if now >= course.next_word_at - AHEAD else None


def news_wanted(course: Course, now: datetime) -> bool:
    """Return whether a person is to be asked for news: the next word is near, and nothing new has been written."""
    return not course.has_news and now >= course.next_word_at - AHEAD - ASKED_BEFORE


def report_due_at(closed_at: datetime) -> datetime:
    """Return by when the report on an incident that has ended is owed."""
    return closed_at + REPORT_WITHIN


def report_wanted(closed_at: datetime, now: datetime) -> bool:
    """Return whether a person is to be asked for the report, if it is not written yet."""
    return now >= report_due_at(closed_at) - REPORT_ASKED_BEFORE
