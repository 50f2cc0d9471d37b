"""How fast is a full board: the server's part, what the dispatcher sees first, a change seen elsewhere, a drag?"""

from __future__ import annotations

import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import requests

from app import auth, join
from app.config import Settings
from app.db import upgrade
from app.models import Customer, Service, Site, Technician
from app.operations.booking import book_visit
from app.operations.company import set_company
from tests.installation import Installation, now, zone_at_noon

CHROMIUM = "/usr/bin/chromium"
TECHNICIANS, VISITS_EACH, LOOKS, PAINTS, CHANGES = 60, 8, 40, 20, 6
#: Notes how long each frame took and every task that held the page up for more than 50 ms.
NOTED = """
window.slow = []; window.frames_ms = [];
const note = (list) => slow.push(...list.getEntries().map((one) => one.duration));
new PerformanceObserver(note).observe({ type: "longtask" });
let last = 0;
(function frame(at) { if (last) frames_ms.push(at - last); last = at; requestAnimationFrame(frame); })(0);
"""
PASSWORD = "correct horse battery"


def measure() -> tuple[Sequence[str], list[Sequence[object]]]:
    """Return the table for one technician's day and for a day of 480 visits, in one browser at 1440 × 900."""
    names = (
        "visits", "server_p50_ms", "server_p95_ms", "unchanged_p50_ms", "html_kb", "first_paint_p50_ms",
        "first_paint_p95_ms", "seen_elsewhere_p50_ms", "seen_elsewhere_max_ms", "scroll_frame_p95_ms",
        "drag_frame_p95_ms", "longest_task_ms",
    )  # fmt: skip
    return names, [_measure(1), _measure(TECHNICIANS)]


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
            took_ms = _timed(lambda: browser.get(f"{company.url}/", timeout=10))
            reply = browser.get(f"{company.url}/", timeout=10)
            known: dict[str, str] = {}

            def ask() -> None:
                reply = browser.get(f"{company.url}/board", headers=known, timeout=10)
                known["If-None-Match"] = reply.headers["ETag"]

            ask()
            unchanged_ms = _timed(ask)
            seen = _in_chromium(company.url, browser)
    visits = technicians * VISITS_EACH
    assert reply.text.count('href="/visits/') >= visits, "the page does not show every visit"
    server = round(statistics.median(took_ms)), _p95(took_ms), round(statistics.median(unchanged_ms))
    return visits, *server, round(len(reply.content) / 1024), *seen


def _timed(act: Callable[[], object]) -> list[float]:
    took_ms = []
    for _ in range(LOOKS):
        began_s = time.perf_counter()
        act()
        took_ms.append(1000 * (time.perf_counter() - began_s))
    return took_ms


def _p95(figures: Sequence[float]) -> int:
    return round(sorted(figures)[int(0.95 * len(figures))])


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


def _in_chromium(url: str, desk: requests.Session) -> Sequence[object]:
    """Return what is seen and felt in Chromium; nothing where there is none."""
    if not Path(CHROMIUM).exists():
        return [None] * 7
    from playwright.sync_api import sync_playwright

    cookies: Any = [{"name": c.name, "value": c.value, "url": url} for c in desk.cookies]
    painted = []
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        for _ in range(PAINTS):
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            context.add_cookies(cookies)
            page = context.new_page()
            page.goto(url, wait_until="load")
            page.screenshot()  # has Chromium paint, where nobody looks
            painted.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"))
            context.close()
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies(cookies)
        context.add_init_script(NOTED)
        page = context.new_page()
        page.goto(url, wait_until="networkidle")
        elsewhere = _seen_elsewhere_ms(page, url, desk)
        felt = _felt(page)
        browser.close()
    return round(statistics.median(painted)), _p95(painted), *elsewhere, *felt


def _seen_elsewhere_ms(page: Any, url: str, desk: requests.Session) -> tuple[int, int]:
    """Return how long after a change by one desk another shows it: the median and the longest."""
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', desk.get(f"{url}/", timeout=10).text)
    took_ms = []
    for visit in range(1, CHANGES + 1):
        Event().wait(0.37 * (visit % 3))  # at any moment of the second in which a screen asks once
        began_s = time.perf_counter()
        form = {"csrf_token": csrf[1], "status": "arrived"}  # type: ignore[index]
        desk.post(f"{url}/visits/{visit}/status", data=form, allow_redirects=False, timeout=10)
        page.wait_for_selector(f"#v{visit}.s-on-site", state="attached")
        took_ms.append(1000 * (time.perf_counter() - began_s))
    return round(statistics.median(took_ms)), round(max(took_ms))


def _felt(page: Any) -> tuple[int, int, int]:
    """Return how long 95 % of the frames take at most while the hours are rolled and a visit is dragged, and the
    longest task in both."""
    page.evaluate("slow.length = frames_ms.length = 0")
    page.mouse.move(800, 500)
    for step in range(80):
        page.mouse.wheel(0, 60 if step < 40 else -60)
        page.wait_for_timeout(16)
    rolled = page.evaluate("frames_ms.splice(0)")
    work = page.locator("a.visit[data-version] .work").last.bounding_box()
    page.mouse.move(work["x"] + 5, work["y"] + 5)
    page.mouse.down()
    for step in range(120):
        page.mouse.move(work["x"] + 5 - step, work["y"] + 5 - step % 60)
        page.wait_for_timeout(8)
    dragged, slow = page.evaluate("frames_ms.splice(0)"), page.evaluate("slow")
    return _p95(rolled), _p95(dragged), round(max(slow, default=0))
