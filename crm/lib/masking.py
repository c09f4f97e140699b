"""Personal data with its middle hidden, for those who may not see it whole."""

DOTS = "•••"


def mask_email(value: str) -> str:
    """`wang@example.cn` → `w•••@example.cn`."""
    local, at, domain = value.partition("@")
    return f"{local[:1]}{DOTS}@{domain}" if at else mask_text(value)


def mask_phone(value: str) -> str:
    """`+8613800138000` → `+86•••8000`: country and last four digits stay, as people read numbers out."""
    if len(value) < 8:
        return DOTS
    return f"{value[:3]}{DOTS}{value[-4:]}"


def mask_text(value: str) -> str:
    """The first letter stays."""
    return f"{value[:1]}{DOTS}" if value else ""


def mask_any(value: str) -> str:
    """By what it looks like."""
    if "@" in value:
        return mask_email(value)
    return mask_phone(value) if value.startswith("+") else mask_text(value)
