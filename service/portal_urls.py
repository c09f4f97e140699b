"""The customer's own pages about their questions. `public` ones are open to strangers."""

from django.urls import URLPattern

from customers.portal_door import portal_path
from service import portal

urlpatterns: list[URLPattern] = [
    portal_path("messages/", portal.portal_tickets, name="portal_tickets"),
    portal_path("messages/new/", portal.portal_ticket_new, name="portal_ticket_new"),
    portal_path("messages/<int:number>/", portal.portal_ticket, name="portal_ticket"),
    portal_path("messages/<int:number>/thread/", portal.portal_thread, name="portal_thread"),
    portal_path("messages/<int:number>/reply/", portal.portal_reply, name="portal_reply"),
    portal_path("orders/<int:order_id>/messages/", portal.portal_order_tickets, name="portal_order_tickets"),
    portal_path("contact/", portal.portal_contact, name="portal_contact", public=True),
]
