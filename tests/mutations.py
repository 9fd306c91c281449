"""Files spoiled in the ways that disks, transfers and attackers spoil them; the same seed spoils in the same way."""

from __future__ import annotations

import random
import struct

_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFF)
_LENGTHS = (b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\xff\xff\xff\x7f", b"\x00\x00\x01\x00", b"\x00\x00\xff\xff")


def spoiled(content: bytes, seed: int) -> bytes:
    """Return the bytes with some changed, taken out, put in, moved, or cut off at the end."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    result = bytearray(content)
    # Headers of files and codestreams are short: half of the damage is done close behind one place.
    start = chance.randrange(len(content)) if chance.random() < 0.5 else 0
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        reach = chance.choice((60, 400, len(result)))
        _spoil(result, min(start + chance.randrange(reach), len(result) - 1), chance)
    if chance.random() < 0.2:
        del result[chance.randrange(len(result)) :]
    if chance.random() < 0.3:
        result += b"\xff\xd9"  # a codestream that seems to be whole
    return bytes(result)


def _spoil(content: bytearray, place: int, chance: random.Random) -> None:
    kind = chance.random()
    if kind < 0.5:
        content[place] = chance.choice((*_BYTES, chance.randrange(256)))
    elif kind < 0.6:
        content[place] ^= 1 << chance.randrange(8)
    elif kind < 0.7 and len(content) > 2000:
        del content[place : place + chance.choice((1, 2, 4, 50, 1000))]
    elif kind < 0.8:
        content[place:place] = chance.randbytes(chance.choice((1, 2, 4, 50)))
    elif kind < 0.9:
        other = chance.randrange(len(content))
        content[place : place + 40] = content[other : other + 40]
    else:
        content[place : place + 4] = chance.choice(_LENGTHS)


def nested(levels: int, *, defined: bool = False, tag: tuple[int, int] = (0x0008, 0x1140)) -> bytes:
    """Return a sequence within a sequence and so on, explicit little endian; lengths are said, or left open."""
    if not defined:
        item = struct.pack("<HHI", 0xFFFE, 0xE000, 2**32 - 1)
        begin = struct.pack("<HH2sHI", *tag, b"SQ", 0, 2**32 - 1) + item
        end = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
        return begin * levels + end * levels
    lengths = [20 * level for level in range(levels)]
    return b"".join(
        struct.pack("<HH2sHI", *tag, b"SQ", 0, inside + 8) + struct.pack("<HHI", 0xFFFE, 0xE000, inside)
        for inside in reversed(lengths)
    )
