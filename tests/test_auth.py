"""Are the names of those who are let in names?"""

from __future__ import annotations

import pytest

from app import auth
from app.errors import Invalid
from app.models import User
from app.operations.user import change_user


@pytest.mark.parametrize(
    ("name", "code"), [("  ", "missing"), ("小林\x00", "characters"), ("a\nb", "characters"), ("あ" * 81, "too_long")]
)
def test_a_name_that_is_none_is_refused_by_its_field(db, world, clock, name, code):
    def create_user(session):
        auth.create_user(
            session,
            email="x@example.jp",
            name=name,
            role="admin",
            password="correct horse",
            language="ja",
            now=clock.now(),
        )

    def create_token(session):
        auth.create_api_token(session, name=name, role="admin", now=clock.now())

    def change(session):
        first = session.query(User).first()
        change_user(session, first.id, name=name, role="admin", active=True, now=clock.now())

    for attempt in (create_user, create_token, change):
        with pytest.raises(Invalid) as refused, db.write() as session:
            attempt(session)
        assert [(problem.field, problem.code) for problem in refused.value.problems] == [("name", code)]
