"""`manage.py sketch_licenses FOLDER...`: makes `registry/licensing/sketches.json` from folders that hold license texts.

    pip download --no-deps scancode-toolkit==32.5.0 && unzip -q scancode_toolkit-*.whl 'licensedcode/data/licenses/*'
    python manage.py sketch_licenses licensedcode/data/licenses

A text is taken where the hash of its words stands in a record of the catalogue, or in a file given with `--known`
(JSON: hash -> [license, document]). No text is kept, only hashes of a part of its five-word runs. The license data of
ScanCode are by nexB Inc. and others under CC-BY-4.0.
"""

import base64
import json
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from registry.licensing import catalog, resemblance
from registry.licensing.words import hash_words, words

MAX_BYTES = 300_000
# Texts that a record names by another hash, because a holder's name stands in them.
NAMED = {
    "moonshot-ai-modified-mit-2025.LICENSE": ("kimi-k2-modified-mit", "license"),
    "llama-4-license-2025.LICENSE": ("llama-4", "use_policy"),
}
Known = dict[str, tuple[str, str]]
SCANCODE = "pypi scancode-toolkit 32.5.0 licensedcode/data/licenses"


def known_hashes(extra: Path | None) -> Known:
    """Hash of the words -> license and document, from the catalogue and a file."""
    found: Known = {}
    if extra is not None:
        found = {digest: (one, kind) for digest, (one, kind) in json.loads(extra.read_text()).items()}
    for terms in catalog.load().licenses.values():
        found |= {text.sha256_words_v1: (terms.id, text.document.value) for text in terms.texts}
    return found


def texts(folders: Iterable[Path]) -> Iterator[tuple[Path, list[str]]]:
    """Every text below the folders, as words, without a block of metadata at its head."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.stat().st_size > MAX_BYTES:
                continue
            text = path.read_bytes().decode("utf-8", "replace")
            yield path, words(text[3:].partition("\n---")[2] if text.startswith("---") else text)


def sketch(license_id: str, document: str, path: Path, found: list[str], source: str) -> dict[str, object]:
    """One text as it is kept."""
    every = resemblance.runs(found)
    return {
        "license": license_id,
        "document": document,
        "source": f"{source} {path.name}",
        "sha256_words_v1": hash_words(found),
        "runs": len(every),
        "sample": base64.b64encode(resemblance.sample(every)).decode(),
    }


class Command(BaseCommand):
    """Sketch license texts."""

    help = "Keep samples of known license texts, against which unknown texts are held."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where the texts are, and what they are."""
        parser.add_argument("folder", nargs="+", type=Path)
        parser.add_argument("--known", type=Path, help="JSON: hash of the words -> [license, document]")
        parser.add_argument("--source", default=SCANCODE, help="what the folder is, for the record")
        parser.add_argument("--output", default=resemblance.FILE, type=Path)

    def handle(
        self, *args: Any, folder: list[Path], known: Path | None, source: str, output: Path, **options: Any
    ) -> None:
        """Read the folders, write the file."""
        hashes, found = known_hashes(known), {}
        for path, listed in texts(folder):
            meant = hashes.get(hash_words(listed)) or NAMED.get(path.name)
            if meant and listed:
                found[(*meant, hash_words(listed))] = sketch(*meant, path, listed, source)
        body: dict[str, Any] = {"type": "modelcustody/license-sketches/v1", "run_words": resemblance.RUN}
        body["texts"] = [found[key] for key in sorted(found)]
        output.write_text(json.dumps(body, indent=1) + "\n")
        self.stdout.write(f"{len(found)} texts")
