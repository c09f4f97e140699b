"""Routes of this app and the permission each needs."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path

from . import views

urlpatterns: list[URLPattern] = [
    staff_path("imports/", views.batch_list, name="batch_list", needs="imports.view", whole_shop=True),
    staff_path("imports/new/", views.batch_new, name="batch_new", needs="imports.run", whole_shop=True),
    staff_path(
        "imports/<int:batch_id>/",
        views.batch_record,
        name="batch_record",
        needs="imports.view",
        whole_shop=True,
    ),
    staff_path(
        "imports/<int:batch_id>/columns/",
        views.batch_columns,
        name="batch_columns",
        needs="imports.run",
        whole_shop=True,
    ),
    staff_path(
        "imports/<int:batch_id>/run/", views.batch_run, name="batch_run", needs="imports.run", whole_shop=True
    ),
    staff_path(
        "imports/<int:batch_id>/resume/",
        views.batch_resume,
        name="batch_resume",
        needs="imports.run",
        whole_shop=True,
    ),
    staff_path(
        "imports/<int:batch_id>/undo/",
        views.batch_undo,
        name="batch_undo",
        needs="imports.undo",
        whole_shop=True,
    ),
    staff_path(
        "imports/<int:batch_id>/discard/",
        views.batch_discard,
        name="batch_discard",
        needs="imports.run",
        whole_shop=True,
    ),
    staff_path(
        "imports/<int:batch_id>/refused/",
        views.batch_refused,
        name="batch_refused",
        needs="imports.run",
        whole_shop=True,
    ),
]
