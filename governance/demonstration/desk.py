"""The service's own REST interface, as one logged-in person uses it."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

Json = dict[str, Any]
T = TypeVar("T")


def first_line(text: object) -> str:
    """What a console has room for; pages and logs have all of it."""
    return str(text).strip().partition("\n")[0][:300]


class StepRefused(Exception):
    """The service refused something; `problem` is its RFC 9457 document."""

    def __init__(self, problem: Json) -> None:
        super().__init__(f"{problem.get('code')}: {problem.get('detail')}")
        self.problem = problem


class Desk:
    """A person's session: logs in through the same form as a browser."""

    def __init__(self, base_url: str, username: str, password: str) -> None:
        self.http = httpx.Client(base_url=base_url, timeout=120, follow_redirects=True, trust_env=False)
        self.username = username
        self.http.get("/admin/login/").raise_for_status()
        self.http.post(
            "/admin/login/",
            data={
                "username": username,
                "password": password,
                "csrfmiddlewaretoken": self.csrf,
                "next": "/healthz",
            },
        ).raise_for_status()
        if "sessionid" not in self.http.cookies:
            raise StepRefused({"code": "login_failed", "detail": f"{username} could not log in."})

    @property
    def csrf(self) -> str:
        """The token that a form must carry."""
        return self.http.cookies.get("csrftoken") or ""

    def get(self, path: str, **params: str) -> Json:
        """The JSON document at a path below /api/v1/."""
        return self._json(self.http.get(f"/api/v1/{path}", params=params))

    def first(
        self, path: str, matching: Callable[[Json], bool] = lambda _: True, **params: str
    ) -> Json | None:
        """The newest entry of a list that matches."""
        return next((row for row in self.get(path, **params)["results"] if matching(row)), None)

    def post(self, path: str, body: Json | None = None) -> Json:
        """Send a JSON document, and get one back."""
        return self._json(
            self.http.post(f"/api/v1/{path}", json=body or {}, headers={"X-CSRFToken": self.csrf})
        )

    def download(self, path: str) -> httpx.Response:
        """Whatever is there, as bytes."""
        response = self.http.get(f"/api/v1/{path}")
        if response.is_error:
            self._json(response)
        return response

    def _json(self, response: httpx.Response) -> Json:
        try:
            body: Json = response.json()
        except ValueError:
            body = {"code": "not_json", "detail": f"{response.request.url} answered {response.status_code}."}
            raise StepRefused(body) from None
        if response.is_error:
            raise StepRefused(body)
        return body


def wait_for(look: Callable[[], T | None], *, seconds: float, what: str, every: float = 0.3) -> T:
    """What `look` gives once it is not None; raises `StepRefused` after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(every)
    raise StepRefused({"code": "timeout", "detail": f"{what} did not come within {seconds:.0f} seconds."})
