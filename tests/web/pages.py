"""How does a test fill in a form as a browser would? It takes the page's own token along."""

from __future__ import annotations

import re
from typing import Any


def token(client: Any, page: str = "/account/sign-in") -> str:
    """Return the token against forged requests that a page carries for this browser."""
    text = client.get(page, follow_redirects=True).text
    found = re.search(r'name="csrf(?:_token)?" (?:value|content)="([^"]+)"', text)
    assert found, f"{page} carries no token"
    return found[1]


def post(client: Any, path: str, data: dict[str, Any] | None = None, **more: Any) -> Any:
    """Post a form with the token of this browser's session."""
    return client.post(path, data={"csrf_token": token(client), **(data or {})}, **more)


def values(text: str) -> dict[str, str]:
    """Return what the input fields of a page hold."""
    found = {}
    for field in re.findall(r"<input [^>]*>", text):
        name, value = re.search(r'name="([^"]*)"', field), re.search(r'value="([^"]*)"', field)
        if name:
            found[name[1]] = value[1] if value else ""
    return found
