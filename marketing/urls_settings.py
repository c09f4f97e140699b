"""Routes of what marketing has under Settings."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from marketing.feedback import views as feedback

urlpatterns: list[URLPattern] = [
    staff_path("settings/bounces/", feedback.bounce_settings, name="bounce_settings", needs="settings.edit"),
    staff_path("settings/bounces/fetch/", feedback.bounce_fetch, name="bounce_fetch", needs="settings.edit"),
]
