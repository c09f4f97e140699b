"""Routes of segments and the permission each needs."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from marketing.segments import views

urlpatterns: list[URLPattern] = [
    staff_path("segments/", views.segment_list, name="segment_list", needs="segments.view"),
    staff_path("segments/new/", views.segment_create, name="segment_create", needs="segments.edit"),
    staff_path("segments/preview/", views.segment_preview, name="segment_preview", needs="segments.edit"),
    staff_path("segments/options/", views.segment_options, name="segment_options", needs="segments.edit"),
    staff_path("segments/<int:pk>/", views.segment_detail, name="segment_detail", needs="segments.view"),
    staff_path("segments/<int:pk>/edit/", views.segment_edit, name="segment_edit", needs="segments.edit"),
    staff_path(
        "segments/<int:pk>/people/", views.segment_people, name="segment_people", needs="segments.view"
    ),
    staff_path("segments/<int:pk>/why/", views.segment_why, name="segment_why", needs="segments.view"),
    staff_path("segments/<int:pk>/build/", views.segment_build, name="segment_build", needs="segments.edit"),
    staff_path(
        "segments/<int:pk>/archive/", views.segment_archive, name="segment_archive", needs="segments.edit"
    ),
]
