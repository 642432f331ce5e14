"""Paths that the documents name exist."""

import re
from pathlib import Path

import pytest

from registry.verification.checks import CHECKS

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"]
# Where a path may begin: the root, or the folder that the sentence is about.
STARTS = (ROOT, ROOT / "registry")
NAMED = re.compile(r"`((?:governance|registry|audit|deploy|tests|docs|actions|licensing)/[\w./-]*)`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_paths_that_exist(document: Path) -> None:
    named = NAMED.findall(document.read_text(encoding="utf-8"))

    assert [path for path in named if not any((start / path).exists() for start in STARTS)] == []


def test_the_table_of_checks_is_the_table_of_the_code() -> None:
    rows = re.findall(r"^\| (C\d+-[\w-]+) \|", (ROOT / "docs/verification.md").read_text(), re.MULTILINE)

    assert rows == [check.check_id for check in CHECKS]


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        (document.name, target)
        for document in DOCUMENTS
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]

    assert broken == []
