"""Protocol Buffers' wire format, as far as we write it by hand: https://protobuf.dev/programming-guides/encoding/. Pure."""


def varint(number: int) -> bytes:
    if number < 0x80:
        return _SMALL[number]
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


_SMALL = tuple(bytes((number,)) for number in range(0x80))


def field(tag: int, body: bytes) -> bytes:
    """A field of text, bytes or a message; `tag` holds its number and type 2."""
    length = len(body)
    return _SMALL[tag] + (_SMALL[length] if length < 0x80 else varint(length)) + body
