"""The NOTICE and attribution pack of a set of versions: what must go with models that are handed on.

The same versions under the same catalogue give the same bytes, in whichever order they are named.
"""

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.template.loader import render_to_string
from modelcustody_client import archive, canonical, packing

from governance.errors import Conflict, InvalidInput
from registry import background, catalogs, evaluation, snapshot
from registry.licensing import notices
from registry.licensing.catalog import UNKNOWN, Catalog
from registry.licensing.notices import Notice, Origin, Shared
from registry.lifecycle import Status
from registry.models import Artifact, ArtifactRole, FindingKind, LineageEdge, LineageStatement, ModelVersion
from registry.models.conclusion import NOBODY

TYPE = "modelcustody/notice-pack/v1"
TEMPLATE = "registry/notices.html"
MAX_VERSIONS = 200
# A file that is called LICENSE and is larger than this is no licence.
MAX_FILE_BYTES = 1024 * 1024
MAX_BYTES = 64 * 1024 * 1024
_MEMBER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_LONGEST = 100


class VersionNotUsable(Conflict):
    """Only versions in use are handed on: resolved, and neither quarantined nor revoked."""

    code = "version_not_usable"


class PackTooLarge(Conflict):
    """The licence files of so many versions are more than one pack holds."""

    code = "pack_too_large"


@dataclass(frozen=True)
class Part:
    """One version of a pack: what is said about it, and its licence files by the name that they have in the pack."""

    shared: Shared
    contents: dict[str, bytes]


def build(ids: Sequence[int], *, on: date) -> bytes:
    """The pack as bytes; every licence file is held against its manifest first."""
    catalog, parts, size = catalogs.current(), [], 0
    for version in versions(ids):
        part = _part(version, catalog=catalog, on=on)
        size += sum(len(content) for content in part.contents.values())
        if size > MAX_BYTES:
            raise PackTooLarge(f"The licence files are more than {MAX_BYTES} bytes; name fewer versions.")
        parts.append(part)
    files = _files(parts, catalog=catalog)
    stream = io.BytesIO()
    archive.write_archive(sorted(files.items()), stream=stream)
    return stream.getvalue()


def preview(ids: Sequence[int], *, on: date) -> list[Shared]:
    """What a pack of these versions would say; reads no file."""
    catalog = catalogs.current()
    return [_shared(version, catalog=catalog, on=on) for version in versions(ids)]


def versions(ids: Sequence[int]) -> list[ModelVersion]:
    """The versions, in the one order that a pack has; raises `InvalidInput` or `VersionNotUsable`."""
    if not 1 <= len(ids) <= MAX_VERSIONS or len(set(ids)) != len(ids):
        raise InvalidInput(f"Name 1 to {MAX_VERSIONS} different versions.", field="model_versions")
    rows = list(ModelVersion.objects.filter(pk__in=ids).select_related("registered_model").order_by("pk"))
    if missing := sorted(set(ids) - {row.pk for row in rows}):
        raise InvalidInput(f"There is no version {missing[0]}.", field="model_versions")
    for row in rows:
        if row.status != Status.RESOLVED:
            raise VersionNotUsable(
                f"{row} is {row.status}; only resolved versions are handed on.", model_version=row.pk
            )
    return rows


def _files(parts: Sequence[Part], *, catalog: Catalog) -> dict[str, bytes]:
    models = [part.shared for part in parts]
    files = {
        "NOTICE": notices.notice_file(models).encode(),
        "ATTRIBUTION.txt": "".join(f"{notices.attribution(shared)}\n" for shared in models).encode(),
        "notices.html": page(models),
    }
    for part in parts:
        files[f"models/{part.shared.id}/NOTICE"] = notices.notice_file([part.shared]).encode()
        files |= part.contents
    index = {
        "type": TYPE,
        "catalog_digest": catalog.catalog_digest,
        "model_versions": [_plain(shared.to_json()) for shared in models],
        "files": {name: packing.digest(content) for name, content in files.items()},
    }
    return {**files, "index.json": canonical.dumps(index)}


def page(models: Sequence[Shared]) -> bytes:
    """The same for people: self-contained, no script."""
    context = {
        "models": [
            {"shared": shared, "attribution": notices.attribution(shared), "changes": notices.changes(shared)}
            for shared in models
        ]
    }
    return render_to_string(TEMPLATE, context).encode()


def _plain(value: Any) -> Any:
    """With lists in place of tuples, as canonical JSON wants them."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _part(version: ModelVersion, *, catalog: Catalog, on: date) -> Part:
    shared = _shared(version, catalog=catalog, on=on)
    kept = {row.path: row for row in _license_files(version)}
    contents = {name: snapshot.read(version, kept[path]) for path, name in shared.files.items()}
    return Part(shared, contents)


def _shared(version: ModelVersion, *, catalog: Catalog, on: date) -> Shared:
    result = evaluation.judge_shared(version=version, on=on)
    spoken, displays = notices.words_of(result["obligations"], catalog)
    licenses = tuple(result["effective_licenses"])
    return Shared(
        id=version.pk,
        model=str(version.registered_model),
        publisher=version.registered_model.publisher,
        purl=version.purl,
        manifest_digest=version.manifest_digest or "",
        licenses=notices.terms_of(licenses, catalog),
        notices=_once(spoken),
        displays=_once(displays),
        origins=_origins(version),
        files=_names(version.pk, [row.path for row in _license_files(version)]),
        missing_texts=_missing(version, licenses),
    )


def _origins(version: ModelVersion) -> tuple[Origin, ...]:
    """What it was made from, as its files and people say; where both name a model in one way, the files' revision."""
    edges: list[LineageStatement | LineageEdge] = [
        *(row for row in background.standing_statements(version) if row.relation != NOBODY),
        *version.lineage.all(),
    ]
    found = {(edge.relation, edge.base_model): edge.base_revision for edge in edges}
    return tuple(Origin(*key, revision) for key, revision in sorted(found.items()))


def _once(found: Iterable[Notice]) -> tuple[Notice, ...]:
    """Each text once, however many licences of one family demand it."""
    return tuple({notice.words: notice for notice in found}.values())


def _license_files(version: ModelVersion) -> list[Artifact]:
    rows = version.artifacts.filter(role=ArtifactRole.LICENSE, size__lte=MAX_FILE_BYTES)
    return list(rows.order_by("path"))


def _names(version_id: int, paths: Iterable[str]) -> dict[str, str]:
    """Where the pack keeps each file: under its own path, or a number where an archive cannot spell that."""
    names = {}
    for number, path in enumerate(paths, start=1):
        name = f"models/{version_id}/snapshot/{path}"
        is_plain = _MEMBER.fullmatch(name) and len(name) <= _LONGEST
        names[path] = name if is_plain else f"models/{version_id}/snapshot-{number}.txt"
    return names


def _missing(version: ModelVersion, licenses: Iterable[str]) -> tuple[str, ...]:
    """Licences whose text was not recognised among the files; it must be added by hand."""
    seen = set(
        version.license_findings.filter(kind=FindingKind.DISCOVERED).values_list("license_id", flat=True)
    )
    return tuple(sorted(set(licenses) - seen - {UNKNOWN}))
