"""Routes of Home and the reports, and the permission each needs."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from marketing.insight import views

urlpatterns: list[URLPattern] = [
    staff_path("", views.home, name="home", needs="home.view"),
    staff_path("insight/", views.insight, name="insight", needs="insight.view"),
    staff_path("insight/cohorts/", views.insight_cohorts, name="insight_cohorts", needs="insight.view"),
    staff_path("insight/products/", views.insight_products, name="insight_products", needs="insight.view"),
    staff_path(
        "customers/<int:customer_id>/score/",
        views.customer_score,
        name="customer_score",
        needs="loyalty.view",
    ),
]
