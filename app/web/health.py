"""Is it alive, is it fine, and how is it doing?"""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.clock import real_now
from app.models import Lease
from app.web.visitor import parts, session

blueprint = Blueprint("health", __name__)

#: The jobs show themselves every few seconds; after this long without a sign they are taken for dead.
JOBS_SILENT = timedelta(seconds=60)


@blueprint.get("/healthz")
def alive() -> Response:
    """Answer that this process serves."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Answer whether the database responds and the jobs are ticking."""
    try:
        parts().db.check()
        seen_at = session().scalar(select(Lease.seen_at).where(Lease.name == "jobs"))
    except SQLAlchemyError:
        return jsonify(status="unavailable", database="silent"), 503
    if seen_at is None or real_now(parts().clock) - seen_at > JOBS_SILENT:
        return jsonify(status="unavailable", database="ok", jobs="silent"), 503
    return jsonify(status="ok", database="ok", jobs="ok"), 200


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer with this process's figures for Prometheus."""
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)
