"""The family of refusals. Services raise them; one middleware makes a page, a fragment or JSON of them."""

from collections.abc import Mapping
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class CrmError(Exception):
    """A refusal with a reason that a person can act on. `fields` maps an input's name to what is wrong
    with it."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"
    default_message: ClassVar[Text] = _("Something went wrong.")

    def __init__(
        self, message: Text = "", *, code: str = "", fields: Mapping[str, list[Text]] | None = None
    ) -> None:
        self.message: Text = message or self.default_message
        self.code_name = code or self.code
        self.fields: dict[str, list[Text]] = dict(fields or {})
        super().__init__(str(self.message))


class Rejected(CrmError):
    """422: understood and refused; sending the same again will be refused again."""

    status = 422
    code = "rejected"
    default_message = _("This can't be done as asked.")


class Unauthorised(CrmError):
    """401: who is asking is not proven."""

    status = 401
    code = "unauthorised"
    default_message = _("Sign in first.")


class Forbidden(CrmError):
    """403: known, but not allowed."""

    status = 403
    code = "forbidden"
    default_message = _("You don't have the permission for this. Ask an owner or manager of the shop.")


class NotFound(CrmError):
    """404: not there, or another merchant's, which answers alike."""

    status = 404
    code = "not_found"
    default_message = _("This isn't here. It may have been removed, or the address is wrong.")


class Conflict(CrmError):
    """409: the state has moved on; read again, then decide."""

    status = 409
    code = "conflict"
    default_message = _("This has changed in the meantime. Reload and try again.")


class TooMany(CrmError):
    """429: try again later."""

    status = 429
    code = "too_many_requests"
    default_message = _("Too many tries. Wait a few minutes, then try again.")


class Upstream(CrmError):
    """502: somebody else's system failed. `retryable` tells whether trying again can help."""

    status = 502
    code = "upstream"
    default_message = _("The other system didn't answer as it should.")

    def __init__(self, message: Text = "", *, retryable: bool, code: str = "") -> None:
        super().__init__(message, code=code)
        self.retryable = retryable
