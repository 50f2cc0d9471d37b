"""How is a picture handed out that a stranger has sent? As a picture and as nothing else."""

from __future__ import annotations

from flask import Response


def picture_reply(content: bytes) -> Response:
    """Return a JPEG that no browser takes for a page; it stays in the visitor's own browser for some minutes."""
    return Response(
        content,
        mimetype="image/jpeg",
        headers={
            "Content-Disposition": "inline; filename=photo.jpg",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, max-age=600",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )
