"""How does a notice appear on a customer's device without an app? By Web Push: her browser's push service (RFC 8030)
passes on what only that one browser can read (RFC 8291), and knows from our signature who sends it (RFC 8292).

A second send with the same reference replaces the first one, at the push service and on the screen.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from app.providers.base import OutcomeUnknown, PushDevice, Recipient, Refused, TryLater
from app.providers.http import ask, rest_s
from app.push import is_push_service
from app.rules.messages import Message

if TYPE_CHECKING:
    from app.config import Settings

#: Push services take no more, encrypted.
_LONGEST_PAYLOAD = 3800


class WebPush:
    """Our key, and the push services that we write to."""

    name = "push"
    repeats_safely = True

    def __init__(self, key: str, contact: str, services: Collection[str]) -> None:
        self._vapid = Vapid02.from_raw(key.encode())
        self._contact = contact
        self._services = services
        #: What browsers are given when they subscribe; base64url.
        self.public_key = _base64url(
            self._vapid.public_key.public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
            )
        )
        #: Called with the address of a device that takes no more; whoever joins the parts forgets it then.
        self.gone: Callable[[str], None] = _keep

    def reaches(self, recipient: Recipient) -> bool:
        """Return whether a device asked to be told."""
        return bool(recipient.push)

    def send(self, message: Message, recipient: Recipient, *, reference: str, valid_s: int) -> str:
        """Hand the short text over to every device; one that takes it is enough."""
        payload = {"text": message.short, "page": recipient.page_path, "reference": reference}
        text = json.dumps(payload, ensure_ascii=False).encode()
        if len(text) > _LONGEST_PAYLOAD:
            raise Refused("longer than a push message may be")
        taken, failures = False, list[Exception]()
        for device in recipient.push:
            try:
                self._hand_over(device, text, reference, valid_s)
                taken = True
            except (Refused, TryLater, OutcomeUnknown) as failure:
                failures.append(failure)
        if taken:
            return f"push-{reference}"
        for kind in (OutcomeUnknown, TryLater, Refused):
            for error in failures:
                if isinstance(error, kind):
                    raise error
        raise Refused("no device")

    def look_up(self, message: Message, recipient: Recipient, *, reference: str, began_at: datetime) -> str | None:
        """Raise OutcomeUnknown: a push service cannot be asked, but it can be sent the same again."""
        raise OutcomeUnknown("a push service cannot be asked")

    def _hand_over(self, device: PushDevice, text: bytes, reference: str, valid_s: int) -> None:
        if not is_push_service(device.endpoint, self._services):
            raise Refused("not a push service that we write to", ends="gone")
        parts = urlsplit(device.endpoint)
        try:
            body = http_ece.encrypt(
                text,
                private_key=ec.generate_private_key(ec.SECP256R1()),
                dh=_bytes(device.p256dh),
                auth_secret=_bytes(device.auth),
                version="aes128gcm",
            )
        except (ValueError, http_ece.ECEException) as error:
            self.gone(device.endpoint)
            raise Refused("keys that nobody can write to", ends="gone") from error
        headers = {
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(max(valid_s, 0)),
            "Urgency": "high",
            "Topic": reference[:32],
            **self._vapid.sign({"sub": self._contact, "aud": f"{parts.scheme}://{parts.netloc}"}),
        }
        answer = ask("POST", device.endpoint, data=body, headers=headers)
        if answer.status_code in (200, 201, 202):
            return
        if answer.status_code in (404, 410):
            self.gone(device.endpoint)
            raise Refused("the device takes no more", ends="gone")
        if answer.status_code == 429:
            raise TryLater("too many requests", after_s=rest_s(answer))
        if 400 <= answer.status_code < 500 and answer.status_code != 408:
            raise Refused(f"HTTP {answer.status_code}")
        raise OutcomeUnknown(f"HTTP {answer.status_code}")


def _keep(_endpoint: str) -> None:
    """Forget no device: what is not joined has no memory."""


def new_key() -> str:
    """Return a new private key, base64url."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return _base64url(number.to_bytes(32, "big"))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def from_settings(settings: Settings) -> WebPush | None:
    """Return the channel when push services are given somebody to write to."""
    if not settings.push_contact:
        return None
    key = settings.push_key or settings.kept("push_key", new_key)
    return WebPush(key, f"mailto:{settings.push_contact}", settings.push_services.split())
