"""Keeps documents that people bring as evidence; the public log gets their digest and nothing else."""

import hashlib
from datetime import datetime

from django.db import transaction

from audit import log
from audit.events import Event
from governance.actors import Actor
from governance.errors import InvalidInput
from governance.permissions import Permission
from registry.formats import evidence
from registry.models import EvidenceDocument

MAX_ATTACHED = 20


@transaction.atomic
def keep_document(
    *, name: str, media_type: str, content: bytes, actor: Actor, now: datetime
) -> EvidenceDocument:
    """Keep a document; one whose content is kept already is that one, under the name that it has."""
    actor.require(Permission.DOCUMENT_KEEP)
    evidence.check(content, media_type)
    sha256 = hashlib.sha256(content).hexdigest()
    # Whoever keeps the same content at the same moment waits here for the first one, and finds its row.
    document, is_new = EvidenceDocument.objects.get_or_create(
        sha256=sha256,
        defaults={
            "name": evidence.clean_name(name, media_type),
            "media_type": media_type,
            "size": len(content),
            "content": content,
            "kept_by": actor.user,
            "kept_at": now,
        },
    )
    if is_new:
        log.append(
            event=Event.DOCUMENT_KEPT,
            actor=str(actor),
            subject=f"evidence-document:{document.pk}",
            body={"sha256": sha256},
            at=now,
        )
    return document


def kept(ids: list[int]) -> list[EvidenceDocument]:
    """The documents of these numbers, in this order; raises `InvalidInput` where one is not kept."""
    if len(ids) > MAX_ATTACHED or len(set(ids)) != len(ids):
        raise InvalidInput(f"Name up to {MAX_ATTACHED} different documents.", field="documents")
    found = EvidenceDocument.objects.in_bulk(ids)
    missing = [number for number in ids if number not in found]
    if missing:
        raise InvalidInput(f"No document {missing[0]} is kept.", field="documents")
    return [found[number] for number in ids]
