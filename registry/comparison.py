"""Two versions side by side, out of their manifests and stored copies."""

from registry import origin
from registry.models import ModelVersion
from registry.revisions import difference, gather


def of_versions(before: ModelVersion, after: ModelVersion) -> difference.Difference:
    """What differs; where a stored copy cannot be read, the answer says so."""
    return difference.compare(_revision(before), _revision(after))


def _revision(version: ModelVersion) -> gather.Revision:
    return gather.revision(origin.folder_of(version), origin.expected_files(version))
