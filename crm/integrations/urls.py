"""Routes of this app and the permission each needs."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
