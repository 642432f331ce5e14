"""What would change: facts moved or a policy proposed, over REST; only a large question leaves a row."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.authentication import actor_of
from governance.api.filters import PageFilter, read
from governance.api.permissions import requires
from governance.api.serializers import StrictSerializer
from governance.errors import InvalidInput
from governance.permissions import Permission
from governance.policy.document import MAX_BYTES
from registry.actions import what_if
from registry.licensing.changes import Change, parse_step
from registry.lifecycle import RunState
from registry.models import WhatIfRun
from registry.models.review import VERDICTS
from registry.whatif import selection
from registry.whatif.selection import Selection

EFFECTS = ["worse", "better", "different", "same"]
LIMIT = 100


class PatchField(serializers.DictField):
    """A merge patch (RFC 7396) over one part of the facts; null makes a fact unknown."""


class WhatIfInput(StrictSerializer):
    """Which cells, and what is moved; without versions, everything that is approved."""

    model_versions = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**53),
        max_length=selection.MAX_VERSIONS,
        required=False,
        allow_null=True,
        default=None,
    )
    environments = serializers.ListField(
        child=serializers.CharField(max_length=64),
        max_length=selection.MAX_ENVIRONMENTS,
        required=False,
        allow_null=True,
        default=None,
    )
    org = PatchField(required=False, allow_null=True, default=None)
    use = PatchField(required=False, allow_null=True, default=None)
    derivative = PatchField(required=False, allow_null=True, default=None)
    policy = serializers.CharField(
        required=False, allow_null=True, default=None, max_length=MAX_BYTES, trim_whitespace=False
    )
    include = serializers.ChoiceField(choices=["changed", "all"], default="changed")
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=LIMIT)
    offset = serializers.IntegerField(min_value=0, max_value=selection.MAX_CELLS, default=0)


class AnswerOutput(serializers.Serializer[object]):
    """One verdict of a cell."""

    verdict = serializers.ChoiceField(choices=VERDICTS)
    effective_licenses = serializers.ListField(child=serializers.CharField())
    missing_facts = serializers.ListField(child=serializers.CharField())


class ComingAndGoing(serializers.Serializer[object]):
    """What there is only after, and only before."""

    added = serializers.ListField()
    removed = serializers.ListField()


class CellOutput(serializers.Serializer[object]):
    """One version in one environment, before and after, and why."""

    model_version = serializers.IntegerField()
    model = serializers.CharField()
    revision = serializers.CharField()
    environment = serializers.CharField()
    effect = serializers.ChoiceField(choices=EFFECTS)
    before = AnswerOutput()
    after = AnswerOutput()
    findings = serializers.ListField(child=serializers.DictField())
    obligations = ComingAndGoing()
    missing_facts = ComingAndGoing()
    admissions = serializers.ListField(
        child=serializers.DictField(), help_text="What a node would be told under each approval in force."
    )
    reasons = serializers.ListField(child=serializers.CharField())


class SummaryOutput(serializers.Serializer[object]):
    """Counts over every cell, changed or not."""

    cells = serializers.IntegerField()
    versions_changed = serializers.IntegerField()
    worse = serializers.IntegerField()
    better = serializers.IntegerField()
    different = serializers.IntegerField()
    same = serializers.IntegerField()
    before = serializers.DictField(child=serializers.IntegerField())
    after = serializers.DictField(child=serializers.IntegerField())
    moves = serializers.ListField(child=serializers.DictField())
    admissions = serializers.DictField(child=serializers.IntegerField())
    deny_codes = serializers.DictField(child=serializers.IntegerField())
    catalog_digest = serializers.CharField()
    as_of = serializers.DateTimeField()
    organization_facts = serializers.IntegerField(allow_null=True)
    policy_digest = serializers.CharField(allow_null=True)
    proposed_policy_digest = serializers.CharField(allow_null=True)


class WhatIfOutput(serializers.Serializer[object]):
    """An answer, or where a worker stands with it; without `id` nothing was stored."""

    id = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(choices=[state.value for state in RunState])
    code = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)
    cells_total = serializers.IntegerField()
    cells_done = serializers.IntegerField()
    summary = SummaryOutput(allow_null=True)
    cells = CellOutput(many=True)
    count = serializers.IntegerField(help_text="How many cells the pages hold together.")
    next_offset = serializers.IntegerField(allow_null=True)


class CellsFilter(PageFilter):
    """Which cells of a stored answer."""

    cursor = None  # type: ignore[assignment] # pages of a stored answer are counted, not followed
    limit = serializers.IntegerField(required=False, min_value=1, max_value=1000)
    offset = serializers.IntegerField(required=False, min_value=0, max_value=selection.MAX_CELLS)


class WhatIf(APIView):
    """What would change."""

    permission_classes = [requires(Permission.EVALUATION_REQUEST, Permission.VERSION_READ)]

    @extend_schema(
        operation_id="what_if_ask",
        tags=["evaluations"],
        request=WhatIfInput,
        responses={200: WhatIfOutput, 202: WhatIfOutput},
    )
    def post(self, request: Request) -> Response:
        """Answer at once, changing nothing; a question about more than 2,000 cells goes to a worker (202)."""
        body = WhatIfInput(data=request.data)
        body.is_valid(raise_exception=True)
        asked, now = body.validated_data, timezone.now()
        step = parse_step({part: asked[part] for part in ("org", "use", "derivative")}, on=now.date())
        change, policy_text = Change((step,)), asked["policy"] or ""
        if step.is_empty and not policy_text:
            raise InvalidInput("Nothing is moved: send org, use, derivative or policy.", field="org")
        chosen = Selection(_tuple(asked["model_versions"]), _tuple(asked["environments"]))
        cells = selection.choose(chosen, now=now)
        if len(cells) > selection.MAX_CELLS_AT_ONCE:
            run = what_if.hand_over(
                chosen=chosen,
                change=change,
                policy_text=policy_text,
                cells=cells,
                actor=actor_of(request),
                now=now,
            )
            return _accepted(run)
        on = what_if.ground(change, policy_text=policy_text, now=now)
        found = what_if.answer(cells, on, keeps_all=asked["include"] == "all")
        every = found.worst_first()
        page = every[asked["offset"] : asked["offset"] + asked["limit"]]
        return Response(
            {
                "id": None,
                "state": RunState.FINISHED,
                "code": "",
                "message": "",
                "cells_total": len(cells),
                "cells_done": len(cells),
                "summary": {**found.summary(), **what_if.basis(on)},
                **_page(page, count=len(every), offset=asked["offset"]),
            }
        )


class WhatIfDetail(APIView):
    """A question that a worker answers."""

    permission_classes = [requires(Permission.VERSION_READ)]

    @extend_schema(
        operation_id="what_if_retrieve",
        tags=["evaluations"],
        parameters=[OpenApiParameter("limit", int), OpenApiParameter("offset", int)],
        responses={200: WhatIfOutput},
    )
    def get(self, request: Request, pk: int) -> Response:
        """How far it is; once answered, the counts and the cells that change, worst first."""
        page = read(CellsFilter, request.query_params)
        run = get_object_or_404(WhatIfRun, pk=pk)
        return Response(_stored(run, offset=page.get("offset", 0), limit=page.get("limit", LIMIT)))


def _accepted(run: WhatIfRun) -> Response:
    return Response(
        _stored(run, offset=0, limit=LIMIT),
        status=status.HTTP_202_ACCEPTED,
        headers={"Location": f"/api/v1/what-if/{run.pk}", "Retry-After": "2"},
    )


def _stored(run: WhatIfRun, *, offset: int, limit: int) -> dict[str, Any]:
    page = what_if.changed_cells(run, offset=offset, limit=limit)
    return {
        "id": run.pk,
        "state": run.state,
        "code": run.code,
        "message": run.message,
        "cells_total": run.cells_total,
        "cells_done": run.cells_done,
        "summary": run.summary,
        **_page(page, count=run.changed_count, offset=offset),
    }


def _page(page: list[dict[str, Any]], *, count: int, offset: int) -> dict[str, Any]:
    end = offset + len(page)
    return {"cells": page, "count": count, "next_offset": end if page and end < count else None}


def _tuple(value: list[Any] | None) -> tuple[Any, ...] | None:
    return None if value is None else tuple(value)
