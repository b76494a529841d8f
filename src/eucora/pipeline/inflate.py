"""Bodies unpacked within a bound: a bomb is stopped at its first byte too many, never after it has grown."""

import zlib
from functools import cache

import zstandard

from eucora_wire import dictionary

GZIP = 16 + zlib.MAX_WBITS
WINDOW = 2**25
"""A zstd frame that wants a larger window is refused: the memory would be ours."""


class Unreadable(Exception):
    """The body is not what its content-encoding says: damaged, cut short, or with something behind its end."""


class InflatesTooMuch(Exception):
    """The body inflates beyond the limit."""


def inflate(body: bytes, encoding: str, most: int) -> bytes:
    """What was encoded (zstd, gzip or identity). Raises Unreadable, InflatesTooMuch or UnknownDictionary."""
    if encoding == "zstd":
        return _from_zstd(body, most)
    if encoding == "gzip":
        return _from_gzip(body, most)
    return _bounded(body, most)


def _from_zstd(body: bytes, most: int) -> bytes:
    try:
        reader = _zstd(dictionary.number_of(body))
        size = zstandard.frame_content_size(body)
        if size > most:
            raise InflatesTooMuch
        if size > 0:
            return reader.decompress(body, allow_extra_data=False)
        return _in_pieces(reader, body, most)
    except zstandard.ZstdError as exc:
        raise Unreadable("zstd") from exc


@cache
def _zstd(number: int) -> zstandard.ZstdDecompressor:
    if number == dictionary.PLAIN:
        return zstandard.ZstdDecompressor(max_window_size=WINDOW)
    learnt = zstandard.ZstdCompressionDict(dictionary.content(number), dict_type=zstandard.DICT_TYPE_FULLDICT)
    return zstandard.ZstdDecompressor(dict_data=learnt, max_window_size=WINDOW)


def _in_pieces(decompressor: zstandard.ZstdDecompressor, body: bytes, most: int) -> bytes:
    """A frame that hides its size is fed a little at a time: 128 bytes hold at most 32 blocks, which is 4 MiB."""
    reader, pieces, size = decompressor.decompressobj(), list[bytes](), 0
    for at in range(0, len(body), 128):
        pieces.append(reader.decompress(body[at : at + 128]))
        size += len(pieces[-1])
        if size > most:
            raise InflatesTooMuch
        if reader.eof:
            return _whole(b"".join(pieces), not reader.unused_data and at + 128 >= len(body))
    return _whole(b"", False)


def _from_gzip(body: bytes, most: int) -> bytes:
    reader = zlib.decompressobj(wbits=GZIP)
    try:
        inflated = _bounded(reader.decompress(body, most + 1), most)
    except zlib.error as exc:
        raise Unreadable("gzip") from exc
    return _whole(inflated, reader.eof and not reader.unused_data)


def _whole(inflated: bytes, ended: bool) -> bytes:
    if not ended:
        raise Unreadable("cut short, or something lies behind its end")
    return inflated


def _bounded(inflated: bytes, most: int) -> bytes:
    if len(inflated) > most:
        raise InflatesTooMuch
    return inflated
