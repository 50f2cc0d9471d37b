"""A running installation for end-to-end tests and benchmarks: real processes, spoken to from outside only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from tests.standins import ACCOUNT, SECRET, SENDER

ROOT = Path(__file__).parent.parent
DOOR = (34.2261, 135.1675)
PATIENCE_S = 60


def now() -> datetime:
    """Return the real time: the processes live in it."""
    return datetime.now(UTC)


def zone_at_noon() -> str:
    """Return a time zone in which it is noon now: a day of visits does not depend on the hour somebody tests at."""
    ahead_h = 12 - now().hour
    return f"Etc/GMT{-ahead_h:+d}" if ahead_h else "Etc/GMT"


def twilio(url: str) -> dict[str, str]:
    """Return the settings that send SMS to a stand-in."""
    return {
        "MAMONAKU_TWILIO_ACCOUNT_SID": ACCOUNT,
        "MAMONAKU_TWILIO_AUTH_TOKEN": SECRET,
        "MAMONAKU_TWILIO_FROM": SENDER,
        "MAMONAKU_TWILIO_BASE_URL": url,
    }


class Installation:
    """One installation of the product, in a folder of its own."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MAMONAKU_")},
            "MAMONAKU_INSTANCE": str(folder),
            "MAMONAKU_BASE_URL": self.url,
            "MAMONAKU_TIMEZONE": zone_at_noon(),
            **(environment or {}),
        }
        self.http = requests.Session()

    def run(self, *words: str) -> str:
        """Run a command to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *words],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen[str]]:
        """Run `serve` until the end of the block, which it must leave without an error."""
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "serve", "--port", str(self.port)],
            env=self.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            assert self.url in process.stdout.readline()
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(PATIENCE_S)
            process.stdout.close()
            self.http.close()
        assert code == 0, f"serve ended with {code}"

    def found(self) -> None:
        """Set the company up and keep a dispatcher's API token."""
        names = ("--name", "アオバPCサポート", "--short-name", "アオバPC", "--phone", "03-1234-5678")
        self.run("company", "set", *names)
        token = self.run("token", "create", "--role", "dispatcher", "test")
        self.http.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str) -> Any:
        """Ask the API."""
        return self.http.get(f"{self.url}/api/v1{path}", timeout=10).json()

    def post(self, path: str, body: Any) -> Any:
        """Tell the API."""
        reply = self.http.post(f"{self.url}/api/v1{path}", json=body, timeout=10)
        assert reply.status_code in (200, 201), reply.text
        return reply.json()

    def book(self, promised_at: datetime, **customer: Any) -> tuple[int, dict[str, Any]]:
        """Book a visit of a technician who is on the way; return its id and the technician."""
        site = {"address": "和歌山市1-1", "lat": DOOR[0], "lon": DOOR[1]}
        added = self.post("/customers", {"kind": "individual", "sites": [site], **customer})
        technician = self.post("/technicians", {"name": "佐藤", "travels_by": "car"})
        wish = {
            "customer": added["id"], "site": added["sites"][0]["id"],
            "service": self.get("/services")["items"][0]["id"],
            "technician": technician["id"], "duration_min": 60,
            "promised_from": promised_at.isoformat(), "promised_until": promised_at.isoformat(),
        }  # fmt: skip
        visit = self.post("/visits", wish)
        left_at = now() - timedelta(minutes=45)
        self.post(f"/visits/{visit['id']}/status", {"status": "en_route", "at": left_at.isoformat()})
        return visit["id"], technician


def creep(until_at: datetime) -> Iterator[tuple[datetime, float, float]]:
    """Yield when and where a phone was: a drive that ends in half an hour of creeping, 200 m from the door."""
    for seconds in range(-45 * 60, 1, 30):
        before_jam_s, in_jam_s = max(0, -30 * 60 - seconds), max(0, seconds + 30 * 60)
        metres = 220 + before_jam_s * 8 - in_jam_s * 0.03
        yield until_at + timedelta(seconds=seconds), DOOR[0] - metres / 111_195, DOOR[1]
