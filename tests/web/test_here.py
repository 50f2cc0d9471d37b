"""Does the page say that somebody is at the desk?"""

from __future__ import annotations

from sqlalchemy import select

from app.models import SignIn, User
from tests.web.pages import post


def test_the_page_says_who_is_at_the_desk(signed_in, db, clock):
    client = signed_in("manager")
    assert post(client, "/here").status_code == 204
    with db.read() as session:
        seen = session.execute(select(SignIn.seen_at, User.role).join(User, User.id == SignIn.user_id)).all()
    assert [(at, role) for at, role in seen] == [(clock.now(), "manager")]


def test_only_people_of_the_desk_say_so_and_only_from_their_own_page(client, signed_in):
    assert post(client, "/here").status_code == 403
    assert post(signed_in("technician"), "/here").status_code == 403
    assert signed_in("dispatcher").post("/here").status_code == 400
