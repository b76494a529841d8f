"""Bodies to zstd and back: by a dictionary that the platform is known to have, or by none."""

import zstandard

from eucora_wire.dictionary import PLAIN, content, number_of

LEVEL = 3


def pack(plain: bytes, number: int = PLAIN) -> bytes:
    """One frame, with its size. Raises UnknownDictionary."""
    if number == PLAIN:
        return zstandard.compress(plain, LEVEL)
    return zstandard.ZstdCompressor(LEVEL, dict_data=_dictionary(number)).compress(plain)


def unpack(body: bytes) -> bytes:
    """What `pack` was given: of one's own bodies, since nothing bounds it. Raises UnknownDictionary, zstandard.ZstdError."""
    number = number_of(body)
    if number == PLAIN:
        return zstandard.decompress(body)
    return zstandard.ZstdDecompressor(dict_data=_dictionary(number)).decompress(body)


def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(content(number), dict_type=zstandard.DICT_TYPE_FULLDICT)
