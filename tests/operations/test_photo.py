"""Is a photo kept as its pixels and nothing else, and what is none, or would burst, refused?"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.errors import Invalid
from app.operations.photo import LARGEST_MB, read_photo


def picture(kind, size=(40, 30), mode="RGB", **more):
    out = BytesIO()
    Image.new(mode, size, "red" if mode != "P" else 1).save(out, kind, **more)
    return out.getvalue()


def opened(content):
    return Image.open(BytesIO(content))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "I;16"), ("WEBP", "RGB")],
)
def test_every_kind_becomes_a_small_jpeg(kind, mode):
    size = (2000, 1000)
    out = BytesIO()
    Image.new(mode, size).save(out, kind)
    photo = read_photo(out.getvalue())
    kept = opened(photo.content)
    assert (kept.format, kept.mode, kept.size) == ("JPEG", "RGB", (1600, 800))
    assert (photo.width, photo.height) == kept.size


def test_nothing_is_left_of_what_the_phone_wrote_into_it():
    exif = Image.Exif()
    exif[0x010F] = "SecretPhone"
    exif.get_ifd(0x8825)[2] = (34.0, 13.0, 30.0)  # GPS
    texts = PngInfo()
    texts.add_text("Comment", "SecretPlace")
    profile = b"SecretProfile" * 9
    for sent in (
        picture("JPEG", exif=exif, comment=b"SecretComment", icc_profile=profile) + b"SecretTail",
        picture("PNG", pnginfo=texts, exif=exif) + b"<script>Secret</script>",
        picture("WEBP", exif=exif, xmp=b"<x>SecretXmp</x>"),
    ):
        kept = read_photo(sent).content
        assert b"Secret" not in kept
        assert dict(opened(kept).getexif()) == {}
        assert not {"comment", "icc_profile", "exif", "xmp"} & set(opened(kept).info)


def test_a_photo_taken_sideways_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert opened(read_photo(picture("JPEG", exif=exif)).content).size == (30, 40)


def bomb(width, height):
    """A PNG of a few kilobytes that says it is as large as a football field."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", "not_a_photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "not_a_photo"),
        (b"GIF89a" + bytes(100), "not_a_photo"),
        (b"%PDF-1.7", "not_a_photo"),
        (b"\xff\xd8\xff\xe0<html><script>alert(1)</script>", "not_a_photo"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "not_a_photo"),
        (picture("PNG")[:60], "not_a_photo"),
        (picture("JPEG", (400, 400))[:-200], "not_a_photo"),
        (bomb(6000, 6000), "photo_too_large"),
        (bomb(30_000, 30_000), "photo_too_large"),
        (bomb(2**31 - 1, 2**31 - 1), "photo_too_large"),
        (b"\xff\xd8\xff" + bytes(LARGEST_MB * 1024 * 1024), "photo_too_large"),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, bytes) else value,
)
def test_what_is_no_photo_or_would_burst_is_refused(sent, code):
    with pytest.raises(Invalid) as refused:
        read_photo(sent)
    assert (refused.value.problems[0].field, refused.value.problems[0].code) == ("photos", code)
