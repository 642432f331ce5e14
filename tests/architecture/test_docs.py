"""Paths that the documents name exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"]
# Where a path may begin: the root, or the folder that the sentence is about.
STARTS = (ROOT, ROOT / "registry")
NAMED = re.compile(r"`((?:governance|registry|audit|deploy|tests|docs|actions|licensing)/[\w./-]*)`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_paths_that_exist(document: Path) -> None:
    named = NAMED.findall(document.read_text(encoding="utf-8"))

    assert [path for path in named if not any((start / path).exists() for start in STARTS)] == []
