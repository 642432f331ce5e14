"""The pages of one resource: a list, a page a row, and the pages behind its buttons."""

from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.admin import ModelAdmin

from governance.desk import access, actions, lists
from governance.desk.actions import PageAction
from governance.desk.forms import DeskForm
from governance.errors import GovernanceError

View = Callable[..., HttpResponse]
# The button that asks for a preview sends this beside the form.
PREVIEW = "preview"


class DeskAdmin(access.RoleAccess, ModelAdmin):  # type: ignore[misc] # unfold has no types
    """Read-only pages with buttons. Only these addresses exist; Django's own forms are not routed."""

    # What the list is called, in its heading and in the path to it.
    heading = ""
    row_template = ""
    object_template = ""
    list_template = "desk/list.html"
    columns: tuple[str, ...] = ()
    # Said under the heading of the list.
    purpose = ""
    empty_hint = ""
    search_hint = ""
    filters: tuple[lists.ListFilter, ...] = ()
    # Something that is done with rows that are chosen in the list: the name of its page, and what the button says.
    bulk_page = ""
    bulk_label = ""
    bulk_icon = ""
    bulk_hint = ""
    # Buttons of the list (they make something new), and of a row's page.
    list_actions: tuple[PageAction, ...] = ()
    page_actions: tuple[PageAction, ...] = ()

    def get_urls(self) -> list[URLPattern]:
        """List, new things, a row's page, and its buttons."""
        info = f"{self.opts.app_label}_{self.opts.model_name}"
        routes = [path("", self._guarded(self.list_view), name=f"{info}_changelist")]
        routes += [
            path(
                f"new/{one.name}/",
                self._guarded(self.new_view),
                {"name": one.name},
                name=f"{info}_{one.name}",
            )
            for one in self.list_actions
        ]
        routes += self.extra_routes(info)
        if self.object_template:
            routes += [
                path("<str:object_id>/", self._guarded(self.object_view), name=f"{info}_change"),
                path("<str:object_id>/<slug:name>/", self._guarded(self.action_view), name=f"{info}_act"),
            ]
        return routes

    def extra_routes(self, _info: str) -> list[URLPattern]:
        """Further addresses of a resource, before those of a row."""
        return []

    def _guarded(self, view: View) -> View:
        """The view behind a login, with refusals as a page of ours."""

        def inner(request: HttpRequest, **arguments: Any) -> HttpResponse:
            try:
                if not self.has_view_permission(request):
                    access.require(request, self.reads)
                return view(request, **arguments)
            except PermissionDenied as refusal:
                return self.show(
                    request,
                    "desk/refused.html",
                    {"title": "Not permitted", "reason": str(refusal)},
                    status=403,
                )

        guarded: View = self.admin_site.admin_view(update_wrapper(inner, view))
        return guarded

    def show(
        self, request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
    ) -> TemplateResponse:
        """A page with the frame of the desk around it."""
        everything = {**self.admin_site.each_context(request), "opts": self.opts, "resource": self, **context}
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, everything, status=status)

    def address(self, name: str, *args: Any) -> str:
        """The address of one of this resource's pages."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=args)

    # -- list

    def rows(self) -> QuerySet[Any]:
        """Every row, ordered, with what a row of the list shows."""
        rows: QuerySet[Any] = self.model.objects.order_by("-pk")
        return rows

    def find(self, rows: QuerySet[Any], _term: str) -> QuerySet[Any]:
        """The rows that a search term leaves."""
        return rows

    def list_context(self) -> dict[str, Any]:
        """More for the page of the list."""
        return {}

    def dress(self, rows: list[Any]) -> None:
        """Hang onto the rows of one page what needs a query over all of them."""

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """The list."""
        rows, filters = lists.choose(self.filters, self.rows(), request.GET)
        term = lists.term_of(request.GET)
        if term and self.search_hint:
            rows = self.find(rows, term)
        page = lists.page_of(rows, filters, request.GET)
        self.dress(page.rows)
        user = access.person(request)
        context = {
            "title": self.heading,
            "page": page,
            "buttons": actions.buttons(self.list_actions, None, user, url=lambda one: self.address(one.name)),
            **self.list_context(),
        }
        return self.show(request, self.list_template, context)

    # -- one row

    def one(self, object_id: str) -> Any:
        """The row of an address, with what its page needs."""
        try:
            row = self.rows_for_page().filter(pk=self.opts.pk.to_python(object_id)).first()
        except (ValidationError, OverflowError) as error:  # a number or UUID that is none
            raise Http404(f"No {self.opts.verbose_name} {object_id}.") from error
        if row is None:
            raise Http404(f"No {self.opts.verbose_name} {object_id}.")
        return row

    def rows_for_page(self) -> QuerySet[Any]:
        """The query behind a row's page."""
        rows: QuerySet[Any] = self.model.objects.all()
        return rows

    def object_context(self, _row: Any) -> dict[str, Any]:
        """What a row's page shows beside the row."""
        return {}

    def name_of(self, row: Any) -> str:
        """What a row is called in headings."""
        return str(row)

    def row_buttons(self, request: HttpRequest, row: Any) -> list[actions.Button]:
        """The buttons this person sees on this row's page."""
        return actions.buttons(
            self.page_actions,
            row,
            access.person(request),
            url=lambda one: self.address("act", row.pk, one.name),
        )

    def object_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page of one row."""
        row = self.one(object_id)
        buttons = self.row_buttons(request, row)
        context = {
            "title": self.name_of(row),
            "row": row,
            "buttons": buttons,
            "may_end": any(button.action.tone == "danger" for button in buttons),
            **self.object_context(row),
        }
        return self.show(request, self.object_template, context)

    # -- buttons

    def new_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """The page behind a button of the list."""
        action = next(one for one in self.list_actions if one.name == name)
        return self.carry(request, action, None, back=self.address("changelist"))

    def action_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """The page behind a button of a row."""
        action = next((one for one in self.page_actions if one.name == name), None)
        if action is None:
            raise Http404(f"Nothing is called {name} here.")
        access.require(request, action.permission)
        return self.carry(request, action, self.one(object_id), back=self.address("change", object_id))

    def carry(self, request: HttpRequest, action: PageAction, row: Any, *, back: str) -> HttpResponse:
        """Ask where something must be asked, then call the one action and say what came of it."""
        access.require(request, action.permission)
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        sent = (request.POST, request.FILES) if request.method == "POST" else ()
        form = action.form(*sent, row=row)
        status = 200
        if request.method == "POST" and PREVIEW in request.POST and action.preview is not None:
            return self._preview(request, action, row, form, back=back)
        if request.method == "POST" and form.is_valid():
            answer = self._attempt(request, action, row, form)
            if answer is not None:
                return answer
            status = 409
        elif request.method == "POST":
            status = 422
        return self.show(request, action.template, self._asking(action, form, row, back), status=status)

    def _asking(self, action: PageAction, form: DeskForm, row: Any, back: str) -> dict[str, Any]:
        """What the page of a form shows."""
        context = {"title": action.label, "action": action, "form": form, "row": row, "back": back}
        context["name"] = self.name_of(row) if row is not None else ""
        return context

    def _preview(
        self, request: HttpRequest, action: PageAction, row: Any, form: DeskForm, *, back: str
    ) -> HttpResponse:
        """The same page with what the action would change above the form; nothing is carried out."""
        found: Mapping[str, Any] = {}
        if form.is_valid() and action.preview is not None:
            try:
                found = action.preview(row, form.cleaned_data, access.actor_of(request), timezone.now())
            except GovernanceError as refusal:
                form.refuse(refusal)
        context = {**self._asking(action, form, row, back), "is_preview": True, **found}
        return self.show(request, action.template, context)

    def _attempt(
        self, request: HttpRequest, action: PageAction, row: Any, form: DeskForm
    ) -> HttpResponse | None:
        try:
            result = action.carry_out(row, form.cleaned_data, access.actor_of(request), timezone.now())
        except GovernanceError as refusal:
            form.refuse(refusal)
            return None
        return self.after(request, action, row, result)

    def after(self, request: HttpRequest, action: PageAction, row: Any, result: Any) -> HttpResponse:
        """Say that it is done, and go to the page of what it concerns."""
        messages.success(request, action.done.format(result))
        target = row if row is not None else result
        if self.object_template and isinstance(target, self.model):
            return HttpResponseRedirect(self.address("change", target.pk))
        return HttpResponseRedirect(self.address("changelist"))
