"""The customer's own pages about the person. `public` ones are open to strangers."""

from django.urls import URLPattern

from customers import portal
from customers.confirming import portal as confirming
from customers.my_data import portal as my_data
from customers.portal_door import portal_path
from customers.preferences import portal as preferences
from customers.privacy import portal as erase

urlpatterns: list[URLPattern] = [
    portal_path("sign-in/", portal.portal_sign_in, name="portal_sign_in", public=True),
    portal_path("code/", portal.portal_code, name="portal_code", public=True),
    portal_path("sign-out/", portal.portal_sign_out, name="portal_sign_out", public=True),
    portal_path("preferences/", preferences.portal_preferences, name="portal_preferences"),
    portal_path("preferences/consent/", preferences.portal_consent, name="portal_consent"),
    portal_path("preferences/none/", preferences.portal_consent_none, name="portal_consent_none"),
    portal_path("preferences/language/", preferences.portal_language, name="portal_language"),
    portal_path("p/<str:token>/", preferences.portal_link, name="portal_link", public=True),
    portal_path(
        "p/<str:token>/out/<str:purpose>/", preferences.portal_way_out, name="portal_way_out", public=True
    ),
    portal_path("confirm/<str:token>/", confirming.portal_confirm, name="portal_confirm", public=True),
    portal_path("data/", my_data.portal_data, name="portal_data"),
    portal_path("data/<uuid:public_id>/", my_data.portal_data_file, name="portal_data_file"),
    portal_path("erase/", erase.portal_erase, name="portal_erase"),
    portal_path("erase/cancel/", erase.portal_erase_cancel, name="portal_erase_cancel"),
]
