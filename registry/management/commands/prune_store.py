"""`manage.py prune_store [--dry-run] [--json]`: removes from the model store what nothing needs."""

import dataclasses
import json
import time
from argparse import ArgumentParser
from collections.abc import Collection
from typing import Any

from django.core.management.base import BaseCommand

from governance.sizes import in_words
from registry import storage
from registry.fetch import prune
from registry.lifecycle import Status
from registry.models import Artifact

AT_ONCE = 1000


class Command(BaseCommand):
    """Remove what no version, and no fetch that runs, needs."""

    help = (
        "Remove from the model store the files that no version has, and partial downloads that nobody touched for a "
        "day. Safe while workers fetch."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to remove, and how to say what was."""
        parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, dry_run: bool, json: bool, **options: Any) -> None:
        """Remove, and say what."""
        store = storage.model_store()
        pruned = prune.prune(store, needed=needed, now=time.time(), is_dry=dry_run)
        if json:
            self.stdout.write(_as_json({**dataclasses.asdict(pruned), "dry_run": dry_run}))
            return
        verb = "would be removed" if dry_run else "removed"
        self.stdout.write(
            f"{pruned.blobs} files ({in_words(pruned.blob_bytes)}) and {pruned.partials} partial downloads "
            f"({in_words(pruned.partial_bytes)}) {verb} from {store.root}."
        )


def needed(digests: Collection[str]) -> set[str]:
    """Those of some SHA-256 that are files of a version which is not revoked."""
    wanted, found = sorted(digests), set[str]()
    for start in range(0, len(wanted), AT_ONCE):
        rows = Artifact.objects.filter(sha256__in=wanted[start : start + AT_ONCE])
        found.update(rows.exclude(version__status=Status.REVOKED).values_list("sha256", flat=True))
    return found


def _as_json(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)
