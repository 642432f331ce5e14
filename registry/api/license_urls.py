"""Routes of the licence catalogue."""

from django.urls import URLPattern, path

from registry.api import license_records, licenses

urlpatterns: list[URLPattern] = [
    path("licenses", licenses.LicenseList.as_view(), name="licenses"),
    path("licenses/<str:license_id>", licenses.LicenseDetail.as_view(), name="license"),
    path("license-catalogs", licenses.CatalogList.as_view(), name="license-catalogs"),
    path("license-catalogs/<str:catalog_digest>", licenses.CatalogDetail.as_view(), name="license-catalog"),
    path("license-records", license_records.RecordList.as_view(), name="license-records"),
    path("license-records/preview", license_records.RecordPreview.as_view(), name="license-record-preview"),
    path("license-records/<int:pk>", license_records.RecordDetail.as_view(), name="license-record"),
    path(
        "license-records/<int:pk>/publish",
        license_records.RecordPublish.as_view(),
        name="license-record-publish",
    ),
    path(
        "license-records/<int:pk>/decline",
        license_records.RecordDecline.as_view(),
        name="license-record-decline",
    ),
    path(
        "license-records/<int:pk>/withdraw",
        license_records.RecordWithdraw.as_view(),
        name="license-record-withdraw",
    ),
]
