"""`manage.py load_licenses`: puts the project's licence records of this release in force."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from governance.errors import GovernanceError
from registry.actions import shipped_licenses
from registry.licensing.releases import ORGANIZATION, Change

WORDS = {
    Change.ADDED: "added",
    Change.CHANGED: "changed",
    Change.REMOVED: "removed",
    Change.OVERRIDDEN: "overridden by your record",
    Change.RESTORED: "restored",
    Change.CHANGED_BENEATH: "changed beneath your record",
}


class Command(BaseCommand):
    """Load the licence records."""

    help = "Put the project's licence records in force, as they come with this code. Your own records stay."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, and print what changed."""
        try:
            loaded = shipped_licenses.load_licenses(now=timezone.now())
        except GovernanceError as error:
            raise CommandError(f"The catalogue in force stays: {error.detail}") from error
        entries = loaded.release.entries
        for license_id, change in loaded.changes.items():
            self.stdout.write(f"{WORDS[Change(change)]:>8}  {license_id}")
            entry = entries.get(license_id)
            if entry is not None and entry["origin"] == ORGANIZATION:
                self.stderr.write(
                    f"{license_id}: your own record hides the project's, which changed. Read both, and propose yours anew."
                )
        if not loaded.changes:
            self.stdout.write(f"Nothing changed: {len(entries)} records are in force.")
        self.stdout.write(loaded.release.catalog_digest)
