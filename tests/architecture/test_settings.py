"""`.env.example` and the settings name the same variables, with the same defaults."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def read_by_settings() -> set[str]:
    tree = ast.parse((ROOT / "governance/settings.py").read_text())
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and isinstance(node.args[0], ast.Constant)
    }


def explained() -> set[str]:
    return set(re.findall(r"^([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_every_variable_is_explained() -> None:
    assert read_by_settings() == explained()


def test_settings_stay_one_short_file() -> None:
    assert len((ROOT / "governance/settings.py").read_text().splitlines()) <= 200
