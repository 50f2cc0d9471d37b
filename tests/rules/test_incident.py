"""Do the many hear at most once an hour, never later than promised, and never nothing?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.rules.incident import BETWEEN_WORDS, Course, news_wanted, next_word_at, report_wanted, word_due

MOMENTS = st.integers(0, 200_000_000).map(lambda s: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=s))


@given(MOMENTS, st.lists(st.booleans(), max_size=40), st.integers(1, 30))
def test_word_goes_at_most_once_an_hour_and_never_later_than_promised(opened_at, news, tick_min):
    told_at, promised_at, waiting, now = opened_at, next_word_at(opened_at), False, opened_at
    news = iter(news)
    while now < opened_at + timedelta(hours=8):
        waiting = waiting or next(news, False)
        due = word_due(Course(told_at, promised_at, waiting), now)
        assert due == ("news" if waiting else "still") if due else now < promised_at
        if due:
            assert now - told_at >= BETWEEN_WORDS
            told_at, promised_at, waiting = now, next_word_at(now), False
        now += timedelta(minutes=min(tick_min, 5) if tick_min > 5 else tick_min)


@given(MOMENTS)
def test_the_next_word_is_promised_on_the_five_for_soon_after_the_hour(told_at):
    promised_at = next_word_at(told_at)
    assert promised_at.minute % 5 == promised_at.second == promised_at.microsecond == 0
    assert timedelta(minutes=65) <= promised_at - told_at < timedelta(minutes=70)


def test_a_person_is_asked_for_news_before_the_standing_word_leaves_but_not_when_there_is_some():
    at = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
    promised_at = next_word_at(at)
    assert not news_wanted(Course(at, promised_at, False), promised_at - timedelta(minutes=21))
    assert news_wanted(Course(at, promised_at, False), promised_at - timedelta(minutes=20))
    assert not news_wanted(Course(at, promised_at, True), promised_at)


def test_the_report_is_asked_for_in_time_to_write_it():
    at = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
    assert not report_wanted(at, at + timedelta(hours=17, minutes=59))
    assert report_wanted(at, at + timedelta(hours=18))
