"""Addresses of the registry's REST endpoints."""

from django.urls import URLPattern, path

from registry.api import (
    desk_urls,
    differences,
    license_urls,
    obligation_urls,
    origins,
    releases,
    runs,
    versions,
)

urlpatterns: list[URLPattern] = [
    path("model-versions", versions.VersionList.as_view(), name="model-versions"),
    path("model-versions/<int:pk>", versions.VersionDetail.as_view(), name="model-version"),
    path(
        "model-versions/<int:pk>/quarantine", versions.VersionQuarantine.as_view(), name="version-quarantine"
    ),
    path("model-versions/<int:pk>/release", releases.ReleaseRequest.as_view(), name="version-release"),
    path("quarantine-releases", releases.ReleaseList.as_view(), name="quarantine-releases"),
    path("quarantine-releases/<int:pk>", releases.ReleaseDetail.as_view(), name="quarantine-release"),
    path(
        "quarantine-releases/<int:pk>/decide",
        releases.ReleaseDecide.as_view(),
        name="quarantine-release-decide",
    ),
    path(
        "quarantine-releases/<int:pk>/withdraw",
        releases.ReleaseWithdraw.as_view(),
        name="quarantine-release-withdraw",
    ),
    path("model-versions/<int:pk>/revoke", versions.VersionRevoke.as_view(), name="version-revoke"),
    path("model-versions/<int:pk>/diff", differences.VersionDifference.as_view(), name="version-diff"),
    path("model-versions/<int:pk>/origin", origins.VersionOrigin.as_view(), name="version-origin"),
    path(
        "model-versions/<int:pk>/verification-runs",
        runs.VerificationRequest.as_view(),
        name="request-verification",
    ),
    path("model-versions/<int:pk>/smoke-runs", runs.SmokeRequest.as_view(), name="request-smoke"),
    path("model-versions/<int:pk>/drift-runs", runs.DriftRequest.as_view(), name="request-drift"),
    path("drift-runs/<int:pk>", runs.DriftRunDetail.as_view(), name="drift-run"),
    path("resolution-runs/<int:pk>", runs.ResolutionRunDetail.as_view(), name="resolution-run"),
    path("verification-runs/<int:pk>", runs.VerificationRunDetail.as_view(), name="verification-run"),
    path("smoke-runs/<int:pk>", runs.SmokeRunDetail.as_view(), name="smoke-run"),
    *desk_urls.urlpatterns,
    *license_urls.urlpatterns,
    *obligation_urls.urlpatterns,
]
