"""Sign-in, shop, team and settings: routes and the permission each needs."""

from django.urls import URLPattern, URLResolver, include, path

from crm.accounts import audit_views, key_views, notice_views, settings_views, styleguide, team_views, views
from crm.accounts.assignment import views as assignment_views
from crm.accounts.handover import views as handover_views
from crm.accounts.routes import staff_path
from crm.accounts.saved_views import views as saved_views

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include("allauth.urls")),
    # --- for everybody who is signed in, or invited ------------------------------------------------------
    path("join/<str:uid>/<str:token>/", team_views.join, name="join"),
    path("no-shop/", views.no_shop, name="no_shop"),
    path("shop/switch/", views.shop_switch, name="shop_switch"),
    path("language/", views.language_set, name="language_set"),
    path("profile/", views.profile, name="profile"),
    # --- the frame ---------------------------------------------------------------------------------------
    staff_path("search/", views.search, name="search", needs="home.view"),
    staff_path("notices/", notice_views.notice_list, name="notice_list", needs="home.view"),
    staff_path("notices/bell/", notice_views.notice_bell, name="notice_bell", needs="home.view"),
    staff_path("notices/read/", notice_views.notice_read_all, name="notice_read_all", needs="home.view"),
    staff_path(
        "notices/<int:notice_id>/open/", notice_views.notice_open, name="notice_open", needs="home.view"
    ),
    staff_path("styleguide/", styleguide.styleguide, name="styleguide", needs="settings.view"),
    staff_path("styleguide/why/", styleguide.why, name="styleguide_why", needs="settings.view"),
    # --- settings ----------------------------------------------------------------------------------------
    # --- saved views of lists, wherever the list is
    staff_path("views/<slug:list_key>/save/", saved_views.view_save, name="view_save", needs="home.view"),
    staff_path("views/<int:view_id>/edit/", saved_views.view_edit, name="view_edit", needs="home.view"),
    staff_path("views/<int:view_id>/act/", saved_views.view_act, name="view_act", needs="home.view"),
    staff_path("settings/", settings_views.settings_index, name="settings", needs="team.view"),
    staff_path("settings/shop/", settings_views.settings_shop, name="settings_shop", needs="settings.view"),
    staff_path(
        "settings/shop/save/",
        settings_views.settings_shop_save,
        name="settings_shop_save",
        needs="settings.edit",
    ),
    staff_path("settings/rates/", settings_views.rate_list, name="rate_list", needs="settings.view"),
    staff_path("settings/rates/set/", settings_views.rate_set, name="rate_set", needs="settings.edit"),
    staff_path(
        "settings/rates/<int:pk>/delete/",
        settings_views.rate_delete,
        name="rate_delete",
        needs="settings.edit",
    ),
    staff_path(
        "settings/permissions/", settings_views.permission_table, name="permission_table", needs="team.view"
    ),
    staff_path("settings/team/", team_views.member_list, name="member_list", needs="team.view"),
    staff_path(
        "settings/team/invite/",
        team_views.member_invite,
        name="member_invite",
        needs="team.edit",
        whole_shop=True,
    ),
    staff_path(
        "settings/team/<int:pk>/",
        team_views.member_edit,
        name="member_edit",
        needs="team.edit",
        whole_shop=True,
    ),
    staff_path(
        "settings/team/<int:pk>/invite/",
        team_views.member_invite_again,
        name="member_invite_again",
        needs="team.edit",
        whole_shop=True,
    ),
    staff_path(
        "settings/team/<int:pk>/deactivate/",
        team_views.member_deactivate,
        name="member_deactivate",
        needs="team.edit",
        whole_shop=True,
    ),
    staff_path(
        "settings/team/<int:pk>/reactivate/",
        team_views.member_reactivate,
        name="member_reactivate",
        needs="team.edit",
        whole_shop=True,
    ),
    # --- what leavers held, and who gets what comes in
    staff_path(
        "settings/team/<int:pk>/handover/",
        handover_views.member_handover,
        name="member_handover",
        needs="team.handover",
        whole_shop=True,
    ),
    staff_path(
        "settings/handovers/",
        handover_views.handover_list,
        name="handover_list",
        needs="team.handover",
        whole_shop=True,
    ),
    staff_path(
        "settings/handovers/<int:handover_id>/",
        handover_views.handover_record,
        name="handover_record",
        needs="team.handover",
        whole_shop=True,
    ),
    staff_path(
        "settings/handovers/<int:handover_id>/<slug:kind>/",
        handover_views.handover_held,
        name="handover_held",
        needs="team.handover",
        whole_shop=True,
    ),
    staff_path(
        "settings/handovers/moves/<int:move_id>/receipt/",
        handover_views.handover_receipt,
        name="handover_receipt",
        needs="team.handover",
        whole_shop=True,
    ),
    staff_path(
        "settings/handovers/moves/<int:move_id>/undo/",
        handover_views.handover_take_back,
        name="handover_undo",
        needs="team.handover",
        whole_shop=True,
    ),
    staff_path(
        "settings/assignment/",
        assignment_views.assignment,
        name="assignment",
        needs="team.assign",
        whole_shop=True,
    ),
    staff_path(
        "settings/assignment/try/",
        assignment_views.assignment_try,
        name="assignment_try",
        needs="team.assign",
        whole_shop=True,
    ),
    staff_path(
        "settings/assignment/new/",
        assignment_views.rule_new,
        name="rule_new",
        needs="team.assign",
        whole_shop=True,
    ),
    staff_path(
        "settings/assignment/<int:rule_id>/",
        assignment_views.rule_edit,
        name="rule_edit",
        needs="team.assign",
        whole_shop=True,
    ),
    staff_path(
        "settings/assignment/<int:rule_id>/act/",
        assignment_views.rule_act,
        name="rule_act",
        needs="team.assign",
        whole_shop=True,
    ),
    staff_path("settings/teams/", team_views.team_list, name="team_list", needs="team.view"),
    staff_path(
        "settings/teams/new/", team_views.team_save, name="team_create", needs="team.edit", whole_shop=True
    ),
    staff_path(
        "settings/teams/<int:pk>/",
        team_views.team_save,
        name="team_rename",
        needs="team.edit",
        whole_shop=True,
    ),
    staff_path(
        "settings/teams/<int:pk>/delete/",
        team_views.team_delete,
        name="team_delete",
        needs="team.edit",
        whole_shop=True,
    ),
    staff_path(
        "settings/keys/",
        key_views.apikey_list,
        name="apikey_list",
        needs="integrations.view",
        whole_shop=True,
    ),
    staff_path(
        "settings/keys/new/",
        key_views.apikey_create,
        name="apikey_create",
        needs="integrations.edit",
        whole_shop=True,
    ),
    staff_path(
        "settings/keys/<int:pk>/revoke/",
        key_views.apikey_revoke,
        name="apikey_revoke",
        needs="integrations.edit",
        whole_shop=True,
    ),
    staff_path(
        "settings/audit/", audit_views.audit_log, name="audit_log", needs="audit.view", whole_shop=True
    ),
    staff_path(
        "settings/events/",
        audit_views.delivery_list,
        name="delivery_list",
        needs="integrations.view",
        whole_shop=True,
    ),
    staff_path(
        "settings/events/<int:pk>/retry/",
        audit_views.delivery_retry,
        name="delivery_retry",
        needs="integrations.edit",
        whole_shop=True,
    ),
]
