"""An officer concludes which licences a version is under, with a reason; the newest conclusion holds."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from audit import log
from audit.events import Event
from governance.actors import Actor
from governance.errors import InvalidInput
from governance.permissions import Permission
from registry import catalogs, evidence
from registry.actions import endings, reevaluations, verify, words
from registry.actions.evaluate import NotResolved
from registry.lifecycle import Outcome, RunState, Status
from registry.models import Cause, LicenseConclusion, ModelVersion

TEXT_CHECK = "C20-license-text"
MAX_LICENSES = 16


@transaction.atomic
def conclude_license(
    *, version: ModelVersion, licenses: Sequence[str], reason: str, actor: Actor, now: datetime
) -> LicenseConclusion:
    """Put a person's conclusion in the place of what the rules, or persons before, concluded; nothing is lost."""
    actor.require(Permission.LICENSE_CONCLUDE)
    version = taken(version)
    endings.check_words(reason, field="reason")
    if not reason.strip():
        raise InvalidInput("Say why: a conclusion needs a reason.", field="reason")
    release = catalogs.ensure_on_record(actor=actor, now=now)
    chosen = _chosen(licenses, known=set(catalogs.at(release.catalog_digest).licenses))
    newest = version.license_conclusions.order_by("-pk").first()
    row = LicenseConclusion.objects.create(
        version=version,
        licenses=chosen,
        catalog_digest=release.catalog_digest,
        reason=reason,
        concluded_by=actor.user,
        concluded_at=now,
        supersedes=newest,
    )
    log.append(
        event=Event.LICENSE_CONCLUDED,
        actor=str(actor),
        subject=f"model-version:{version.pk}",
        body={
            "conclusion": row.pk,
            "licenses": [words.name(one, license_id=one) for one in chosen],
            "catalog_digest": row.catalog_digest,
            "manifest_digest": version.manifest_digest,
            "reason_sha256": endings.sha256(reason),
            "supersedes": newest.pk if newest else None,
        },
        at=now,
    )
    _check_text_anew(version, now=now)
    reevaluations.request_if_any(
        cause=Cause.CONCLUSION, because=f"model-version:{version.pk}", by=actor, now=now
    )
    return row


def taken(version: ModelVersion) -> ModelVersion:
    """The version as it is now, kept from changing until the transaction ends, so that conclusions follow in line.

    Raises where nothing can be concluded: about files that nobody read, or that are out of use for good.
    """
    rows = ModelVersion.objects.select_related("registered_model").select_for_update(
        of=("self",), no_key=True
    )
    row = rows.get(pk=version.pk)
    if row.manifest_digest is None or row.status == Status.REVOKED:
        raise NotResolved(f"{row} is {row.status}; nothing can be concluded about it.")
    return row


def _chosen(licenses: Sequence[str], *, known: set[str]) -> list[str]:
    chosen = sorted(set(licenses))
    if not chosen or len(chosen) > MAX_LICENSES:
        raise InvalidInput(f"Name 1 to {MAX_LICENSES} licences.", field="licenses")
    strange = [license_id for license_id in chosen if license_id not in known]
    if strange:
        raise InvalidInput(
            f"The catalogue has no record {', '.join(strange)}; add one first, or choose another.",
            field="licenses",
        )
    return chosen


def _check_text_anew(version: ModelVersion, *, now: datetime) -> None:
    """A verification that failed for the licence's text alone says nothing any more: all checks run again."""
    run = evidence.current_verification(version)
    if version.status != Status.RESOLVED or run is None or run.outcome != Outcome.FAIL:
        return
    about_text = run.results.filter(check_id=TEXT_CHECK, outcome=Outcome.FAIL).exists()
    if about_text and not version.verificationruns.exclude(state=RunState.FINISHED).exists():
        verify.request_verification(version=version, actor="system:licenses", now=now)
