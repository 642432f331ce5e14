"""Everything that differs between two revisions of a model, topic by topic. Pure."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from registry.revisions import files, members, tensors, texts
from registry.revisions.files import FileChange
from registry.revisions.gather import Revision
from registry.revisions.members import MemberChanges
from registry.revisions.tensors import TensorChanges
from registry.revisions.texts import TextChanges

CHAT_TEMPLATE = "chat_template"
TOKENIZER_CONFIG = "tokenizer_config.json"
# Under which heading a document is shown, by what it is for.
TOPICS = {
    "config": "configuration",
    "tokenizer": "tokenizer",
    "template": "template",
    "license": "license",
    "doc": "license",
}


@dataclasses.dataclass(frozen=True, slots=True)
class DocumentChange:
    """One document: its members where both sides are JSON, its lines otherwise; `why_not` where neither can be shown."""

    path: str
    members: MemberChanges | None = None
    lines: TextChanges | None = None
    why_not: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Unread:
    """What was not looked at, and why; an empty path stands for the whole stored copy."""

    side: str  # before or after
    path: str
    why: str


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """What differs; a topic without changes is empty."""

    files: tuple[FileChange, ...]
    configuration: tuple[DocumentChange, ...]
    tokenizer: tuple[DocumentChange, ...]
    template: tuple[DocumentChange, ...]
    license: tuple[DocumentChange, ...]
    tensors: TensorChanges
    unread: tuple[Unread, ...]

    def to_json(self) -> dict[str, Any]:
        """As the REST interface spells it."""
        return dataclasses.asdict(self)


def compare(before: Revision, after: Revision) -> Difference:
    """Hold two revisions against each other."""
    changes = files.compare(before.expected, after.expected)
    found: dict[str, list[DocumentChange]] = {topic: [] for topic in TOPICS.values()}
    for change in changes:
        topic = _topic(change)
        if topic is not None:
            for shown in _documents(change, before, after):
                found["template" if shown.path.endswith(f"#{CHAT_TEMPLATE}") else topic].append(shown)
    same = {
        path
        for path in before.expected.keys() & after.expected.keys()
        if before.expected[path].sha256 == after.expected[path].sha256
    }
    return Difference(
        files=changes,
        tensors=tensors.compare(before.tensors, after.tensors, same_files=frozenset(same)),
        unread=tuple(
            Unread(side, path, why)
            for side, revision in (("before", before), ("after", after))
            for path, why in sorted(revision.unread.items())
        ),
        **{topic: tuple(documents) for topic, documents in found.items()},
    )


def _topic(change: FileChange) -> str | None:
    """Of the papers among the files only the card bears on the licence."""
    role = change.role
    if role == "doc" and change.path.rpartition("/")[2].lower() != "readme.md":
        return None
    return TOPICS.get(role)


def _documents(change: FileChange, before: Revision, after: Revision) -> list[DocumentChange]:
    sides = []
    for listed, revision in ((change.before, before), (change.after, after)):
        if listed is None:
            sides.append(b"")
        elif listed.path in revision.documents:
            sides.append(revision.documents[listed.path])
        else:
            why = revision.unread.get(listed.path) or revision.unread.get("") or "not a text"
            return [DocumentChange(change.path, why_not=why)]
    if change.what == "renamed":
        return []
    left, right = (_json(content) for content in sides)
    if not isinstance(left, dict) or not isinstance(right, dict):
        return [DocumentChange(change.path, lines=texts.compare(_text(sides[0]), _text(sides[1])))]
    return _json_documents(change.path, left, right)


def _json_documents(path: str, left: dict[str, Any], right: dict[str, Any]) -> list[DocumentChange]:
    """A tokenizer's configuration holds a chat template, which is read line by line and not as one long value."""
    if path.rpartition("/")[2] != TOKENIZER_CONFIG:
        return [DocumentChange(path, members=members.compare(left, right))]
    templates = [_template(side) for side in (left, right)]
    without = [
        {name: value for name, value in side.items() if name != CHAT_TEMPLATE} for side in (left, right)
    ]
    found = []
    if without[0] != without[1]:
        found.append(DocumentChange(path, members=members.compare(*without)))
    if templates[0] != templates[1]:
        found.append(DocumentChange(f"{path}#{CHAT_TEMPLATE}", lines=texts.compare(*templates)))
    return found


def _template(config: Mapping[str, Any]) -> str:
    """The template as text: the one that there is, or all named ones under their names."""
    value = config.get(CHAT_TEMPLATE, "")
    return value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False, default=str)


def _json(content: bytes) -> Any:
    """The document as JSON, nothing for an empty side, None where it is not JSON."""
    if not content:
        return {}
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")
