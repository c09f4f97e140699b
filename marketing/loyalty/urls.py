"""Routes of the loyalty programme and the permission each needs."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from customers.portal_door import portal_path
from marketing.loyalty import portal, views

urlpatterns: list[URLPattern] = [
    staff_path("loyalty/", views.loyalty, name="loyalty", needs="loyalty.view"),
    staff_path("loyalty/program/", views.loyalty_program, name="loyalty_program", needs="loyalty.edit"),
    staff_path(
        "loyalty/customers/<int:customer_id>/",
        views.points_record,
        name="points_record",
        needs="loyalty.view",
    ),
    staff_path(
        "loyalty/customers/<int:customer_id>/correct/",
        views.points_correct,
        name="points_correct",
        needs="loyalty.edit",
    ),
    staff_path(
        "customers/<int:customer_id>/points/",
        views.customer_points,
        name="customer_points",
        needs="loyalty.view",
    ),
    portal_path("points/", portal.portal_points, name="portal_points"),
]
