"""Routes of visits: the settings, and the two public addresses that the shop's pages call."""

from django.urls import URLPattern, path

from crm.accounts.routes import staff_path
from customers.visits import views

urlpatterns: list[URLPattern] = [
    staff_path("settings/visits/", views.visit_settings, name="visit_settings", needs="settings.view"),
    path("t/visits.js", views.visit_script, name="visit_script"),
    path("t/v/<slug:shop>/", views.visit_take, name="visit_take"),
]
