"""The customer's own pages about the person. `public` ones are open to strangers."""

from django.urls import URLPattern

from customers import portal
from customers.portal_door import portal_path
from customers.privacy import portal as erase

urlpatterns: list[URLPattern] = [
    portal_path("sign-in/", portal.portal_sign_in, name="portal_sign_in", public=True),
    portal_path("code/", portal.portal_code, name="portal_code", public=True),
    portal_path("sign-out/", portal.portal_sign_out, name="portal_sign_out", public=True),
    portal_path("preferences/", portal.portal_preferences, name="portal_preferences"),
    portal_path("preferences/consent/", portal.portal_consent, name="portal_consent"),
    portal_path("preferences/none/", portal.portal_consent_none, name="portal_consent_none"),
    portal_path("data/", portal.portal_data, name="portal_data"),
    portal_path("erase/", erase.portal_erase, name="portal_erase"),
    portal_path("erase/cancel/", erase.portal_erase_cancel, name="portal_erase_cancel"),
]
