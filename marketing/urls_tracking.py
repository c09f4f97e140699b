"""Public addresses that stand in mails; each proves itself by a signed token."""

from django.urls import path

from marketing import tracking, unsubscribing

urlpatterns = [
    path("t/o/<str:token>.gif", tracking.open_pixel, name="mail_open"),
    path("t/c/<str:token>", tracking.click_redirect, name="mail_click"),
    path("u/test/", unsubscribing.unsubscribe_test, name="mail_unsubscribe_test"),
    path("u/<str:token>/", unsubscribing.unsubscribe, name="mail_unsubscribe"),
]
