"""What a license text of a repository is about, by its place and name: the model, its weights, code, or a notice. Pure."""

import re
from enum import StrEnum
from pathlib import PurePosixPath

_CODE = re.compile(r"(?i)(licen[sc]e[-_.]?(for[-_.]?)?code\b|code[-_.]licen[sc]e)")
_MODEL = re.compile(r"(?i)(licen[sc]e[-_.]?(for[-_.]?)?(model|weights)|(model|weights)[-_. ]licen[sc]e)")
_CODE_FOLDERS = frozenset({"code", "src", "third_party", "third-party", "thirdparty", "vendor"})
# A notice with one of these words may set terms.
_SETS_TERMS = re.compile(
    r"(?i)\b(academic|commercial\w*|consent|forbidden|million|must|need\w*|non\w*commercial\w*|not|only|pay|payment"
    r"|permission|prohibit\w*|research|restrict\w*|revenue|shall|interdit\w*|kommerz\w*|nicht\w*|verbot\w*)\b"
    r"|[\u0400-\u06ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"  # what is written so, nobody here can read
)


class Covers(StrEnum):
    """What a text of a repository is about."""

    MODEL = "model"
    WEIGHTS = "weights"
    CODE = "code"
    NOTICE = "notice"


def covers(path: str, text: str = "") -> Covers:
    """What a text is about, by its place and name; a notice that may set terms is read as a license."""
    place = PurePosixPath(path)
    if _MODEL.search(place.name):
        return Covers.WEIGHTS
    if _CODE.search(place.name) or _CODE_FOLDERS & {part.casefold() for part in place.parent.parts}:
        return Covers.CODE
    if place.name.casefold().startswith("notice") and not _SETS_TERMS.search(text):
        return Covers.NOTICE
    return Covers.MODEL
