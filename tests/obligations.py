"""What tests of obligations start from: a use that triggers some, and the evidence that meets each."""

import base64
from datetime import date
from typing import Any

from governance.actors import Actor
from registry.actions import obligation_work
from registry.models import ObligationEvidence, ObligationTask
from tests import factories
from tests.reviewing import NOW, USE, Desk, open_desk

PNG = b"\x89PNG\r\n\x1a\n and a picture"
# Eight blue pixels by eight, that a browser can show.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mNwCN6BFTEMLQkAN6hSwYu0AEsAAAAASUVORK5CYII="
)
# Published under Apache 2.0: giving the weights to others makes copy, notices and marks due.
SHARED = {**USE, "distribute_weights": True}


def sharing_desk(**fields: Any) -> Desk:
    """A desk whose environment gives the weights to others."""
    desk = open_desk(**fields)
    desk.environment.use = SHARED
    desk.environment.save()
    return desk


def tasks(desk: Desk, **fields: Any) -> list[ObligationTask]:
    rows = ObligationTask.objects.filter(version=desk.version, **fields)
    return list(rows.select_related("owner", "environment", "version__registered_model").order_by("pk"))


def task_of_kind(kind: str, *, desk: Desk | None = None, **fields: Any) -> ObligationTask:
    """A task that asks for this kind of evidence, as the evaluation of an approval would open it."""
    desk = desk or open_desk()
    place = fields.pop("environment", desk.environment)
    asker = fields.pop("asked_by", desk.officer.user)
    return ObligationTask.objects.create(
        version=desk.version,
        environment=place,
        evaluation=factories.evaluation(desk.version, place, purpose=fields.get("purpose", "assistant")),
        **{
            "purpose": "assistant",
            "license_id": "llama-3.3",
            "obligation_id": f"wants-{kind}".replace("_", "-"),
            "do": "Do it.",
            "evidence_wanted": "what shows it",
            "evidence_kind": kind,
            "clause": "§1",
            "asked_by": asker,
            "owner": asker,
            "due_on": date(2026, 12, 22),
            "opened_by": "user:test",
            "opened_at": NOW,
            **fields,
        },
    )


def given(kind: str) -> dict[str, Any]:
    """Values that meet a kind of evidence."""
    return {
        "release_file": {"path": "NOTICE", "sha256": "0" * 64},
        "screenshot": {
            "url": "https://example.org/about",
            "shown_on": date(2026, 11, 20),
            "document": factories.document(name="shot.png", media_type="image/png", content=PNG),
        },
        "url": {"url": "https://example.org/about", "shown_on": date(2026, 11, 22)},
        "statement": {"note": "I held the use against the policy of 2024-12-06."},
        "document": {"document": factories.document(name="receipt.txt")},
        "published_name": {
            "published_name": str(factories.registered_model(name=factories.fresh("Llama-own")))
        },
    }[kind]


def prove(task: ObligationTask, actor: Actor, **changes: Any) -> ObligationEvidence:
    kind = changes.pop("kind", task.evidence_kind)
    fields: dict[str, Any] = {"kind": kind, **given(kind), **changes}
    return obligation_work.add_evidence(task=task, actor=actor, now=NOW, **fields)


def finish(task: ObligationTask, actor: Actor) -> ObligationTask:
    prove(task, actor)
    return obligation_work.complete(task=task, note="seen", actor=actor, now=NOW)
