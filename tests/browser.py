"""A person at a browser: headless Chromium, looked over at every page, with pictures of what it showed.

`python -m tests.browser URL USER PASSWORD [VERSION]` takes the pictures of the documentation from a service that runs;
VERSION is the number of the one whose checks are shown.
"""

import itertools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

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

    def __init__(self, browser: Browser, base: str, username: str, password: str) -> None:
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
        self.page.fill("#id_password", password)
        self.page.click("button[type=submit]")
        self.page.wait_for_url(f"{base}/admin/")

    def go(self, path: str) -> None:
        self.page.goto(f"{self.base}{path}")

    def press(self, label: str) -> None:
        """A button or a link, by its words; each leads to another page."""
        main = self.page.locator("main")
        button = main.get_by_role("button", name=label, exact=True)
        with self.page.expect_navigation():
            button.or_(main.get_by_role("link", name=label, exact=True)).first.click()

    def menu(self, label: str) -> None:
        """An entry of the menu."""
        with self.page.expect_navigation():
            self.page.locator("#menu").get_by_role("link", name=label).click()

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

    def show(self, selector: str, picture: Path) -> None:
        """Keep a picture of a part of the page, without the bar that stays on top of it."""
        self.page.locator(".topbar").evaluate("bar => bar.style.setProperty('position', 'static')")
        self.page.locator(selector).screenshot(path=picture)

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


def take_pictures(base: str, username: str, password: str, checked: str = "1") -> None:
    """Pictures for the documentation: the desk, the first version, and the newest request that it answered."""
    folder = ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with chromium() as found:
        person = Person(found, base, username, password)
        person.page.screenshot(path=folder / "desk.png")
        person.go("/admin/registry/modelversion/1/")
        person.page.screenshot(path=folder / "version.png")
        person.go(f"/admin/registry/modelversion/{checked}/")
        person.show("#checks", folder / "checks.png")
        person.menu("Served requests")
        with person.page.expect_navigation():
            person.page.locator("main table a").first.click()
        person.page.screenshot(path=folder / "request.png")


if __name__ == "__main__":
    take_pictures(*sys.argv[1:5])
