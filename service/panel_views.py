"""Cards of the desk on other pages: the customer's tickets, an order's tickets."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from crm.accounts.routes import StaffRequest
from customers.models import Customer
from orders.models import Order
from service.models import Ticket

SHOWN = 6


def customer_tickets(request: StaffRequest, customer_id: int) -> HttpResponse:
    customer = get_object_or_404(Customer.objects.visible_to(request.membership), pk=customer_id)
    mine = Ticket.objects.visible_to(request.membership).filter(customer=customer)
    context = {"tickets": mine.order_by("-last_at", "-id")[:SHOWN], "about": f"customer={customer.pk}"}
    return render(request, "service/_tickets_card.html", context)


def order_tickets(request: StaffRequest, order_id: int) -> HttpResponse:
    order = get_object_or_404(Order.objects.visible_to(request.membership), pk=order_id)
    about = Ticket.objects.visible_to(request.membership).filter(order=order)
    context = {"tickets": about.order_by("-last_at", "-id")[:SHOWN], "about": f"order={order.pk}"}
    return render(request, "service/_tickets_card.html", context)
