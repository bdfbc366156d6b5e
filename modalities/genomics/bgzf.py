"""BGZF: gzip in blocks that can be made apart and put one behind the other (SAMv1, 4.1)."""

from __future__ import annotations

import struct
import zlib

BLOCK = 65280
"""Bytes of text in a block; a compressed block must stay below 64 KiB."""
END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that closes a file."""


def blocks(text: bytes) -> bytes:
    """``text`` as blocks, without the closing one. Fastest level: nearly all of a line of a VCF is
    one cell repeated, which any level finds."""
    return b"".join(_block(text[at : at + BLOCK]) for at in range(0, len(text), BLOCK))


def _block(text: bytes) -> bytes:
    deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
    data = deflate.compress(text) + deflate.flush()
    # gzip member with the extra field BC: the size of the whole block, less one
    head = struct.pack("<4BI2BH2B2H", 31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, len(data) + 25)
    return head + data + struct.pack("<2I", zlib.crc32(text), len(text))
