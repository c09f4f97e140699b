"""Routes of this app and the permission each needs."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path

from . import views

PLACE = "settings/exports/"
urlpatterns: list[URLPattern] = [
    staff_path(PLACE, views.export_list, name="export_list", needs="customers.export"),
    staff_path(f"{PLACE}prepare/", views.export_prepare, name="export_prepare", needs="customers.export"),
    staff_path(f"{PLACE}new/", views.export_new, name="export_new", needs="customers.export"),
    staff_path(
        f"{PLACE}<int:export_id>/", views.export_record, name="export_record", needs="customers.export"
    ),
    staff_path(
        f"{PLACE}<int:export_id>/approve/",
        views.export_approve,
        name="export_approve",
        needs="exports.approve",
    ),
    staff_path(
        f"{PLACE}<int:export_id>/refuse/", views.export_refuse, name="export_refuse", needs="exports.approve"
    ),
    staff_path(
        f"{PLACE}<int:export_id>/withdraw/",
        views.export_withdraw,
        name="export_withdraw",
        needs="customers.export",
    ),
    staff_path(
        f"{PLACE}<int:export_id>/download/",
        views.export_download,
        name="export_download",
        needs="customers.export",
    ),
]
