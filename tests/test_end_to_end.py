"""The main job, for real: the processes run, a phone that was in a tunnel sends its creep in one late batch, a customer
is told by SMS and another by e-mail, and the page behind the link shows what they were told."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import requests

from tests.standins import ACCOUNT, SECRET, SENDER, mail_server, sms_server

ROOT = Path(__file__).parent.parent
DOOR = (34.2261, 135.1675)
PATIENCE_S = 60


class Company:
    """A running installation, spoken to from outside only."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("MAMONAKU_")},
            "MAMONAKU_INSTANCE": str(folder),
            "MAMONAKU_BASE_URL": self.url,
            **environment,
        }
        self.http = requests.Session()

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *words],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", *words], env=self.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
        )

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        reply = self.http.post(f"{self.url}/api/v1{path}", json=body, timeout=10)
        assert reply.status_code in (200, 201), reply.text
        return reply.json()

    def stuck_technician(self, promised_at: datetime, **customer: Any) -> tuple[int, dict[str, str]]:
        """Book a visit for a customer; return its id and the technician's location credential."""
        site = {"address": "和歌山市1-1", "lat": DOOR[0], "lon": DOOR[1]}
        added = self.post("/customers", kind="individual", sites=[site], **customer)
        technician = self.post("/technicians", name="佐藤", travels_by="car")
        service = self.http.get(f"{self.url}/api/v1/services", timeout=10).json()["items"][0]["id"]
        visit = self.post(
            "/visits", customer=added["id"], site=added["sites"][0]["id"], service=service, duration_min=60,
            technician=technician["id"], promised_from=promised_at.isoformat(), promised_until=promised_at.isoformat(),
        )  # fmt: skip
        self.post(f"/visits/{visit['id']}/status", status="en_route", at=(now() - timedelta(minutes=45)).isoformat())
        return visit["id"], technician["device"]

    def creep(self, device: dict[str, str]) -> None:
        """Post, as OwnTracks does, a drive that ends in half an hour of creeping, 200 m from the door."""
        for seconds in range(-45 * 60, 1, 30):
            before_jam_s, in_jam_s = max(0, -30 * 60 - seconds), max(0, seconds + 30 * 60)
            metres = 220 + before_jam_s * 8 - in_jam_s * 0.03
            point = {
                "_type": "location", "tid": "sa", "acc": 12, "t": "t",
                "tst": int(now().timestamp()) + seconds, "lat": DOOR[0] - metres / 111_195, "lon": DOOR[1],
            }  # fmt: skip
            reply = self.http.post(
                f"{self.url}/ingest/owntracks", json=point, auth=(device["username"], device["secret"]), timeout=10,
                headers={"Authorization": ""},
            )  # fmt: skip
            assert (reply.status_code, reply.json()) == (200, [])


def now() -> datetime:
    return datetime.now(UTC)


def page_shows(link: str, *words: str) -> None:
    """Wait until a customer's page shows words: it tells what was handed over, a moment after the provider has it."""
    pause, until = Event(), now() + timedelta(seconds=PATIENCE_S)
    while now() < until:
        page = requests.get(link, timeout=10).text
        if all(word in page for word in words):
            return
        pause.wait(0.05)
    raise AssertionError(f"{link} never showed {words}:\n{page}")


@pytest.fixture
def stands() -> Iterator[Any]:
    with sms_server() as sms, mail_server() as mail:
        yield sms, mail


def test_a_creep_sent_in_one_late_batch_is_told_by_sms_and_mail_and_shown_behind_the_link(tmp_path, stands):
    sms, mail = stands
    company = Company(
        tmp_path / "instance",
        {
            "MAMONAKU_TWILIO_ACCOUNT_SID": ACCOUNT,
            "MAMONAKU_TWILIO_AUTH_TOKEN": SECRET,
            "MAMONAKU_TWILIO_FROM": SENDER,
            "MAMONAKU_TWILIO_BASE_URL": sms.url,
            "MAMONAKU_SMTP_URL": mail.url,
            "MAMONAKU_MAIL_FROM": "support@aoba.example",
        },
    )
    company.run("company", "set", "--name", "アオバPCサポート", "--short-name", "アオバPC", "--phone", "03-1234-5678")
    token = company.run("token", "create", "--role", "dispatcher", "test")
    company.http.headers["Authorization"] = f"Bearer {token}"
    process = company.begin("serve", "--port", str(company.port))
    try:
        assert process.stdout is not None
        assert company.url in process.stdout.readline()
        five = (now() + timedelta(minutes=15)).replace(second=0, microsecond=0)
        by_sms, her_technician = company.stuck_technician(five, name="山田 花子", language="ja", mobile="090-1234-5678")
        by_mail, his_technician = company.stuck_technician(
            five, name="John Smith", language="en", email="john@example.com"
        )
        company.creep(her_technician)
        company.creep(his_technician)

        assert sms.arrived.wait(PATIENCE_S), "no SMS came"
        assert mail.arrived.wait(PATIENCE_S), "no mail came"
        (text,) = [one.body for one in sms.taken]
        assert sms.taken[0].to == "+819012345678"
        assert text.startswith("【アオバPC】")
        assert len(text.encode("utf-16-le")) // 2 <= 70
        window = re.search(r"(\d\d:\d\d)-(\d\d:\d\d)", text)
        assert window is not None
        page_shows(re.search(r"http\S+/v/\w+", text)[0], window[1], window[2])

        (letter,) = mail.mails
        assert mail.recipients == ["john@example.com"]
        body = letter.get_content()
        told = re.search(r"(\d\d:\d\d)-(\d\d:\d\d)", body.split("New arrival")[-1])
        assert told is not None
        page_shows(re.search(r"http\S+/v/\w+", body)[0], told[1], told[2])

        notices = company.http.get(f"{company.url}/api/v1/visits/{by_sms}/notices", timeout=10).json()["items"]
        assert [(n["kind"], n["text"] if "text" in n else n["short"]) for n in notices] == [("late", text)]
        assert company.http.get(f"{company.url}/readyz", timeout=10).status_code == 200
        told_lines = company.run("explain", "visit", str(by_mail), "--language", "en")
        assert "Late" in told_lines
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(PATIENCE_S)
        process.stdout.close()
        company.http.close()
    assert code == 0
