"""Routes of the published logs."""

from django.urls import path

from audit.api import log_views

urlpatterns = [
    path("<str:log>/checkpoint", log_views.CheckpointView.as_view(), name="log-checkpoint"),
    path("<str:log>/vkey", log_views.VkeyView.as_view(), name="log-vkey"),
    path("<str:log>/tile/<path:tile>", log_views.TileView.as_view(), name="log-tile"),
]
