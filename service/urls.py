"""Routes of the desk and the permission each needs; the customers' own stand in portal_urls.py."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from service import actions, desk_views, panel_views, portal_urls, views

urlpatterns: list[URLPattern] = [
    staff_path("inbox/", views.inbox, name="inbox", needs="tickets.view"),
    staff_path("inbox/list/", views.inbox_list, name="inbox_list", needs="tickets.view"),
    staff_path("inbox/new/", actions.ticket_new, name="ticket_new", needs="tickets.answer"),
    staff_path("inbox/<int:number>/", views.ticket, name="ticket", needs="tickets.view"),
    staff_path("inbox/<int:number>/thread/", views.ticket_thread, name="ticket_thread", needs="tickets.view"),
    staff_path("inbox/<int:number>/head/", views.ticket_head, name="ticket_head", needs="tickets.view"),
    staff_path("inbox/<int:number>/beside/", views.ticket_beside, name="ticket_beside", needs="tickets.view"),
    staff_path(
        "inbox/<int:number>/original/<int:entry_id>/",
        views.ticket_original,
        name="ticket_original",
        needs="tickets.view",
    ),
    staff_path(
        "inbox/<int:number>/here/", views.ticket_presence, name="ticket_presence", needs="tickets.view"
    ),
    # --- what is done ----------------------------------------------------------------------------------
    staff_path("inbox/<int:number>/say/", actions.ticket_say, name="ticket_say", needs="tickets.answer"),
    staff_path(
        "inbox/<int:number>/draft/", actions.ticket_draft, name="ticket_draft", needs="tickets.answer"
    ),
    staff_path(
        "inbox/<int:number>/macro/<int:macro_id>/",
        actions.ticket_macro,
        name="ticket_macro",
        needs="tickets.answer",
    ),
    staff_path(
        "inbox/<int:number>/solve/", actions.ticket_solve, name="ticket_solve", needs="tickets.answer"
    ),
    staff_path(
        "inbox/<int:number>/reopen/", actions.ticket_reopen, name="ticket_reopen", needs="tickets.answer"
    ),
    staff_path(
        "inbox/<int:number>/snooze/", actions.ticket_snooze, name="ticket_snooze", needs="tickets.answer"
    ),
    staff_path(
        "inbox/<int:number>/assign/", actions.ticket_assign, name="ticket_assign", needs="tickets.answer"
    ),
    staff_path(
        "inbox/<int:number>/priority/",
        actions.ticket_prioritise,
        name="ticket_prioritise",
        needs="tickets.answer",
    ),
    # --- cards on other pages --------------------------------------------------------------------------
    staff_path(
        "customers/<int:customer_id>/tickets/",
        panel_views.customer_tickets,
        name="customer_tickets",
        needs="tickets.view",
    ),
    staff_path(
        "orders/<int:order_id>/tickets/",
        panel_views.order_tickets,
        name="order_tickets",
        needs="tickets.view",
    ),
    # --- settings --------------------------------------------------------------------------------------
    staff_path("settings/macros/", desk_views.macro_list, name="macro_list", needs="settings.view"),
    staff_path("settings/macros/new/", desk_views.macro_edit, name="macro_new", needs="settings.edit"),
    staff_path("settings/macros/<int:pk>/", desk_views.macro_edit, name="macro_edit", needs="settings.edit"),
    staff_path(
        "settings/macros/<int:pk>/delete/",
        desk_views.macro_delete,
        name="macro_delete",
        needs="settings.edit",
    ),
    staff_path("settings/answer-times/", desk_views.sla_list, name="sla_list", needs="settings.edit"),
    staff_path("settings/mailbox/", desk_views.mailbox_list, name="mailbox_list", needs="settings.edit"),
    staff_path(
        "settings/mailbox/fetch/", desk_views.mailbox_fetch, name="mailbox_fetch", needs="settings.edit"
    ),
    staff_path("settings/portal/", desk_views.portal_settings, name="portal_settings", needs="settings.edit"),
    *portal_urls.urlpatterns,
]
