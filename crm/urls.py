"""Every route of the house, by app. Each app's urls.py lists its routes with the permission each needs."""

from django.urls import include, path

urlpatterns = [
    path("", include("crm.accounts.urls")),
    path("", include("customers.urls")),
    path("", include("orders.urls")),
    path("", include("customers.portal_urls")),
    path("", include("orders.portal_urls")),
    path("", include("crm.imports.urls")),
    path("", include("crm.exports.urls")),
    path("", include("crm.integrations.urls")),
    path("", include("reviews.urls")),
    path("", include("service.urls")),
    path("", include("marketing.urls")),
    path("", include("marketing.loyalty.urls")),
    path("", include("marketing.insight.urls")),
    path("api/v1/", include("crm.api.urls")),
]

handler400 = "crm.lib.middleware.bad_request"
handler403 = "crm.lib.middleware.permission_denied"
handler404 = "crm.lib.middleware.not_found"
handler500 = "crm.lib.middleware.server_error"
