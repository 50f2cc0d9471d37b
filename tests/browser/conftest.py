"""What every browser test may ask for: a live server over the test's parts, and pages in Debian's Chromium."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from app import auth
from app.db import Database
from app.web.visitor import SIGN_IN
from tests.conftest import copied

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
#: A name that leads to this host and is no secure context, as a phone sees a server without a certificate.
INSECURE_HOST = "mamonaku.test"
#: How long a page is waited for: a machine that runs much else beside must not fail a test. Who passes waits for less.
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)
#: What Chromium says of an answer of 4xx or of no network: the test's own matter.
NO_ANSWER = ("Failed to load resource", "An unknown error occurred when fetching the script")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, and skip them with a reason where there is no Chromium."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine (Debian: apt install chromium)"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def db(empty_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty, migrated SQLite database: what a page looks like does not depend on the kind of database."""
    yield from copied(empty_sqlite, tmp_path / "browser.sqlite")


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: the test's own output is what counts."""


@pytest.fixture
def live(app: Any, chromium: Browser) -> Iterator[SimpleNamespace]:
    """The application on a free port: `live.url`, `live.insecure_url` (no secure context), `live.app`."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = False  # whoever is still answered at the end must not see the next test's database
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield SimpleNamespace(
        url=f"http://127.0.0.1:{server.server_port}",
        insecure_url=f"http://{INSECURE_HOST}:{server.server_port}",
        app=app,
    )
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def browse(
    live: SimpleNamespace, chromium: Browser, db: Database, world: SimpleNamespace, clock: Any
) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page: `browse("/t", as_role="technician", width=360, dark=True, lang="en")`.

    Every page has a context (cookies, storage) of its own. A script error or a violation of the content security
    policy in any of them fails the test.
    """
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def note(kind: str, text: str) -> None:
        if not text.startswith(NO_ANSWER):
            wrong.append(f"{kind}: {text}")

    def open_page(
        path: str | None = None,
        *,
        as_role: str | None = None,
        width: int = 360,
        height: int = 740,
        dark: bool = False,
        lang: str = "ja",
        base_url: str = live.url,
        **context: Any,
    ) -> Page:
        opened = chromium.new_context(
            base_url=base_url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale="ja-JP" if lang == "ja" else "en-GB",
            timezone_id="Asia/Tokyo",
            **context,
        )
        opened.set_default_timeout(PATIENCE_MS)
        contexts.append(opened)
        if as_role:
            signer = live.app.session_interface.get_signing_serializer(live.app)
            value = signer.dumps({SIGN_IN: _token(db, world, clock, as_role), "language": lang})
            opened.add_cookies([{"name": live.app.config["SESSION_COOKIE_NAME"], "value": value, "url": base_url}])
        page = opened.new_page()
        page.on("pageerror", lambda error: note("script", str(error)))
        page.on("console", lambda said: note("console", said.text) if said.type == "error" else None)
        if path is not None:
            page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def _token(db: Database, world: SimpleNamespace, clock: Any, role: str) -> str:
    with db.write() as session:
        if role == "technician":
            link = auth.create_phone_link(session, technician_id=world.technician, now=clock.now())
            return auth.use_phone_link(session, token=link, now=clock.now())
        return auth.sign_in(session, email=f"{role}@example.jp", password="correct horse", now=clock.now())


@pytest.fixture
def axe() -> Callable[[Page], list[str]]:
    """Return a function that lists what axe finds wrong with a page, one sentence each; empty is clean."""

    def check(page: Page) -> list[str]:
        page.wait_for_load_state()  # a page without its style sheets has no contrast
        if page.evaluate("typeof axe") == "undefined":
            page.evaluate(AXE_SCRIPT)
        found = page.evaluate("axe.run({resultTypes: ['violations']}).then((found) => found.violations)")
        return [f"{v['id']}: {v['help']} at {[node['target'] for node in v['nodes']]}" for v in found]

    return check


@pytest.fixture
def wrong_on(axe: Callable[[Page], list[str]]) -> Callable[[Page, Any], list[str]]:
    """Return a function that lists what is wrong with a page on screens (width in px, dark): for axe, or too wide.

    With a folder in SHOTS, it takes a picture of each there.
    """

    def look(page: Page, screens: tuple[tuple[int, bool], ...]) -> list[str]:
        before, wrong = page.viewport_size, []
        for width, dark in screens:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme="dark" if dark else "light")
            wrong += [f"{page.url}, {width} px, {'dark' if dark else 'light'}: {one}" for one in axe(page)]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong.append(f"{page.url} is wider than {width}")
            if folder := os.environ.get("SHOTS"):
                name = re.sub("[^a-z0-9]+", "-", page.url.split("/", 3)[3])
                page.screenshot(path=Path(folder) / f"{name}-{width}-{dark}-{time.monotonic_ns()}.png", full_page=True)
        page.set_viewport_size(before)
        return wrong

    return look
