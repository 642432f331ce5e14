"""The page on which a person changes their own password; like every other change, it leaves an entry in the log."""

from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.forms import AdminOwnPasswordChangeForm

from governance.actions import people
from governance.actors import Actor
from governance.models import User


class OwnPasswordForm(AdminOwnPasswordChangeForm):  # type: ignore[misc] # unfold has no types
    """The old password, and twice the new one."""

    def save(self, _commit: bool = True) -> User:  # noqa: FBT001, FBT002 - Django's own signature
        """Change it by the one action that does so."""
        user: User = self.user
        return people.set_password(
            user=user, password=self.cleaned_data["new_password1"], actor=Actor(user=user), now=timezone.now()
        )


def routes() -> list[URLPattern]:
    """The address of the page, in front of Django's own."""
    return [path("password_change/", admin.site.admin_view(change), name="password_change")]


def change(request: HttpRequest) -> HttpResponseBase:
    """Ask for the passwords, and change."""
    view = PasswordChangeView.as_view(
        form_class=OwnPasswordForm,
        template_name="desk/password.html",
        success_url=reverse("admin:password_change_done"),
        extra_context=admin.site.each_context(request),
    )
    return view(request)
