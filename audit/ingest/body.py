"""Takes the compression off a request's body, never past a limit. Pure."""

import zlib

import zstandard

from governance.errors import BodyTooLarge, GovernanceError

GZIP_WINDOW = 31  # zlib's way to say: with a gzip header, and nothing else


class BodyMalformed(GovernanceError):
    """The body is not compressed as its header says, or is cut short."""

    code = "malformed_body"
    status = 400
    title = "The body cannot be read"


class EncodingUnsupported(GovernanceError):
    """The body is compressed in a way that is not taken."""

    code = "unsupported_encoding"
    status = 415
    title = "The content encoding is not supported"


def decompress(data: bytes, *, encoding: str, limit: int) -> bytes:
    """Return the body, at most `limit` bytes of it."""
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        if len(data) > limit:
            raise _too_large(limit)
        return data
    if name == "gzip":
        return _gunzip(data, limit=limit)
    if name == "zstd":
        return _unzstd(data, limit=limit)
    raise EncodingUnsupported(f"The encoding {encoding[:40]!r} is not one of gzip, zstd, identity.")


def _gunzip(data: bytes, *, limit: int) -> bytes:
    stream = zlib.decompressobj(GZIP_WINDOW)
    try:
        found = stream.decompress(data, limit + 1)
    except zlib.error as error:
        raise BodyMalformed("The body is not gzip.") from error
    if len(found) > limit:
        raise _too_large(limit)
    if not stream.eof or stream.unused_data:
        raise BodyMalformed("The gzip body is cut short, or something follows it.")
    return found


def _unzstd(data: bytes, *, limit: int) -> bytes:
    try:
        # A frame that states its size is refused by the statement, before anything is made room for.
        stated = zstandard.frame_content_size(data)
        # One that does not is read by a reader, which gives out no more than it is asked for.
        if stated > limit or (
            stated < 0 and len(zstandard.ZstdDecompressor().stream_reader(data).read(limit + 1)) > limit
        ):
            raise _too_large(limit)
        # Only this way of reading notices an end that is missing, or something behind it.
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=limit, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise BodyMalformed("The zstd body is malformed, cut short, or something follows it.") from error


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(
        f"A batch has at most {limit} bytes when it is unpacked; send smaller ones.", limit=limit
    )
