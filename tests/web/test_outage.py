"""What does a visitor see while the database does not answer?"""

from __future__ import annotations

import pytest

from app.db import Database
from app.i18n import t


@pytest.fixture
def outage(app, signed_in):
    """Sign a dispatcher in, then take the database away: nothing listens on port 1."""
    browser = signed_in("dispatcher")
    app.extensions["mamonaku"].db = Database("postgresql://nobody@127.0.0.1:1/none")
    return browser


@pytest.mark.parametrize("path", ["/", "/visits/1", "/customers", "/account/sign-in", "/t", "/v/any"])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_page_says_in_words_that_the_database_does_not_answer(outage, path, language):
    reply = outage.get(f"{path}?lang={language}")
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "15")
    assert t("error.http_503", language) in reply.text


def test_a_program_is_told_to_come_again(outage, world):
    reply = outage.get("/api/v1/services", headers={"Authorization": f"Bearer {world.dispatcher_token}"})
    assert (reply.status_code, reply.json["type"]) == (503, "urn:mamonaku:http_503")
    assert reply.headers["Retry-After"] == "15"


def test_the_process_says_that_it_lives_and_is_not_ready(outage):
    assert outage.get("/healthz").status_code == 200
    assert (outage.get("/readyz").status_code, outage.get("/readyz").json["database"]) == (503, "silent")
