"""Routes of campaigns and templates and the permission each needs."""

from django.urls import URLPattern

from crm.accounts.routes import staff_path
from marketing.campaigns import customer_views, links_views, preview_views, template_views, views
from marketing.campaigns.trials import views as trial_views
from marketing.pacing import views as pace_views

urlpatterns: list[URLPattern] = [
    staff_path("campaigns/", views.campaign_list, name="campaign_list", needs="campaigns.view"),
    staff_path("campaigns/new/", views.campaign_create, name="campaign_create", needs="campaigns.edit"),
    staff_path(
        "campaigns/rules/", template_views.sending_rules, name="sending_rules", needs="campaigns.send"
    ),
    staff_path("campaigns/pace/", pace_views.sending_pace, name="sending_pace", needs="campaigns.send"),
    staff_path(
        "campaigns/pace/<int:pk>/",
        pace_views.pace_limit_change,
        name="pace_limit_change",
        needs="campaigns.send",
    ),
    staff_path(
        "campaigns/pace/<int:pk>/remove/",
        pace_views.pace_limit_remove,
        name="pace_limit_remove",
        needs="campaigns.send",
    ),
    staff_path("campaigns/warm-up/", pace_views.warmup_create, name="warmup_create", needs="campaigns.send"),
    staff_path(
        "campaigns/warm-up/<int:pk>/", pace_views.warmup_plan, name="warmup_plan", needs="campaigns.send"
    ),
    staff_path(
        "campaigns/warm-up/<int:pk>/end/", pace_views.warmup_end, name="warmup_end", needs="campaigns.send"
    ),
    staff_path(
        "campaigns/warm-up/<int:pk>/delete/",
        pace_views.warmup_delete,
        name="warmup_delete",
        needs="campaigns.send",
    ),
    staff_path(
        "campaigns/templates/", template_views.template_list, name="template_list", needs="campaigns.view"
    ),
    staff_path(
        "campaigns/templates/new/",
        template_views.template_create,
        name="template_create",
        needs="campaigns.edit",
    ),
    staff_path(
        "campaigns/templates/<int:pk>/",
        template_views.template_edit,
        name="template_edit",
        needs="campaigns.edit",
    ),
    staff_path(
        "campaigns/templates/<int:pk>/preview/",
        preview_views.template_preview,
        name="template_preview",
        needs="campaigns.view",
    ),
    staff_path(
        "campaigns/templates/<int:pk>/archive/",
        template_views.template_archive,
        name="template_archive",
        needs="campaigns.edit",
    ),
    staff_path("campaigns/<int:pk>/", views.campaign_detail, name="campaign_detail", needs="campaigns.view"),
    staff_path("campaigns/<int:pk>/edit/", views.campaign_edit, name="campaign_edit", needs="campaigns.edit"),
    staff_path(
        "campaigns/<int:pk>/preview/",
        preview_views.campaign_preview,
        name="campaign_preview",
        needs="campaigns.view",
    ),
    staff_path(
        "campaigns/<int:pk>/figures/", views.campaign_figures, name="campaign_figures", needs="campaigns.view"
    ),
    staff_path(
        "campaigns/<int:pk>/people/", views.campaign_people, name="campaign_people", needs="campaigns.view"
    ),
    staff_path(
        "campaigns/<int:pk>/links/", links_views.campaign_links, name="campaign_links", needs="campaigns.edit"
    ),
    staff_path("campaigns/<int:pk>/test/", views.campaign_test, name="campaign_test", needs="campaigns.edit"),
    staff_path(
        "campaigns/<int:pk>/start/", views.campaign_start, name="campaign_start", needs="campaigns.send"
    ),
    staff_path(
        "campaigns/<int:pk>/schedule/",
        views.campaign_schedule,
        name="campaign_schedule",
        needs="campaigns.send",
    ),
    staff_path(
        "campaigns/<int:pk>/resend/", views.campaign_resend, name="campaign_resend", needs="campaigns.send"
    ),
    staff_path(
        "campaigns/<int:pk>/delete/", views.campaign_delete, name="campaign_delete", needs="campaigns.edit"
    ),
    staff_path(
        "campaigns/<int:pk>/versions/", trial_views.version_add, name="version_add", needs="campaigns.edit"
    ),
    staff_path(
        "campaigns/<int:pk>/versions/<str:letter>/",
        trial_views.version_edit,
        name="version_edit",
        needs="campaigns.edit",
    ),
    staff_path(
        "campaigns/<int:pk>/versions/<str:letter>/delete/",
        trial_views.version_delete,
        name="version_delete",
        needs="campaigns.edit",
    ),
    staff_path(
        "campaigns/<int:pk>/choose/",
        trial_views.version_choose,
        name="version_choose",
        needs="campaigns.send",
    ),
    staff_path(
        "customers/<int:customer_id>/mails/",
        customer_views.customer_mails,
        name="customer_mails",
        needs="campaigns.view",
    ),
    staff_path(
        "campaigns/<int:pk>/effect/",
        trial_views.campaign_effect,
        name="campaign_effect",
        needs="campaigns.view",
        whole_shop=True,
    ),
    *[
        staff_path(
            f"campaigns/<int:pk>/{verb}/",
            views.turning(verb),
            name=f"campaign_{verb}",
            needs="campaigns.send",
        )
        for verb in ("pause", "resume", "cancel", "unschedule")
    ],
]
