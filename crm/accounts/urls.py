"""Sign-in, shop, team and settings: routes and the permission each needs."""

from django.urls import URLPattern, URLResolver, include, path

from crm.accounts import styleguide, views
from crm.accounts.routes import staff_path

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include("allauth.urls")),
    path("no-shop/", views.no_shop, name="no_shop"),
    path("shop/switch/", views.shop_switch, name="shop_switch"),
    path("language/", views.language_set, name="language_set"),
    path("profile/", views.profile, name="profile"),
    staff_path("search/", views.search, name="search", needs="home.view"),
    staff_path("styleguide/", styleguide.styleguide, name="styleguide", needs="settings.view"),
    staff_path("styleguide/why/", styleguide.why, name="styleguide_why", needs="settings.view"),
]
