"""Fifty at once, in two processes: nobody gets what is taken. `make races` plays as many rounds as one likes."""

from __future__ import annotations

from tests.races.play import play

ROUNDS = 3


def test_fifty_who_book_alone_and_in_pairs_move_hold_cancel_and_take_time_off_at_once_never_get_the_same_time(db):
    played = play(db, db.engine.url.render_as_string(hide_password=False), ROUNDS)
    assert not played.wrongs
    assert played.rounds == ROUNDS
    assert played.through_the_api
    assert {"201", "200", "409 overlap", "409 held", "412"} <= played.answers.keys()
