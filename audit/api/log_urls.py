"""Routes of the published logs."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
