"""The main job, for real: the processes run, a phone that was in a tunnel sends its creep in one late batch, a customer
is told by SMS and another by e-mail, and the page behind the link shows what they were told."""

from __future__ import annotations

import re
from datetime import timedelta
from threading import Event

import requests

from tests.installation import PATIENCE_S, Installation, creep, now, twilio
from tests.standins import mail_server, sms_server


def post_by_owntracks(company: Installation, device: dict[str, str]) -> None:
    """Post the creep as the app does: one position a request, oldest first."""
    for at, lat, lon in creep(now()):
        point = {
            "_type": "location",
            "tid": "sa",
            "acc": 12,
            "t": "t",
            "tst": int(at.timestamp()),
            "lat": lat,
            "lon": lon,
        }
        reply = requests.post(
            f"{company.url}/ingest/owntracks", json=point, auth=(device["username"], device["secret"]), timeout=10
        )
        assert (reply.status_code, reply.json()) == (200, [])


def page_shows(link: str, *words: str) -> None:
    """Wait until a customer's page shows words: it tells what was handed over, a moment after the provider has it."""
    pause, until_at = Event(), now() + timedelta(seconds=PATIENCE_S)
    while now() < until_at:
        page = requests.get(link, timeout=10).text
        if all(word in page for word in words):
            return
        pause.wait(0.05)
    raise AssertionError(f"{link} never showed {words}:\n{page}")


def link_in(text: str) -> str:
    found = re.search(r"http\S+/v/\w+", text)
    assert found is not None, text
    return found[0]


def window_in(text: str) -> tuple[str, ...]:
    found = re.search(r"(\d\d:\d\d)[-〜–](\d\d:\d\d)", text)
    assert found is not None, text
    return found.groups()


def test_a_creep_sent_in_one_late_batch_is_told_by_sms_and_mail_and_shown_behind_the_link(tmp_path):
    with sms_server() as sms, mail_server() as mail:
        mail_settings = {"MAMONAKU_SMTP_URL": mail.url, "MAMONAKU_MAIL_FROM": "support@aoba.example"}
        company = Installation(tmp_path / "instance", {**twilio(sms.url), **mail_settings})
        company.found()
        with company.serving():
            promised_at = (now() + timedelta(minutes=12)).replace(second=0, microsecond=0)
            hers, her_technician = company.book(promised_at, name="山田 花子", language="ja", mobile="090-1234-5678")
            his, his_technician = company.book(promised_at, name="John", language="en", email="john@example.com")
            for technician in (her_technician, his_technician):
                post_by_owntracks(company, technician["device"])

            assert sms.arrived.wait(PATIENCE_S), company.run("explain", "visit", str(hers))
            (text,) = [one.body for one in sms.taken]
            assert sms.taken[0].to == "+819012345678"
            assert text.startswith("【アオバPC】")
            assert len(text.encode("utf-16-le")) // 2 <= 70
            page_shows(link_in(text), *window_in(text))

            assert mail.arrived.wait(PATIENCE_S), company.run("explain", "visit", str(his))
            (letter,) = [one.get_body(("plain",)).get_content() for one in mail.mails]
            assert mail.recipients == ["john@example.com"]
            page_shows(link_in(letter), *window_in(letter.split("New arrival")[-1]))

            notices = company.get(f"/visits/{hers}/notices")["items"]
            assert [(notice["kind"], notice["text"]) for notice in notices] == [("late", text)]
            assert requests.get(f"{company.url}/readyz", timeout=10).status_code == 200
            assert "Late" in company.run("explain", "visit", str(his), "--language", "en")
