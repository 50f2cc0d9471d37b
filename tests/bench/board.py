"""How fast is a full day list: the server's part, and what the dispatcher sees first?"""

from __future__ import annotations

import random
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

import requests

from app import auth, join
from app.config import Settings
from app.db import upgrade
from app.models import Customer, Service, Site, Technician
from app.operations.booking import book_visit
from app.operations.company import set_company
from tests.installation import Installation, now, zone_at_noon

CHROMIUM = "/usr/bin/chromium"
TECHNICIANS, VISITS_EACH, LOOKS = 50, 10, 40
PASSWORD = "correct horse battery"


def measure() -> tuple[Sequence[str], list[Sequence[object]]]:
    """Return the table for one technician's day and for a day of 500 visits."""
    rows = [_measure(1), _measure(TECHNICIANS)]
    return ("visits", "server_p50_ms", "server_p95_ms", "html_kb", "first_paint_ms"), rows


def _measure(technicians: int) -> Sequence[object]:
    with tempfile.TemporaryDirectory() as folder:
        _fill(Path(folder), technicians)
        company = Installation(Path(folder))
        with company.serving():
            browser = requests.Session()
            page = browser.get(f"{company.url}/account/sign-in", timeout=10).text
            csrf = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]  # type: ignore[index]
            form = {"csrf_token": csrf, "email": "bench@example.jp", "password": PASSWORD}
            browser.post(f"{company.url}/account/sign-in", data=form, timeout=10)
            Event().wait(10)  # until the jobs have looked at every day once
            took_ms = []
            for _ in range(LOOKS):
                began_s = time.perf_counter()
                reply = browser.get(f"{company.url}/", timeout=10)
                took_ms.append(1000 * (time.perf_counter() - began_s))
            cookies = [{"name": c.name, "value": c.value, "url": company.url} for c in browser.cookies]
            paint_ms = _first_paint_ms(company.url, cookies)
    ordered = sorted(took_ms)
    p95_ms = ordered[int(0.95 * len(ordered))]
    visits = technicians * VISITS_EACH
    assert reply.text.count("/visits/") >= visits, "the page does not show every visit"
    return visits, round(statistics.median(ordered)), round(p95_ms), round(len(reply.content) / 1024), paint_ms


def _fill(folder: Path, technicians: int) -> None:
    settings = Settings(instance=folder, timezone=zone_at_noon())
    parts, chance = join(settings), random.Random(7)
    upgrade(parts.db)
    today = now().astimezone(settings.zone).replace(hour=8, minute=0, second=0, microsecond=0)
    with parts.db.write() as session:
        set_company(
            session, name="Bench", short_name="Bench", phone="0312345678", phone_hours="", sender_role="",
            sender_name="", country="JP",
        )  # fmt: skip
        auth.create_user(
            session, email="bench@example.jp", name="Bench", role="admin", password=PASSWORD, language="en", now=now()
        )
        service = session.query(Service).first()
        assert service is not None
        for number in range(technicians):
            technician = Technician(name=f"担当{number:03}", created_at=now())
            session.add(technician)
            session.flush()
            for slot in range(VISITS_EACH):
                starts_at: datetime = today + timedelta(minutes=75 * slot)
                until_at, booked_at = starts_at + timedelta(minutes=15), starts_at - timedelta(days=1)
                customer = Customer(name=f"株式会社お客様{number:03}-{slot}", created_at=now())
                lat, lon = 34.65 + chance.random() / 20, 135.48 + chance.random() / 20
                site = Site(customer=customer, address=f"大阪市{number}", lat=lat, lon=lon, located_by="given")
                session.add_all([customer, site])
                session.flush()
                book_visit(
                    session, customer_id=customer.id, site_id=site.id, service_id=service.id, duration_min=45,
                    technician_id=technician.id, promised_from_at=starts_at, promised_until_at=until_at,
                    now=booked_at, actor="system",
                )  # fmt: skip
    parts.db.close()


def _first_paint_ms(url: str, cookies: list[dict[str, str]]) -> int | None:
    """Return when Chromium first shows something, the median of five; None where there is no Chromium."""
    if not Path(CHROMIUM).exists():
        return None
    from playwright.sync_api import sync_playwright

    painted = []
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        for _ in range(5):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            context.add_cookies(cookies)  # type: ignore[arg-type]
            page = context.new_page()
            page.goto(url, wait_until="load")
            page.screenshot()  # has Chromium paint, where nobody looks
            painted.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"))
            context.close()
        browser.close()
    return round(statistics.median(painted))
