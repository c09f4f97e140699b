"""Routes of the tree of regions."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from customers.regions import views

urlpatterns: list[URLPattern] = [
    staff_path("settings/regions/", views.region_list, name="region_list", needs="settings.view"),
    staff_path(
        "settings/regions/new/", views.region_new, name="region_new", needs="settings.edit", whole_shop=True
    ),
    staff_path(
        "settings/regions/china/",
        views.region_china,
        name="region_china",
        needs="settings.edit",
        whole_shop=True,
    ),
    staff_path(
        "settings/regions/lines/",
        views.region_lines,
        name="region_lines",
        needs="settings.edit",
        whole_shop=True,
    ),
    staff_path(
        "settings/regions/spelling/",
        views.region_spelling,
        name="region_spelling",
        needs="settings.edit",
        whole_shop=True,
    ),
    staff_path(
        "settings/regions/<int:region_id>/",
        views.region_edit,
        name="region_edit",
        needs="settings.edit",
        whole_shop=True,
    ),
    staff_path(
        "settings/regions/<int:region_id>/delete/",
        views.region_delete,
        name="region_delete",
        needs="settings.edit",
        whole_shop=True,
    ),
]
