"""Routes of marketing, by part; each part's file lists its routes with the permission each needs."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("marketing.urls_campaigns")),
    path("", include("marketing.urls_journeys")),
    path("", include("marketing.urls_segments")),
    path("", include("marketing.urls_settings")),
    path("", include("marketing.urls_tracking")),
]
