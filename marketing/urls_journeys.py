"""Routes of journeys and the permission each needs."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from marketing.journeys import views

urlpatterns: list[URLPattern] = [
    staff_path("journeys/", views.journey_list, name="journey_list", needs="journeys.view"),
    staff_path("journeys/new/", views.journey_create, name="journey_create", needs="journeys.edit"),
    staff_path(
        "journeys/thank-you/", views.journey_thank_you, name="journey_thank_you", needs="journeys.edit"
    ),
    staff_path("journeys/<int:pk>/", views.journey_detail, name="journey_detail", needs="journeys.view"),
    staff_path("journeys/<int:pk>/edit/", views.journey_edit, name="journey_edit", needs="journeys.edit"),
    staff_path(
        "journeys/<int:pk>/people/", views.journey_people, name="journey_people", needs="journeys.view"
    ),
    staff_path("journeys/<int:pk>/start/", views.journey_start, name="journey_start", needs="journeys.edit"),
    staff_path("journeys/<int:pk>/stop/", views.journey_stop, name="journey_stop", needs="journeys.edit"),
    staff_path(
        "journeys/<int:pk>/delete/", views.journey_delete, name="journey_delete", needs="journeys.edit"
    ),
    staff_path(
        "journeys/retry/<int:pk>/", views.enrolment_retry, name="enrolment_retry", needs="journeys.edit"
    ),
]
