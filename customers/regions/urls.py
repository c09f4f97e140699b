"""Routes of the tree of regions. The map decides who sees whom: only who sees the whole shop draws it."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from customers.regions import views

SETTINGS = "settings/regions/"
ONE = f"{SETTINGS}<int:region_id>/"

urlpatterns: list[URLPattern] = [
    staff_path(SETTINGS, views.region_list, name="region_list", needs="settings.view"),
    *(
        staff_path(place, view, name=name, needs="settings.edit", whole_shop=True)
        for place, view, name in (
            (f"{SETTINGS}new/", views.region_new, "region_new"),
            (f"{SETTINGS}china/", views.region_china, "region_china"),
            (f"{SETTINGS}lines/", views.region_lines, "region_lines"),
            (f"{SETTINGS}spelling/", views.region_spelling, "region_spelling"),
            (ONE, views.region_edit, "region_edit"),
            (f"{ONE}delete/", views.region_delete, "region_delete"),
        )
    ),
]
