"""Routes of the suppression list."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from customers.suppressions import views

urlpatterns: list[URLPattern] = [
    staff_path(
        "settings/suppressions/",
        views.suppression_list,
        name="suppression_list",
        needs="suppressions.view",
    ),
    staff_path(
        "settings/suppressions/check/",
        views.suppression_check,
        name="suppression_check",
        needs="suppressions.view",
    ),
    staff_path(
        "settings/suppressions/add/",
        views.suppression_add,
        name="suppression_add",
        needs="suppressions.edit",
    ),
    staff_path(
        "settings/suppressions/file/",
        views.suppression_bring,
        name="suppression_bring",
        needs="suppressions.edit",
    ),
    staff_path(
        "settings/suppressions/<int:suppression_id>/release/",
        views.suppression_release,
        name="suppression_release",
        needs="suppressions.edit",
    ),
]
