"""Routes of the registry."""

from django.urls import URLPattern

from registry.api import desk_urls

urlpatterns: list[URLPattern] = [*desk_urls.urlpatterns]
