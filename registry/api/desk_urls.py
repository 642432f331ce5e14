"""Routes of the deciding side: environments, evaluations, approvals, admissions, packs."""

from django.urls import URLPattern, path

from registry.api import (
    admissions,
    alerts,
    approvals,
    conclusions,
    documents,
    environments,
    evaluations,
    organization,
    packs,
    what_if,
)

urlpatterns: list[URLPattern] = [
    path("environments", environments.EnvironmentList.as_view(), name="environments"),
    path("organization-facts", organization.FactsList.as_view(), name="organization-facts"),
    path(
        "organization-facts/in-force",
        organization.FactsInForceView.as_view(),
        name="organization-facts-in-force",
    ),
    path("organization-facts/<int:pk>", organization.FactsDetail.as_view(), name="organization-facts-detail"),
    path("evidence-documents", documents.DocumentList.as_view(), name="evidence-documents"),
    path("evidence-documents/<int:pk>", documents.DocumentDetail.as_view(), name="evidence-document"),
    path(
        "evidence-documents/<int:pk>/content",
        documents.DocumentContent.as_view(),
        name="evidence-document-content",
    ),
    path("license-evaluations", evaluations.LicenseEvaluation.as_view(), name="license-evaluations"),
    path(
        "model-versions/<int:pk>/evaluations",
        evaluations.VersionEvaluationList.as_view(),
        name="version-evaluations",
    ),
    path("what-if", what_if.WhatIf.as_view(), name="what-if"),
    path("what-if/<int:pk>", what_if.WhatIfDetail.as_view(), name="what-if-run"),
    path(
        "model-versions/<int:pk>/license-conclusions",
        conclusions.ConclusionList.as_view(),
        name="license-conclusions",
    ),
    path(
        "model-versions/<int:pk>/lineage-statements",
        conclusions.StatementList.as_view(),
        name="lineage-statements",
    ),
    path("approvals", approvals.ApprovalList.as_view(), name="approvals"),
    path("approvals/<int:pk>", approvals.ApprovalDetail.as_view(), name="approval"),
    path("approvals/<int:pk>/approve", approvals.Approve.as_view(), name="approval-approve"),
    path("approvals/<int:pk>/reject", approvals.Reject.as_view(), name="approval-reject"),
    path("approvals/<int:pk>/withdraw", approvals.Withdraw.as_view(), name="approval-withdraw"),
    path("approvals/<int:pk>/revoke", approvals.Revoke.as_view(), name="approval-revoke"),
    path(
        "approvals/<int:pk>/lift-suspension",
        approvals.LiftSuspension.as_view(),
        name="approval-lift-suspension",
    ),
    path("alerts", alerts.AlertList.as_view(), name="alerts"),
    path("alerts/<int:pk>", alerts.AlertDetail.as_view(), name="alert"),
    path("alerts/<int:pk>/acknowledge", alerts.AlertAcknowledge.as_view(), name="alert-acknowledge"),
    path("reevaluations", alerts.ReevaluationList.as_view(), name="reevaluations"),
    path("reevaluations/<int:pk>", alerts.ReevaluationDetail.as_view(), name="reevaluation"),
    path("admissions", admissions.AdmissionList.as_view(), name="admissions"),
    path("admissions/<uuid:pk>", admissions.AdmissionDetail.as_view(), name="admission"),
    path("approved-models", admissions.ApprovedModelList.as_view(), name="approved-models"),
    path("model-versions/<int:pk>/evidence-pack", packs.EvidencePack.as_view(), name="evidence-pack"),
]
