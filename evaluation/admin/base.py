"""What the coordinator's pages share."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from evaluation.signing_in import SignInForm

admin.site.site_header = "DermTuring"
admin.site.index_title = _("Run a study")
admin.site.login_form = SignInForm


def who(request: HttpRequest) -> User:
    """Return the account behind a request of the admin, which lets nobody else in."""
    return cast(User, request.user)


@contextmanager
def on_disk(upload: UploadedFile, suffix: str) -> Iterator[str]:
    """Give an upload a path, wherever Django keeps it."""
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        for chunk in upload.chunks():
            file.write(chunk)
        file.flush()
        yield file.name


class PlainAdmin(admin.ModelAdmin):
    """A page with one button that does the one thing which the page is for.

    `add_title` is what the page for adding is called.
    """

    add_title: Any = ""  # a text, or one to be translated

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Leave out the buttons that nobody needs, and say in a title what is done."""
        plain = {
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
            "title": str(self.opts.verbose_name).capitalize() if object_id else self.add_title,
        }
        return super().changeform_view(
            request, object_id, form_url, {**plain, **(extra_context or {})}
        )
