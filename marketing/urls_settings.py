"""Routes of what marketing has under Settings."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from marketing.domains import views as domains
from marketing.feedback import views as feedback

urlpatterns: list[URLPattern] = [
    staff_path("settings/bounces/", feedback.bounce_settings, name="bounce_settings", needs="settings.edit"),
    staff_path(
        "settings/sender-domains/",
        domains.sender_domain_list,
        name="sender_domain_list",
        needs="campaigns.view",
    ),
    staff_path(
        "settings/sender-domains/<int:pk>/",
        domains.sender_domain,
        name="sender_domain",
        needs="campaigns.view",
    ),
    *[
        staff_path(
            f"settings/sender-domains/<int:pk>/{verb}/",
            view,
            name=f"sender_domain_{verb}",
            needs="settings.edit",
        )
        for verb, view in (
            ("check", domains.sender_domain_check),
            ("sign", domains.sender_domain_sign),
            ("renew", domains.sender_domain_renew),
            ("remove", domains.sender_domain_remove),
        )
    ],
    staff_path(
        "settings/mail-health/",
        domains.domain_health,
        name="domain_health",
        needs="campaigns.view",
        whole_shop=True,
    ),
    staff_path("settings/bounces/fetch/", feedback.bounce_fetch, name="bounce_fetch", needs="settings.edit"),
]
