"""Routes of segments and the permission each needs."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from marketing.segments import hand_views, views

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
        "segments/<int:pk>/build/cancel/",
        views.segment_build_cancel,
        name="segment_build_cancel",
        needs="segments.edit",
    ),
    staff_path(
        "segments/<int:pk>/overlap/", views.segment_overlap, name="segment_overlap", needs="segments.view"
    ),
    staff_path(
        "segments/<int:pk>/hand/", hand_views.segment_hand, name="segment_hand", needs="segments.view"
    ),
    staff_path(
        "segments/<int:pk>/hand/find/",
        hand_views.segment_hand_find,
        name="segment_hand_find",
        needs="segments.edit",
    ),
    staff_path(
        "segments/<int:pk>/hand/change/", hand_views.segment_pin, name="segment_pin", needs="segments.edit"
    ),
    staff_path(
        "segments/<int:pk>/hand/file/", hand_views.segment_file, name="segment_file", needs="segments.edit"
    ),
    staff_path(
        "segments/hand/many/", hand_views.segment_pin_many, name="segment_pin_many", needs="segments.edit"
    ),
    staff_path(
        "customers/<int:customer_id>/segments/",
        hand_views.customer_segments,
        name="customer_segments",
        needs="segments.view",
    ),
    staff_path(
        "customers/<int:customer_id>/segments/change/",
        hand_views.customer_segment_pin,
        name="customer_segment_pin",
        needs="segments.edit",
    ),
    staff_path(
        "segments/<int:pk>/archive/", views.segment_archive, name="segment_archive", needs="segments.edit"
    ),
]
