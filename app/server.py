"""How is it served? gunicorn with threads; in one process with the jobs, or apart from them."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication

from app import create_app
from app.parts import Parts


class Server(BaseApplication):  # type: ignore[misc]
    """The web application under gunicorn; each worker process joins its own parts."""

    def __init__(
        self, join: Callable[[], Parts], *, host: str, port: int, workers: int, with_jobs: bool, ready: str = ""
    ) -> None:
        self._join = join
        self._with_jobs = with_jobs
        self._options: dict[str, Any] = {
            "bind": f"{host}:{port}",
            "workers": workers,
            "worker_class": "gthread",
            "threads": 8,
            "timeout": 60,
            "graceful_timeout": 10,
            "keepalive": 15,
            "loglevel": "warning",
            "proc_name": "mamonaku",
            "control_socket_disable": True,
            "when_ready": lambda _server: print(ready, flush=True) if ready else None,  # noqa: T201
            "post_worker_init": self._started,
            "worker_exit": self._stopped,
        }
        self._parts: Parts | None = None
        self._jobs: Any = None
        super().__init__()

    def load_config(self) -> None:
        """Hand our options to gunicorn."""
        for name, value in self._options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application of this worker process."""
        self._parts = self._join()
        return create_app(self._parts)

    def _started(self, _worker: Any) -> None:
        if self._with_jobs and self._parts is not None:
            # By name: nothing in app knows the jobs, which are a layer above it.
            self._jobs = pkgutil.resolve_name("jobs.schedule:start")(self._parts)

    def _stopped(self, _server: Any, _worker: Any) -> None:
        if self._jobs is not None:
            self._jobs.stop()
        if self._parts is not None:
            self._parts.db.close()
