"""Is an SMS to us taken in, and answered as the protocol asks?"""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from app.models import Customer, Inbound
from app.operations.consent import opted_out
from app.rules.signatures import twilio_signature
from tests.standins import ACCOUNT, SECRET, SENDER

BASE = "https://visits.example.jp"
PATH = "/hooks/twilio/inbound"
HERS = "+819012345678"


@pytest.fixture
def settings(settings):
    return settings.model_copy(
        update={
            "base_url": BASE,
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": SECRET,
            "twilio_from": SENDER,
        }
    )


@pytest.fixture
def write(client, world):
    """Return a function that posts an SMS as Twilio does."""

    def post(body, **form):
        form = {"MessageSid": "SM-in-1", "From": HERS, "To": SENDER, "Body": body, "NumMedia": "0", **form}
        signed = twilio_signature(SECRET, BASE + PATH, {name: [value] for name, value in form.items()})
        return client.post(PATH, data=form, headers={"X-Twilio-Signature": signed})

    return post


@pytest.fixture
def kept(db):
    def get():
        with db.read() as session:
            return session.scalars(select(Inbound).order_by(Inbound.id)).all()

    return get


def test_an_sms_is_kept_and_answered_with_an_empty_document(write, kept, world):
    answer = write("何時になりますか")
    assert answer.status_code == 200
    assert answer.mimetype == "text/xml"
    assert answer.text.endswith("<Response></Response>")
    (message,) = kept()
    assert (message.sender, message.words, message.customer_id) == (HERS, "何時になりますか", world.customer)


def test_a_replay_changes_nothing_and_is_answered_alike(write, kept):
    first, second = write("配信停止"), write("配信停止")
    assert first.text == second.text
    assert len(kept()) == 1


@pytest.mark.parametrize(
    ("language", "body", "said"),
    [("ja", "配信停止", "SMSの送信を停止しました"), ("en", "Opt out", "no more text messages")],
)
def test_who_wants_no_more_gets_one_last_word_in_the_own_language(write, db, world, language, body, said):
    with db.write() as session:
        session.get_one(Customer, world.customer).language = language
    assert said in write(body).text
    with db.read() as session:
        assert opted_out(session, world.customer) == {"sms"}


@pytest.mark.parametrize("form", [{"body": "STOP"}, {"body": "ya basta", "OptOutType": "STOP"}])
def test_where_twilio_says_the_last_word_itself_we_say_none(write, db, world, form):
    answer = write(**form)
    assert answer.text.endswith("<Response></Response>")
    with db.read() as session:
        assert opted_out(session, world.customer) == {"sms"}


def test_the_companys_name_is_escaped_in_the_last_word(write, db):
    from app.models import Company

    with db.write() as session:
        session.get_one(Company, 1).short_name = "A&B<c>"
    assert "A&amp;B&lt;c&gt;" in write("配信停止").text


def test_pictures_are_told_of(write, kept):
    write("これです", NumMedia="2", MediaUrl0="https://api.twilio.com/x")
    assert kept()[0].words == "これです\n📎\n📎"


@pytest.mark.parametrize("form", [{"MessageSid": ""}, {"From": ""}, {"NumMedia": "x"}, {"NumMedia": "-3"}])
def test_an_odd_sms_is_never_an_error(write, form):
    assert write("…", **form).status_code == 200


def test_a_flood_from_one_number_is_slowed_down_and_others_are_not(write, db):
    answers = [write("a", MessageSid=f"SM{number}").status_code for number in range(22)]
    assert answers.count(429) == 2
    assert write("b", MessageSid="SM-other", From="+819011112222").status_code == 200
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Inbound)) == 21


def test_who_wants_no_more_is_heard_however_much_was_written_before(write, db):
    for number in range(21):
        write("a", MessageSid=f"SM{number}")
    assert write("停止", MessageSid="SM-stop").status_code == 200
    with db.read() as session:
        assert "sms" in opted_out(session, 1)


def test_a_get_is_no_message(client):
    assert client.get(PATH).status_code == 405
