"""The REST API: every operation of every app, under /api/v1/. Each app's `api.py` registers its own."""

from django.urls import URLPattern, URLResolver, path
from django.utils.module_loading import autodiscover_modules
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.routers import SimpleRouter

from crm.api import docs, event_log, saved_views, team
from crm.api.registry import registered

autodiscover_modules("api")
router = SimpleRouter()
for operations in registered():
    router.register(operations.prefix, operations.viewset, basename=f"api_{operations.basename}")

urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", SpectacularJSONAPIView.as_view(), name="api_schema"),
    path("docs/", docs.api_docs, name="api_docs"),
    *router.urls,
]

__all__ = ["event_log", "saved_views", "team", "urlpatterns"]
