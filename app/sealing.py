"""How are secrets of others kept, so that whoever sees the database alone cannot use them?

Sealed with a key that is derived from the installation's secret key, which does not lie in the database. What was kept
in plain words before is understood, and sealed when it is next replaced.
"""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.orm import Session

#: Of what is sealed; the number tells how.
_MARK = "sealed:1:"
#: Where a session knows the seal.
INFO = "seal"


class Seal:
    """Seals and opens texts by one key."""

    def __init__(self, secret_key: str) -> None:
        derived = HKDF(SHA256(), 32, salt=None, info=b"mamonaku: secrets of others").derive(secret_key.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    def close(self, text: str) -> str:
        """Return a text sealed."""
        return _MARK + self._fernet.encrypt(text.encode()).decode()

    def open(self, kept: str) -> str | None:
        """Return what was sealed; None when it was by another key."""
        try:
            return self._fernet.decrypt(kept.removeprefix(_MARK)).decode()
        except InvalidToken:
            return None


def sealed(session: Session, text: str) -> str:
    """Return a secret as it is kept; as it is where no key is known (a database without an installation)."""
    seal: Seal | None = session.info.get(INFO)
    return text if seal is None else seal.close(text)


def opened(session: Session, kept: str) -> str | None:
    """Return a secret that is kept; None when the installation's key has been changed since."""
    if not kept.startswith(_MARK):
        return kept
    seal: Seal | None = session.info.get(INFO)
    return None if seal is None else seal.open(kept)
