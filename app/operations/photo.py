"""Which picture may be kept of what somebody sent, and nothing else of it?

What is sent is believed in nothing: not its name, not its kind. Its pixels are painted anew, so that no position, no
name of a phone and no hidden file comes through; what is too large to be unpacked is refused before it is.
"""

from __future__ import annotations

import hashlib
import struct
import threading
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps

from app.errors import Invalid

LARGEST_MB = 8
#: How a phone's pictures begin, whatever their names say. (A WEBP has its size between the two words.)
_BEGINS = {"JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG\r\n\x1a\n", "WEBP": b"RIFF"}
#: What is unpacked at once takes four bytes a pixel; a JPEG can be unpacked at a fraction of its size.
_MOST_PIXELS = {"JPEG": 110_000_000, "PNG": 25_000_000, "WEBP": 25_000_000}
#: Enough to read what stands on a screen or a plate.
_LONGEST_SIDE = 1600
_QUALITY = 80
#: One at a time: a picture takes a hundred megabytes for a moment, and other pages share this process.
_TURN = threading.Lock()


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture as it is kept: JPEG without anything but its pixels, upright, its longest side at most 1600."""

    content: bytes
    width: int
    height: int

    @property
    def digest(self) -> str:
        """What tells it from other pictures."""
        return hashlib.sha256(self.content).hexdigest()


def read_photo(sent: bytes) -> Photo:
    """Return the picture that was sent. Raises Invalid naming `photos`: too large, or no picture of a known kind."""
    if len(sent) > LARGEST_MB * 1024 * 1024:
        raise Invalid.one("photos", "photo_too_large", most=LARGEST_MB)
    kind = next((name for name, begin in _BEGINS.items() if sent.startswith(begin)), None)
    if kind is None or (kind == "WEBP" and sent[8:12] != b"WEBP"):
        raise Invalid.one("photos", "not_a_photo")
    try:
        with _TURN:
            return _painted(sent, kind)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Invalid.one("photos", "photo_too_large", most=LARGEST_MB) from None
    except (OSError, SyntaxError, ValueError, EOFError, struct.error):
        raise Invalid.one("photos", "not_a_photo") from None


def _painted(sent: bytes, kind: str) -> Photo:
    with Image.open(BytesIO(sent), formats=(kind,)) as picture:
        width, height = picture.size
        if width * height > _MOST_PIXELS[kind]:
            raise Invalid.one("photos", "photo_too_large", most=LARGEST_MB)
        picture.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
        upright = ImageOps.exif_transpose(picture)
        upright.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
        painted = Image.new("RGB", upright.size, "white")
        see_through = upright.convert("RGBA") if "A" in upright.getbands() or "transparency" in upright.info else None
        painted.paste(see_through or upright.convert("RGB"), mask=see_through)
    kept = BytesIO()
    painted.save(kept, "JPEG", quality=_QUALITY, optimize=True)
    return Photo(kept.getvalue(), painted.width, painted.height)


# Beyond what is refused here anyway, the library's own alarm (an error at twice this) stands behind.
Image.MAX_IMAGE_PIXELS = max(_MOST_PIXELS.values())
