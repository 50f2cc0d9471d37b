"""Is a price book kept by one person at a time?"""

from __future__ import annotations

from threading import Thread

import pytest

from app.errors import Stale
from app.models import PriceBookVersion
from app.operations.price_book import STANDARD
from app.operations.price_book_versions import save_book


@pytest.mark.parametrize("db", ["postgresql"], indirect=True)
def test_of_two_who_save_prices_at_once_the_second_is_told(db, clock, world):
    said = []

    def save(code):
        try:
            with db.write() as session:
                save_book(session, {**STANDARD, "code": code}, now=clock.now(), actor="user:2", version=0)
        except Stale as stale:
            said.append(stale)

    second = Thread(target=save, args=("theirs",))
    with db.write() as session:
        save_book(session, {**STANDARD, "code": "ours"}, now=clock.now(), actor="user:1", version=0)
        second.start()
        second.join(0.5)  # it waits for us; one that does not is done by now
    second.join(20)
    assert len(said) == 1
    with db.read() as session:
        assert [one.code for one in session.query(PriceBookVersion)] == ["ours"]
