"""Reads what an S3-compatible store answers to ListObjectsV2: XML from outside, so strictly and within bounds. Pure."""

import dataclasses
import io
import re
import urllib.parse
from xml.parsers import expat

MOST_DEPTH = 8
MOST_TEXT = 8 * 1024
MOST_ENTRIES = 10_000
TAG = re.compile(r'"?([\x21\x23-\x7e]{1,200})"?')


class BadListing(ValueError):
    """The answer is not a listing; says what is wrong with it."""


@dataclasses.dataclass(frozen=True, slots=True)
class ListedObject:
    """One object: its key, and what the store says of its content."""

    key: str
    size: int
    tag: str  # the entity tag, without quotes
    modified: str
    checksums: tuple[str, ...]  # the algorithms of which the store keeps a checksum
    checksum_type: str


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """One page; `following` asks for the next one, and is empty on the last."""

    objects: tuple[ListedObject, ...]
    following: str


def read(body: bytes) -> Page:
    """One page of a listing; raises `BadListing`."""
    reader = _Reader()
    try:
        reader.parser.ParseFile(io.BytesIO(body))
    except (expat.ExpatError, UnicodeDecodeError) as error:
        raise BadListing(f"it is not well-formed XML ({error})") from None
    top = reader.top
    is_encoded = top.get("EncodingType") == "url"
    objects = tuple(_object(entry, is_encoded=is_encoded) for entry in reader.entries)
    following = top.get("NextContinuationToken", "") if top.get("IsTruncated") == "true" else ""
    if top.get("IsTruncated") == "true" and not following:
        raise BadListing("it goes on, and does not say how")
    return Page(objects, following)


class _Reader:
    """Collects the elements of the top and of each <Contents>."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.top: dict[str, str] = {}
        self.entries: list[dict[str, list[str]]] = []
        self._path: list[str] = []
        self._said: list[str] = []
        self._length = 0

    def _refuse(self, *_: object) -> None:
        raise BadListing("it declares a document type, which could stand for anything")

    def _start(self, name: str, _attributes: object) -> None:
        self._path.append(name.rpartition(":")[2])
        self._said, self._length = [], 0
        if len(self._path) > MOST_DEPTH:
            raise BadListing("its elements are nested too deep")
        if len(self._path) == 1 and self._path[0] != "ListBucketResult":
            raise BadListing(f"it is no listing but {self._path[0][:40]!a}")
        if self._path[1:] == ["Contents"]:
            self.entries.append({})
            if len(self.entries) > MOST_ENTRIES:
                raise BadListing(f"it lists more than {MOST_ENTRIES} objects on one page")

    def _text(self, data: str) -> None:
        self._length += len(data)
        if self._length > MOST_TEXT:
            raise BadListing("an element is too long")
        self._said.append(data)

    def _end(self, _name: str) -> None:
        if len(self._path) == 2:
            self.top[self._path[1]] = "".join(self._said)
        elif len(self._path) == 3 and self._path[1] == "Contents":
            self.entries[-1].setdefault(self._path[2], []).append("".join(self._said))
        self._said, self._length = [], 0
        self._path.pop()


def _object(entry: dict[str, list[str]], *, is_encoded: bool) -> ListedObject:
    for name in ("Key", "Size", "ETag"):
        if len(entry.get(name, [])) != 1:
            raise BadListing(f"an object has no {name}, or several")
    size, tag = entry["Size"][0], TAG.fullmatch(entry["ETag"][0])
    if not (size.isascii() and size.isdigit() and len(size) <= 18) or tag is None:
        raise BadListing("an object has no usable size or entity tag")
    key = entry["Key"][0]
    try:
        decoded = urllib.parse.unquote_plus(key, errors="strict") if is_encoded else key
    except UnicodeDecodeError:
        raise BadListing("a key is not valid Unicode") from None
    return ListedObject(
        key=decoded,
        size=int(size),
        tag=tag[1],
        modified="".join(entry.get("LastModified", []))[:40],
        checksums=tuple(entry.get("ChecksumAlgorithm", []))[:10],
        checksum_type="".join(entry.get("ChecksumType", []))[:20],
    )
