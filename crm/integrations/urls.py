"""Connections, webhooks and mail out: routes and the permission each needs; and the stores' own door."""

from django.urls import URLPattern, path

from crm.accounts.routes import staff_path
from crm.integrations import connection_views as connections
from crm.integrations import outbox_views, receiving
from crm.integrations import webhook_views as webhooks

SEE, EDIT = "integrations.view", "integrations.edit"

urlpatterns: list[URLPattern] = [
    path("hooks/<uuid:connection_uuid>/", receiving.hook, name="inbound_hook"),
    path("hooks/<uuid:connection_uuid>/<slug:part>/", receiving.hook, name="inbound_hook_part"),
    # --- connections --------------------------------------------------------------------------------------
    staff_path(
        "settings/connections/",
        connections.connection_list,
        name="connection_list",
        needs=SEE,
        whole_shop=True,
    ),
    staff_path(
        "settings/connections/new/<slug:platform>/",
        connections.connection_create,
        name="connection_create",
        needs=EDIT,
        whole_shop=True,
    ),
    staff_path(
        "settings/connections/<int:pk>/",
        connections.connection_detail,
        name="connection_detail",
        needs=SEE,
        whole_shop=True,
    ),
    staff_path(
        "settings/connections/<int:pk>/hooks/",
        connections.connection_hooks,
        name="connection_hooks",
        needs=SEE,
        whole_shop=True,
    ),
    staff_path(
        "settings/connections/<int:pk>/edit/",
        connections.connection_edit,
        name="connection_edit",
        needs=EDIT,
        whole_shop=True,
    ),
    staff_path(
        "settings/connections/<int:pk>/pause/",
        connections.connection_pause,
        name="connection_pause",
        needs=EDIT,
        whole_shop=True,
    ),
    staff_path(
        "settings/connections/<int:pk>/resume/",
        connections.connection_resume,
        name="connection_resume",
        needs=EDIT,
        whole_shop=True,
    ),
    staff_path(
        "settings/connections/<int:pk>/default/",
        connections.connection_default,
        name="connection_default",
        needs=EDIT,
        whole_shop=True,
    ),
    staff_path(
        "settings/connections/<int:pk>/fetch/",
        connections.connection_fetch,
        name="connection_fetch",
        needs=EDIT,
        whole_shop=True,
    ),
    staff_path(
        "settings/connections/<int:pk>/delete/",
        connections.connection_delete,
        name="connection_delete",
        needs=EDIT,
        whole_shop=True,
    ),
    staff_path("settings/hooks/", connections.hook_list, name="hook_list", needs=SEE, whole_shop=True),
    staff_path(
        "settings/hooks/<int:pk>/", connections.hook_detail, name="hook_detail", needs=EDIT, whole_shop=True
    ),
    staff_path(
        "settings/hooks/<int:pk>/retry/",
        connections.hook_retry,
        name="hook_retry",
        needs=EDIT,
        whole_shop=True,
    ),
    # --- webhooks -----------------------------------------------------------------------------------------
    staff_path("settings/webhooks/", webhooks.webhook_list, name="webhook_list", needs=SEE, whole_shop=True),
    staff_path(
        "settings/webhooks/new/", webhooks.webhook_create, name="webhook_create", needs=EDIT, whole_shop=True
    ),
    staff_path(
        "settings/webhooks/<int:pk>/",
        webhooks.webhook_detail,
        name="webhook_detail",
        needs=SEE,
        whole_shop=True,
    ),
    staff_path(
        "settings/webhooks/<int:pk>/messages/",
        webhooks.webhook_attempts,
        name="webhook_attempts",
        needs=SEE,
        whole_shop=True,
    ),
    staff_path(
        "settings/webhooks/<int:pk>/edit/",
        webhooks.webhook_edit,
        name="webhook_edit",
        needs=EDIT,
        whole_shop=True,
    ),
    staff_path(
        "settings/webhooks/<int:pk>/switch/",
        webhooks.webhook_switch,
        name="webhook_switch",
        needs=EDIT,
        whole_shop=True,
    ),
    staff_path(
        "settings/webhooks/<int:pk>/rotate/",
        webhooks.webhook_rotate,
        name="webhook_rotate",
        needs=EDIT,
        whole_shop=True,
    ),
    staff_path(
        "settings/webhooks/<int:pk>/test/",
        webhooks.webhook_test,
        name="webhook_test",
        needs=EDIT,
        whole_shop=True,
    ),
    staff_path(
        "settings/webhooks/<int:pk>/delete/",
        webhooks.webhook_delete,
        name="webhook_delete",
        needs=EDIT,
        whole_shop=True,
    ),
    staff_path(
        "settings/webhooks/messages/<int:pk>/",
        webhooks.attempt_detail,
        name="attempt_detail",
        needs=EDIT,
        whole_shop=True,
    ),
    staff_path(
        "settings/webhooks/messages/<int:pk>/again/",
        webhooks.attempt_again,
        name="attempt_again",
        needs=EDIT,
        whole_shop=True,
    ),
    # --- mail out -----------------------------------------------------------------------------------------
    staff_path("settings/outbox/", outbox_views.outbox, name="outbox", needs=SEE, whole_shop=True),
]
