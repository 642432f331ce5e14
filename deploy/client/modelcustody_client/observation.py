"""What a record says of one request and its answer, read from their bytes. Pure.

No prompt, no output and no name leaves this module: only the fields of a record, each within the bounds that the
service sets; what is out of bounds is left out, because one bad field would get the whole record refused.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from typing import Any

# the operation names of the OpenTelemetry GenAI conventions
OPERATIONS = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embeddings",
    "/v1/messages": "chat",
    "/v1/responses": "chat",
}
MAX_LINE_BYTES = 256 * 1024
MAX_FINISHED = 64
_MOST = 2**31 - 1
_SAFE = 2**53
_DONE = b"[DONE]"
_FINISH = re.compile(
    rb'"(?:finish_reason|stop_reason)"\s*:\s*"|"type"\s*:\s*"response\.(?:completed|incomplete|failed)"'
)
_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_ERROR = re.compile(rb'"error"\s*:\s*\{')
_TOKENS = {
    "input_tokens": ("prompt_tokens", "input_tokens"),
    "output_tokens": ("completion_tokens", "output_tokens"),
}


@dataclasses.dataclass
class Stream:
    """Keeps, of a server-sent event stream, the few lines that a record needs; bounded, and quick to pass over."""

    first: bytes | None = None
    finished: list[bytes] = dataclasses.field(default_factory=list)
    usages: list[bytes] = dataclasses.field(default_factory=list)
    error: bytes | None = None
    is_done: bool = False
    _rest: bytes = b""
    _is_skipping: bool = False

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes of the stream, wherever they are cut."""
        if (
            not self._rest
            and not self._is_skipping
            and self.first
            and chunk.endswith(b"\n")
            and not _matters(chunk)
        ):
            return
        lines = (self._rest + chunk).split(b"\n")
        if self._is_skipping and len(lines) > 1:
            self._is_skipping = False
            del lines[0]
        self._rest = lines.pop()
        for line in lines:
            self._take(line)
        if len(self._rest) > MAX_LINE_BYTES:
            self._rest, self._is_skipping = b"", True

    def _take(self, line: bytes) -> None:
        if not line.startswith(b"data:") or len(line) > MAX_LINE_BYTES:
            return
        data = line[5:].strip()
        if data == _DONE:
            self.is_done = True
            return
        if self.first is None:
            self.first = data
        if _FINISH.search(data) and len(self.finished) < MAX_FINISHED:
            self.finished.append(data)
        if _USAGE.search(data):
            self.usages = [*self.usages[:1], data]
        if _ERROR.search(data):
            self.error = data

    def documents(self) -> list[dict[str, Any]]:
        """Return the kept lines as objects, in an order in which later ones complete earlier ones."""
        lines = [self.first, *self.finished, *self.usages, self.error]
        return [value for line in lines if line and (value := parse_object(line))]


def _matters(chunk: bytes) -> bool:
    return bool(_DONE in chunk or _USAGE.search(chunk) or _FINISH.search(chunk) or _ERROR.search(chunk))


def parse_object(data: bytes | None) -> dict[str, Any]:
    """Return a JSON object, its decimal numbers as the text they were; empty for anything else."""
    try:
        value = json.loads(data or b"", parse_float=str, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def request_fields(body: dict[str, Any]) -> dict[str, Any]:
    """Return what a record says of the request: the model's name and the parameters, as they were sent."""
    parameters = {
        "temperature": _number(body.get("temperature")),
        "top_p": _number(body.get("top_p")),
        "top_k": _integer(body.get("top_k"), least=-1),
        "max_tokens": _first_integer(body, "max_completion_tokens", "max_output_tokens", "max_tokens"),
        "seed": _seed(body.get("seed")),
        "n": _integer(body.get("n"), most=_MOST),
        "stop": _stop(body.get("stop")),
    }
    return {
        "request_model": text(body.get("model")),
        "stream": body.get("stream") is True,
        "parameters": {name: value for name, value in parameters.items() if value is not None} or None,
    }


def response_fields(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what a record says of the answer, from its one document or the kept lines of its stream."""
    fields: dict[str, Any] = {
        "response_id": None,
        "response_model": None,
        "input_tokens": None,
        "output_tokens": None,
    }
    reasons: list[str] = []
    for document in documents:
        # /v1/responses and /v1/messages wrap the answer once more in their events
        inner: dict[str, Any] = next(
            (document[name] for name in ("response", "message") if isinstance(document.get(name), dict)), {}
        )
        for source in (inner, document):
            fields["response_id"] = fields["response_id"] or text(source.get("id"))
            fields["response_model"] = fields["response_model"] or text(source.get("model"))
            usage = source.get("usage")
            if isinstance(usage, dict):
                for name, spellings in _TOKENS.items():
                    found = _first_integer(usage, *spellings, most=_MOST)
                    fields[name] = fields[name] if found is None else found
        reasons.extend(reason for reason in _reasons({**inner, **document}) if reason)
    return {**fields, "finish_reasons": list(dict.fromkeys(reasons))[:MAX_FINISHED] or None}


def error_of(documents: Sequence[dict[str, Any]]) -> str | None:
    """Return the kind of an error that came inside a stream that began well."""
    for document in documents:
        error = document.get("error")
        if isinstance(error, dict):
            kind = error.get("code") if isinstance(error.get("code"), int) else error.get("type")
            return (text(str(kind), most=128) if kind is not None else None) or "error"
    return None


def text(value: Any, *, most: int = 256) -> str | None:
    """Return a short, plain string as it is; None for anything else."""
    if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
        return None
    return value


def _reasons(document: dict[str, Any]) -> list[str | None]:
    choices = document.get("choices")
    found = (
        [choice.get("finish_reason") for choice in choices if isinstance(choice, dict)]
        if isinstance(choices, list)
        else []
    )
    delta = document.get("delta")
    found.append(delta.get("stop_reason") if isinstance(delta, dict) else document.get("stop_reason"))
    if document.get("object") == "response" and document.get("status") != "in_progress":
        found.append(document.get("status"))
    return [text(reason, most=64) for reason in found]


def _integer(value: Any, *, least: int = 0, most: int = _SAFE) -> int | None:
    return value if type(value) is int and least <= value <= most else None


def _first_integer(source: dict[str, Any], *names: str, most: int = _SAFE) -> int | None:
    return next(
        (value for name in names if (value := _integer(source.get(name), most=most)) is not None), None
    )


def _number(value: Any) -> int | str | None:
    """Decimal numbers are kept as the text that was sent: 0.10 stays 0.10."""
    return text(value, most=32) if isinstance(value, str) else _integer(value, least=-_SAFE)


def _seed(value: Any) -> str | None:
    return text(str(value), most=32) if type(value) is int and abs(value) < 2**100 else None


def _stop(value: Any) -> list[str] | None:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not 0 < len(items) <= 16:
        return None
    return items if all(isinstance(item, str) and _is_stop(item) for item in items) else None


def _is_stop(item: str) -> bool:
    return 0 < len(item) <= 64 and not any("\ud800" <= c <= "\udfff" for c in item)
