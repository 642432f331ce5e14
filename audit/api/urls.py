"""Routes of the log and served requests."""

from django.urls import path

from audit.api.decisions import DecisionsView
from audit.api.deployments import DeploymentsView
from audit.api.served_requests import ServedRequestProofView, ServedRequestsView, ServedRequestView

urlpatterns = [
    path("decisions", DecisionsView.as_view(), name="decisions"),
    path("deployments", DeploymentsView.as_view(), name="deployments"),
    path("served-requests", ServedRequestsView.as_view(), name="served-requests"),
    path("served-requests/<uuid:record_id>", ServedRequestView.as_view(), name="served-request"),
    path(
        "served-requests/<uuid:record_id>/proof",
        ServedRequestProofView.as_view(),
        name="served-request-proof",
    ),
]
