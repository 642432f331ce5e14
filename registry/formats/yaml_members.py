"""Reads YAML files as a stream of names and values, without building anything from them. Pure."""

import re
from collections.abc import Iterator

import yaml

MAX_BYTES = 256 * 1024
# Tags by which YAML makes Python call or import something; the harmless ones are for plain values.
HARMLESS_TAGS = frozenset(
    {"tuple", "str", "unicode", "int", "long", "float", "complex", "bool", "none", "list", "dict", "bytes"}
)
PYTHON = "tag:yaml.org,2002:python/"
# Tags of HyperPyYAML, which call, import or include what follows them.
_MAKING = re.compile(r"!(?:new|apply|applyref|name|module|include):(?P<target>.*)", re.DOTALL)


class BadYaml(ValueError):
    """The file cannot be read as YAML."""


def members(data: bytes) -> Iterator[tuple[str, str, int]]:
    """Every scalar as (name before it, value, line), and every tag for Python as ("!", tag, line); raises `BadYaml`.

    A tag by which HyperPyYAML makes something is told as ("_target_", name, line), as Hydra writes the same.
    """
    if len(data) > MAX_BYTES:
        raise BadYaml(f"it is longer than {MAX_BYTES} bytes")
    before = ""
    try:
        for event in yaml.parse(data.decode("utf-8"), Loader=yaml.SafeLoader):
            line = event.start_mark.line + 1 if event.start_mark else 0
            tag = getattr(event, "tag", None) or ""
            if tag.startswith(PYTHON):
                yield "!", tag.removeprefix(PYTHON), line
            elif making := _MAKING.fullmatch(tag):
                yield "_target_", making["target"], line
            if isinstance(event, yaml.ScalarEvent):
                yield before, event.value, line
                before = event.value
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadYaml(" ".join(str(error).split())[:160]) from None
