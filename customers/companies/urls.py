"""Routes of companies and the permission each needs."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from customers.companies import record_views, views

urlpatterns: list[URLPattern] = [
    staff_path("companies/", views.company_list, name="company_list", needs="companies.view"),
    staff_path("companies/find/", views.company_find, name="company_find", needs="companies.view"),
    staff_path("companies/find-contact/", views.contact_find, name="contact_find", needs="customers.view"),
    staff_path("companies/new/", views.company_new, name="company_new", needs="companies.edit"),
    staff_path(
        "companies/<int:company_id>/",
        record_views.company_record,
        name="company_record",
        needs="companies.view",
    ),
    staff_path(
        "companies/<int:company_id>/summary/",
        record_views.company_summary,
        name="company_summary",
        needs="companies.view",
    ),
    staff_path(
        "companies/<int:company_id>/timeline/",
        record_views.company_timeline,
        name="company_timeline",
        needs="companies.view",
    ),
    staff_path(
        "companies/<int:company_id>/edit/", views.company_edit, name="company_edit", needs="companies.edit"
    ),
    staff_path(
        "companies/<int:company_id>/merge/",
        views.company_merge_page,
        name="company_merge",
        needs="companies.edit",
    ),
    staff_path(
        "companies/<int:company_id>/archive/",
        views.company_archive_view,
        name="company_archive",
        needs="companies.edit",
    ),
    staff_path(
        "companies/<int:company_id>/delete/",
        views.company_delete_view,
        name="company_delete",
        needs="companies.edit",
    ),
    staff_path(
        "companies/<int:company_id>/contacts/",
        record_views.company_contacts,
        name="company_contacts",
        needs="companies.edit",
    ),
    staff_path(
        "companies/<int:company_id>/contacts/<int:customer_id>/",
        record_views.contact_edit,
        name="contact_edit",
        needs="companies.edit",
    ),
    staff_path(
        "companies/<int:company_id>/contacts/<int:customer_id>/delete/",
        record_views.contact_delete,
        name="contact_delete",
        needs="companies.edit",
    ),
    staff_path(
        "customers/<int:customer_id>/companies/",
        record_views.customer_companies,
        name="customer_companies",
        needs="companies.view",
    ),
]
