"""Which environment variables the product reads, found in its source."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READERS = {"str", "int", "bool", "list", "float", "url", "get", "required", "getenv"}


def read_names(path: Path) -> set[str]:
    """The NAMES in env.str("NAME"), required("NAME", …), os.environ.get("NAME") and os.environ["NAME"]."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            value = node.args[0].value
            if name in READERS and isinstance(value, str) and value.isupper():
                found.add(value)
    return found


def settings_names() -> set[str]:
    """What crm/settings.py and the logging beside it read."""
    return read_names(ROOT / "crm" / "settings.py") | read_names(ROOT / "crm" / "lib" / "logs.py")
