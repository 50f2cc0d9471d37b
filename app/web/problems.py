"""How is an error told to a program? As problem details (RFC 9457) with a stable type."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request
from werkzeug.exceptions import HTTPException

from app import i18n
from app.errors import AppError, Conflict, Invalid
from app.web.visitor import locale


def wants_problem() -> bool:
    """Return whether a program is asking, and so wants problem details instead of a page."""
    return request.path.startswith(("/api/", "/ingest/", "/hooks/")) or (
        request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"
    )


def problem_reply(error: AppError | HTTPException) -> Response:
    """Return problem details: `type` for programs, `title` and `errors` for people, in the asker's language."""
    status = error.status if isinstance(error, AppError) else error.code or 500
    code = error.code if isinstance(error, AppError) else f"http_{status}"
    facts = error.facts if isinstance(error, AppError) else {}
    conflict = isinstance(error, Conflict) and status == Conflict.status
    body: dict[str, Any] = {
        "type": f"urn:mamonaku:{'conflict' if conflict else code}",
        "title": error_words(code, status, facts),
        "status": status,
    }
    if conflict:
        body["reason"] = code
    if facts:
        body["facts"] = facts
    if isinstance(error, Invalid):
        body["errors"] = [
            {"field": p.field, "code": p.code, "message": i18n.t(f"problem.{p.code}", locale(), **p.facts)}
            for p in error.problems
        ]
    response = jsonify(body)
    response.status_code = status
    response.content_type = "application/problem+json"
    if isinstance(error, HTTPException):
        for name, value in error.get_headers():
            if name.lower() in ("allow", "retry-after", "www-authenticate"):
                response.headers[name] = value
    return response


def error_words(code: str, status: int, facts: dict[str, Any]) -> str:
    """Return what an error says to a person; one without words of its own speaks by its status."""
    if i18n.has(f"error.{code}", locale()):
        return i18n.t(f"error.{code}", locale(), **facts)
    return i18n.t("error.http_500" if status >= 500 else "error.http_400", locale())
