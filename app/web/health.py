"""Is it alive, is it fine, and how is it doing?"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from app.clock import real_now
from app.operations.alarm import channels_down
from app.operations.lease import is_watched
from app.web.metrics import Sending
from app.web.visitor import now, parts, session

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """Answer that this process serves."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Answer whether the database responds and the jobs are ticking, and which channels do not work.

    A channel that is down makes no process unready: notices take another way, and a restart would mend nothing.
    """
    try:
        parts().db.check()
        watched = is_watched(session(), real_now(parts().clock))
        down = channels_down(session())
    except SQLAlchemyError:
        return jsonify(status="unavailable", database="silent"), 503
    if not watched:
        return jsonify(status="unavailable", database="ok", jobs="silent"), 503
    return jsonify(status="ok", database="ok", jobs="ok", channels_down=down), 200


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer with this process's figures for Prometheus, and with how sending goes; without it when nobody can know."""
    own, sending = generate_latest(), CollectorRegistry()
    try:
        names = parts().channels
        sending.register(Sending(session(), names, now(), dry_run=parts().settings.dry_run))
        shared = generate_latest(sending)
    except SQLAlchemyError:
        shared = b""
    return Response(own + shared, content_type=CONTENT_TYPE_LATEST)
