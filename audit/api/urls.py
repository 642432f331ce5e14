"""Routes of the log and served requests."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
