"""Routes of this app and the permission each needs."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from orders import catalogue_views, companies, views

urlpatterns: list[URLPattern] = [
    staff_path("orders/", views.order_list, name="order_list", needs="orders.view"),
    staff_path("orders/products/", catalogue_views.product_list, name="product_list", needs="orders.view"),
    staff_path(
        "orders/products/<int:product_id>/",
        catalogue_views.product_record,
        name="product_record",
        needs="orders.view",
    ),
    staff_path("orders/channels/", catalogue_views.channel_list, name="channel_list", needs="orders.view"),
    staff_path(
        "orders/channels/<int:channel_id>/seller/",
        catalogue_views.channel_seller,
        name="channel_seller",
        needs="companies.edit",
    ),
    staff_path(
        "companies/<int:company_id>/orders/",
        companies.company_orders,
        name="company_orders",
        needs="orders.view",
    ),
    staff_path("orders/<int:order_id>/", views.order_record, name="order_record", needs="orders.view"),
    staff_path("orders/<int:order_id>/ship/", views.order_ship, name="order_ship", needs="orders.edit"),
    staff_path(
        "orders/<int:order_id>/shipments/<int:shipment_id>/delivered/",
        views.order_delivered,
        name="order_delivered",
        needs="orders.edit",
    ),
    staff_path("orders/<int:order_id>/refund/", views.order_refund, name="order_refund", needs="orders.edit"),
    staff_path(
        "orders/<int:order_id>/returns/<int:return_id>/",
        views.order_return_decide,
        name="order_return_decide",
        needs="orders.edit",
    ),
    staff_path(
        "customers/<int:customer_id>/orders/",
        views.customer_orders,
        name="customer_orders",
        needs="orders.view",
    ),
]
