"""What a button on a page does: one right, one form, one action of the domain."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from governance.actors import Actor
from governance.desk.forms import DeskForm
from governance.models import User
from governance.permissions import Permission

Tone = Literal["primary", "plain", "danger"]


def _always(_row: Any) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class PageAction:
    """A button. `carry_out` is called with the row, the form's values, the actor and the time."""

    name: str
    label: str
    permission: Permission
    carry_out: Callable[[Any, Mapping[str, Any], Actor, datetime], Any]
    # Said when it is done; `{0}` is what the action returned.
    done: str
    explanation: str = ""
    form: type[DeskForm] = DeskForm
    # Whether the row's state lets the button be shown; the action itself decides again.
    offered: Callable[[Any], bool] = _always
    # Why this very person may not, although the role may; empty when they may.
    barred: Callable[[Any, User], str] = field(default=lambda _row, _user: "")
    tone: Tone = "plain"
    icon: str = ""
    template: str = "desk/confirm.html"
    # Shows what it would change, before it is carried out: the context of a template, from the same values.
    preview: Callable[[Any, Mapping[str, Any], Actor, datetime], Mapping[str, Any]] | None = None

    @property
    def has_preview(self) -> bool:
        """Whether the form can show what it would change; templates call what they name, so they ask this."""
        return self.preview is not None

    @property
    def asks(self) -> bool:
        """Whether a page with a form comes before the deed."""
        return bool(self.form.base_fields) or self.tone == "danger"


@dataclass(frozen=True)
class Button:
    """A page action as one person sees it."""

    action: PageAction
    url: str
    barred: str = ""


def buttons(
    actions: tuple[PageAction, ...], row: Any, user: User, *, url: Callable[[PageAction], str]
) -> list[Button]:
    """The buttons that this person may press on this row now."""
    shown: list[Button] = []
    for action in actions:
        if not user.may(action.permission) or not action.offered(row):
            continue
        barred = action.barred(row, user)
        if not barred or all(barred != button.barred for button in shown):
            shown.append(Button(action, url(action), barred))
    return shown
