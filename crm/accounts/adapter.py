"""What allauth asks us: no open sign-up, whose tries are counted, and TOTP secrets encrypted at rest."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from crm.lib.crypto import decrypt, encrypt
from crm.lib.http import client_ip


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """People join a shop by invitation only."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Whose wrong passwords are counted: behind our proxies the visitor, not the proxy."""
        ip = client_ip(request)
        if ip is None:
            raise PermissionDenied
        return ip


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text)
