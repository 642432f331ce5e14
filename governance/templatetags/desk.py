"""How the desk writes digests, sizes, times and states."""

import json
import re
from datetime import datetime
from typing import Any

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from governance import sizes

register = template.Library()
LICENSE_ID = re.compile(r"[a-z0-9][a-z0-9.+-]{0,79}")

# A word, the tone of its badge, and a sign, so that colour is never the only carrier.
STATES: dict[str, tuple[str, str]] = {
    "draft": ("plain", "edit_note"),
    "resolved": ("info", "inventory_2"),
    "quarantined": ("bad", "block"),
    "revoked": ("bad", "cancel"),
    "requested": ("warn", "hourglass_top"),
    "approved": ("good", "check_circle"),
    "rejected": ("bad", "cancel"),
    "released": ("good", "lock_open"),
    "withdrawn": ("plain", "undo"),
    "expired": ("warn", "event_busy"),
    "queued": ("info", "schedule"),
    "running": ("info", "progress_activity"),
    "finished": ("plain", "check"),
    "pass": ("good", "check_circle"),
    "fail": ("bad", "cancel"),
    "error": ("bad", "error"),
    "skip": ("warn", "remove_circle"),
    "missing": ("warn", "help"),
    "none": ("plain", "remove"),
    "allow": ("good", "check_circle"),
    "deny": ("bad", "block"),
    "allowed": ("good", "check_circle"),
    "allowed_with_obligations": ("good", "assignment_turned_in"),
    "needs_licence": ("bad", "contract"),
    "prohibited": ("bad", "block"),
    "needs_review": ("warn", "rate_review"),
    "critical": ("bad", "priority_high"),
    "high": ("bad", "keyboard_double_arrow_up"),
    "medium": ("warn", "drag_handle"),
    "low": ("plain", "keyboard_arrow_down"),
    "info": ("plain", "info"),
    "ok": ("good", "check_circle"),
    "in tree": ("good", "account_tree"),
    "pending": ("info", "schedule"),
    "active": ("good", "check_circle"),
    "inactive": ("plain", "do_not_disturb_on"),
    "in force": ("good", "check_circle"),
    "superseded": ("plain", "history"),
    "suspended": ("bad", "pause_circle"),
    "acknowledged": ("info", "visibility"),
    "verified_text": ("good", "fact_check"),
    "secondary_source": ("warn", "link"),
    "from_memory_unverified": ("bad", "psychology_alt"),
    "permissive": ("good", "lock_open"),
    "copyleft": ("info", "sync"),
    "openrail": ("info", "alt_route"),
    "community": ("warn", "groups"),
    "non-commercial": ("bad", "money_off"),
    "research-only": ("bad", "science"),
    "unknown": ("bad", "help"),
    "project": ("plain", "public"),
    "organization": ("info", "apartment"),
    "override": ("warn", "layers"),
    "overridden": ("warn", "layers"),
    "added": ("good", "add"),
    "changed": ("info", "edit"),
    "removed": ("bad", "remove"),
    "renamed": ("info", "drive_file_rename_outline"),
    "restored": ("plain", "settings_backup_restore"),
    "changed_beneath": ("warn", "layers"),
    "carried out": ("good", "check_circle"),
    "declined": ("bad", "cancel"),
    "add": ("info", "post_add"),
    "withdraw": ("warn", "undo"),
    "enforce": ("plain", "gavel"),
    "warn": ("warn", "warning"),
    "done": ("good", "check"),
    "open": ("info", "radio_button_unchecked"),
    "waived": ("plain", "do_not_disturb_on"),
    "lapsed": ("plain", "history"),
    "overdue": ("bad", "alarm"),
    "due today": ("warn", "today"),
    "due soon": ("warn", "event_upcoming"),
    "due later": ("plain", "event"),
    "failed": ("bad", "close"),
    "waiting": ("warn", "hourglass_top"),
    "passes": ("good", "check_circle"),
    "refused": ("bad", "block"),
    "no_rule": ("plain", "remove"),
    "todo": ("plain", "radio_button_unchecked"),
}


@register.simple_tag
def badge(word: str, text: str = "", prefix: str = "") -> SafeString:
    """A state as a badge: a sign, the word, and a colour."""
    tone, sign = STATES.get(word, ("plain", "circle"))
    shown = text or str(word).replace("_", " ")
    before = format_html('<span class="sr-only">{}: </span>', prefix) if prefix else ""
    return format_html(
        '<span class="badge badge-{}">{}<span class="material-symbols-outlined" aria-hidden="true">{}</span>{}</span>',
        tone,
        before,
        sign,
        shown,
    )


@register.simple_tag
def icon(name: str) -> SafeString:
    """A decorative sign; hidden from those who listen to the page."""
    return format_html('<span class="material-symbols-outlined" aria-hidden="true">{}</span>', name)


@register.simple_tag
def digest(value: str | None, label: str = "digest", length: int = 0) -> SafeString:
    """A digest in full or shortened, with a button that copies all of it."""
    if not value:
        return format_html('<span class="quiet">{}</span>', "none yet")
    shown = value
    if length and len(value) > length:
        head, _, rest = value.rpartition(":")
        shown = f"{head + ':' if head else ''}{rest[:length]}…"
    return format_html(
        '<span class="digest"><code title="{0}">{1}</code><button type="button" class="copy" data-copy="{0}" '
        'aria-label="Copy {2}"><span class="material-symbols-outlined" aria-hidden="true">content_copy</span>'
        "</button></span>",
        value,
        shown,
        label,
    )


@register.simple_tag
def when(value: datetime | None, empty: str = "never") -> SafeString:
    """A time in UTC, with the distance from now beside it."""
    if value is None:
        return format_html('<span class="quiet">{}</span>', empty)
    return format_html(
        '<time datetime="{}" title="{}"><span class="time">{}</span> <span class="quiet">{}</span></time>',
        value.isoformat(),
        f"{value:%Y-%m-%d %H:%M:%S} UTC",
        f"{value:%Y-%m-%d %H:%M}",
        distance(value, timezone.now()),
    )


def distance(value: datetime, now: datetime) -> str:
    """How far a time is from now, in the largest unit that fits."""
    seconds = int((now - value).total_seconds())
    ahead = seconds < 0
    seconds = abs(seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            number = seconds // size
            return f"in {number} {unit}" if ahead else f"{number} {unit} ago"
    return "now"


@register.filter
def size(value: int | None) -> str:
    """Bytes in units of 1000, as disks and model hubs count them."""
    return "\N{EN DASH}" if value is None else sizes.in_words(value)


@register.filter
def lasting(seconds: int) -> str:
    """How long something will take, about."""
    if seconds < 60:
        return f"about {seconds} s"
    minutes = -(-seconds // 60)
    hours, rest = divmod(minutes, 60)
    return f"about {hours} h {rest} min" if hours else f"about {minutes} min"


@register.filter
def grouped(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


@register.filter
def words(value: str) -> str:
    """A stable code as words."""
    return str(value).replace("_", " ")


@register.filter
def pretty(value: Any) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str)


@register.filter
def percent(part: int, whole: int) -> int:
    """Hundredths done, never more than all."""
    return min(100, round(part / whole * 100)) if whole else 0


@register.filter
def admin_url(opts: Any, page: str) -> str:
    """The name of a resource's page, for `{% url %}`."""
    return f"admin:{opts.app_label}_{opts.model_name}_{page}"


# Which page tells of what the log names; names of addresses only, so nothing is imported.
SUBJECT_PAGES = {
    "model-version": "admin:registry_modelversion_change",
    "approval": "admin:registry_approval_change",
    "admission": "admin:registry_admission_change",
    "reevaluation": "admin:registry_reevaluation_change",
    "obligation": "admin:registry_obligationtask_change",
    "catalog-release": "admin:registry_catalogrelease_change",
    "license-proposal": "admin:registry_licenseproposal_change",
    "evidence-document": "admin:registry_evidencedocument_change",
    "organization-facts": "admin:registry_organizationprofile_change",
}


@register.simple_tag
def subject_link(subject: str) -> SafeString:
    """What a log entry is about, as a link to its page where it has one."""
    kind, _, name = subject.partition(":")
    if kind in SUBJECT_PAGES and name:
        return format_html('<a href="{}">{}</a>', reverse(SUBJECT_PAGES[kind], args=[name]), subject)
    return format_html('<span class="mono">{}</span>', subject)


@register.simple_tag
def license_links(license_ids: str) -> SafeString:
    """One licence or several, written with AND, each as a link to its page; what is unknown has none."""
    shown = [
        format_html('<a href="{}">{}</a>', reverse("admin:registry_licenserecord_of", args=[one]), one)
        if LICENSE_ID.fullmatch(one) and one != "unknown"
        else format_html("{}", one)
        for one in license_ids.split(" AND ")
    ]
    return format_html_join(" AND ", "{}", ((one,) for one in shown))


@register.filter
def unmarked(value: str) -> str:
    """Words that the interface for programs says too, without the marks around names of its fields."""
    return str(value).replace("`", "")


@register.filter
def first_line(value: str) -> str:
    """What is said before anything that a program printed."""
    return next(iter(str(value).splitlines()), "").rstrip()


@register.filter
def actor(value: str) -> str:
    """Who did something, without the mark of what kind of actor it is."""
    kind, _, name = value.partition(":")
    if kind == "system" and name:
        return f"the service ({name})"
    return name if kind == "user" and name else value


@register.filter
def brief(facts: dict[str, Any]) -> str:
    """Facts in one line, without digests and what is empty."""
    shown = [(name, value) for name, value in facts.items() if value not in ("", None, [], {})]
    parts = [
        f"{words(name)} {_plain(value)}" for name, value in shown if not str(value).startswith("sha256:")
    ]
    return ", ".join(parts)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " and ".join(_plain(one) for one in value)
    return brief(value) if isinstance(value, dict) else str(value)
