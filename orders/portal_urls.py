"""The customer's own pages about orders."""

from django.urls import URLPattern

from customers.portal_door import portal_path
from orders import portal

urlpatterns: list[URLPattern] = [
    portal_path("", portal.portal_home, name="portal_home"),
    portal_path("orders/<int:order_id>/", portal.portal_order, name="portal_order"),
    portal_path("orders/<int:order_id>/return/", portal.portal_return, name="portal_return"),
    portal_path(
        "orders/<int:order_id>/return/<int:return_id>/cancel/",
        portal.portal_return_cancel,
        name="portal_return_cancel",
    ),
]
