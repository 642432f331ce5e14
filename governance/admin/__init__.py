"""The desk's own pages: start, people, tokens, policies, finding; importing them registers them."""

from django.contrib import admin
from django.contrib.auth.models import Group

from governance.admin import finder, own_password, people, policies, tokens

__all__ = ["finder", "own_password", "people", "policies", "tokens"]

# Rights come from roles alone; Django's groups would only mislead.
admin.site.unregister(Group)
admin.site.index_title = "Desk"
admin.site.index_template = "desk/dashboard.html"
admin.site.login_template = "desk/login.html"
admin.site.password_change_done_template = "desk/password_done.html"  # noqa: S105
admin.site.extra_urls = lambda: [*finder.routes(), *own_password.routes()]  # type: ignore[attr-defined]
