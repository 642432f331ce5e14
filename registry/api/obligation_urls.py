"""Routes of obligations as work, and of the notices that go with models."""

from django.urls import URLPattern, path

from registry.api import notice_packs, obligations

urlpatterns: list[URLPattern] = [
    path("obligations", obligations.ObligationList.as_view(), name="obligations"),
    path("obligations/<int:pk>", obligations.ObligationDetail.as_view(), name="obligation"),
    path(
        "obligations/<int:pk>/evidence",
        obligations.ObligationAddEvidence.as_view(),
        name="obligation-evidence",
    ),
    path(
        "obligations/<int:pk>/complete", obligations.ObligationComplete.as_view(), name="obligation-complete"
    ),
    path("obligations/<int:pk>/waive", obligations.ObligationWaive.as_view(), name="obligation-waive"),
    path("obligations/<int:pk>/assign", obligations.ObligationAssign.as_view(), name="obligation-assign"),
    path("notice-packs", notice_packs.NoticePack.as_view(), name="notice-packs"),
]
