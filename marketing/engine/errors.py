"""What can be wrong with a template or an address, in words fit for the person who wrote it."""


class TemplateError(ValueError):
    """The template can't be used as it is; the message says where and why."""


class RenderError(ValueError):
    """The template is fine, but not with this recipient's values (too long, too slow, wrong type)."""


class BadAddress(ValueError):
    """The address can't stand in an envelope or a header."""
