"""A person at a browser: headless Chromium, looked over at every page, with pictures of what it showed."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests import factories

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "tests" / "screenshots"
# Pictures that the documentation shows; renewed when UPDATE_SCREENSHOTS is set.
SHOWN = {"version": "version", "start": "desk", "request": "request", "approval-to-decide": "approval"}
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

UNNAMED = """() => {
  const said = one => {
    const copy = one.cloneNode(true);
    copy.querySelectorAll('[aria-hidden=true]').forEach(part => part.remove());
    return copy.textContent.trim() || one.getAttribute('aria-label') || (one.labels && one.labels.length);
  };
  return [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a[href]')]
  .filter(one => one.getClientRects().length)
  .filter(one => !said(one)).map(one => one.outerHTML.slice(0, 160));
}"""
HEADINGS = """() => [...document.querySelectorAll('h1, h2, h3, h4')]
  .filter(one => one.getClientRects().length).map(one => Number(one.tagName[1]))"""
TABLES = """() => [...document.querySelectorAll('table')]
  .filter(one => !one.caption || [...one.querySelectorAll('thead th')].some(head => head.scope !== 'col'))
  .map(one => one.outerHTML.slice(0, 160))"""
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
OUTSIDE = "() => performance.getEntriesByType('resource').map(one => one.name).filter(name => !name.startsWith(location.origin))"


class Person:
    """Someone with a browser of their own, logged in."""

    def __init__(self, browser: Browser, base: str, username: str) -> None:
        self.base = base
        self.context = browser.new_context(viewport=WIDE, accept_downloads=True)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on(
            "console", lambda message: message.type == "error" and self.complaints.append(message.text)
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.go("/admin/login/")
        self.page.fill("#id_username", username)
        self.page.fill("#id_password", factories.PASSWORD)
        self.page.click("button[type=submit]")
        self.page.wait_for_url(f"{base}/admin/")

    def go(self, path: str) -> None:
        self.page.goto(f"{self.base}{path}")

    def press(self, label: str) -> None:
        """A button or a link, by its words."""
        main = self.page.locator("main")
        main.get_by_role("button", name=label, exact=True).or_(
            main.get_by_role("link", name=label, exact=True)
        ).first.click()
        self.page.wait_for_load_state()

    def menu(self, label: str) -> None:
        self.page.locator("#menu").get_by_role("link", name=label).click()
        self.page.wait_for_load_state()

    def text(self) -> str:
        return self.page.locator("main").inner_text()

    def look(self, name: str) -> None:
        """Look the page over, wide and narrow, and keep a picture of both."""
        PICTURES.mkdir(exist_ok=True)
        assert self.page.evaluate(UNNAMED) == [], name
        assert self.page.evaluate(TABLES) == [], name
        assert self.page.evaluate(OUTSIDE) == [], name
        levels = self.page.evaluate(HEADINGS)
        assert levels.count(1) == 1, (name, levels)
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), (
            name,
            levels,
        )
        self._picture(f"{name}-1440", full=True)
        if os.environ.get("UPDATE_SCREENSHOTS") and name in SHOWN:
            (ROOT / "docs" / "images").mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=ROOT / "docs" / "images" / f"{SHOWN[name]}.png")
        self.page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        overflow = self.page.evaluate(OVERFLOW)
        self._picture(f"{name}-390", full=True)
        self.page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        assert overflow <= 0, (name, overflow)
        assert self.complaints == [], (name, self.complaints)

    def _picture(self, name: str, *, full: bool) -> None:
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=full)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
