"""Does the demo's panel follow the played day by itself, for everybody who can read?"""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app
from app.config import Settings
from app.demo.company import PEOPLE
from app.demo.stage import FILE, Stage, prepare
from app.tick import deliver, sweep
from app.web import demo
from app.web.limits import limiter


class Quiet(WSGIRequestHandler):
    def log(self, *_) -> None:
        """Say nothing: the test's own output is what counts."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return prepare(Settings(instance=tmp_path_factory.mktemp("demo"), secret_key="x"), people=PEOPLE[:1])


@pytest.fixture
def stage(prepared, tmp_path):
    """The demo of the story's technician, standing still at the opening, in a copy of its own."""
    shutil.copy(prepared.settings.instance / FILE, tmp_path)
    settings = prepared.settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / FILE}"})
    parts = replace(prepared, settings=settings).join(0)
    yield Stage(parts, prepared)
    parts.db.close()


@pytest.fixture
def page(stage, chromium):
    app = create_app(stage.parts)
    limiter.reset()
    demo.install(app, stage)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    context = chromium.new_context(base_url=f"http://127.0.0.1:{server.server_port}", locale="ja-JP")
    context.set_default_timeout(20_000)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("response", lambda reply: wrong.append(reply.url) if reply.status >= 500 else None)
    yield opened
    context.close()
    server.shutdown()
    thread.join()
    server.server_close()
    assert wrong == []


def play(stage: Stage, minutes: int) -> None:
    for _ in range(minutes):
        now = stage.clock.now() + timedelta(minutes=1)
        stage.clock.turn(to=now)
        stage.step(now)
        sweep(stage.parts, now)
        deliver(stage.parts)


#: A bubble is new only until the panel looks again: which ones were is written down as it happens.
WRITE_DOWN_WHAT_IS_NEW = """() => {
  window.wasNew = [];
  const note = () => document.querySelectorAll(".new").forEach((one) => wasNew.push(one.textContent));
  new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""


def test_the_customers_phone_fills_without_a_reload(page, stage, axe):
    page.goto("/demo")
    assert "16:18" in page.inner_text(".clock")
    assert page.locator("text=遅れをお詫びします").count() == 0
    page.evaluate(WRITE_DOWN_WHAT_IS_NEW)
    play(stage, 32)
    page.wait_for_selector("[data-id]:has-text('遅れをお詫びします')")
    assert any("遅れをお詫びします" in text for text in page.evaluate("wasNew"))
    page.wait_for_selector(".clock:has-text('16:50')")
    assert "渋滞で" in page.inner_text(".road")
    page.wait_for_timeout(900)  # the bubble has come to rest: axe measures the colours of what is seen
    assert axe(page) == []


def test_a_newcomer_gets_from_the_panel_to_every_page_and_back(page):
    page.goto("/demo")
    page.click("text=配車盤を開く")
    page.click("text=お客様のスマホを見る")
    page.click("text=×60")
    assert page.get_attribute("text=×60", "aria-pressed") == "true"
    for link, sees in (("お客様のページを開く", "にお伺いする予定です"), ("担当の画面", "山田 花子")):
        with page.context.expect_page() as opened:
            page.click(f"text={link}")
        opened.value.wait_for_selector(f"text={sees} >> visible=true")
