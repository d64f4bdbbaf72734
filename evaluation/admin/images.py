"""Images in the admin: import a dataset, look through the catalogue."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from evaluation.admin.base import PlainAdmin, on_disk, who
from evaluation.catalogue import open_original
from evaluation.copies import release_copy
from evaluation.errors import EvaluationError, ImportRefused, NotForTeaching
from evaluation.importing import plan_import, run_import
from evaluation.models import Collection, Dataset, Image, Study
from evaluation.skin_names import measured_words
from evaluation.teaching import add_cases, set_approval

THUMBNAIL = 96  # px
SHOWN_PROBLEMS = 30
AS_IT_CAME_IN = (
    "thumbnail",
    "name",
    "origin",
    "entity",
    "dataset",
    "generator",
    "generator_revision",
    "recipe",
    "licence",
    "lesion",
    "diagnosed_by",
    "sex",
    "age",
    "site",
    "skin_tone",
    "measured_skin",
    "most_similar",
    "suspected_copy",
    "teaching_approved_by",
    "width",
    "height",
)


class ImportForm(forms.ModelForm):
    """Upload a zip of images with their metadata; everything is checked before it is taken."""

    images = forms.FileField(
        label=_("Images"),
        help_text=_("A zip of JPEG or PNG files"),
        widget=forms.FileInput(attrs={"accept": ".zip"}),
    )
    metadata = forms.FileField(
        label=_("Metadata"),
        help_text=_(
            "A CSV in UTF-8 with the columns image_id and dx (akiec, bcc, bkl, df, mel, nv, vasc); "
            "lesion_id, dx_type, age, sex and localization where known"
        ),
        widget=forms.FileInput(attrs={"accept": ".csv"}),
    )
    skip_problems = forms.BooleanField(
        label=_("Leave out what has problems"),
        required=False,
        help_text=_("Otherwise a single problem keeps everything from being imported"),
    )

    class Meta:
        model = Dataset
        fields = ("name", "licence")

    def validate_unique(self) -> None:
        """Let a dataset that exists be added to."""

    def clean(self) -> dict[str, Any]:
        """Check the files wholly, so that the form says what is wrong with them."""
        data = super().clean() or {}
        if self.errors:
            return data
        with (
            on_disk(data["images"], ".zip") as source,
            on_disk(data["metadata"], ".csv") as rows,
        ):

            def named(problem: str) -> str:
                return problem.replace(source, data["images"].name).replace(
                    rows, data["metadata"].name
                )

            try:
                plan = plan_import(
                    source=source, metadata=rows, dataset=data["name"], licence=data["licence"]
                )
                self.instance = run_import(plan, source=source, skip_problems=data["skip_problems"])
                self.imported = len(plan.found)
                self.problems = [named(problem) for problem in plan.problems]
            except ImportRefused as refused:
                for problem in refused.problems[:SHOWN_PROBLEMS]:
                    self.add_error(None, named(problem))
                if (more := len(refused.problems) - SHOWN_PROBLEMS) > 0:
                    self.add_error(None, _("… and %d more") % more)
            except EvaluationError as problem:
                self.add_error(None, named(str(problem)))
        return data

    def save(self, commit: bool = True) -> Dataset:
        """Return the dataset: the import has made it."""
        return self.instance

    def save_m2m(self) -> None:
        """Nothing is left to do."""


class Approval(admin.ModelAdmin):
    """Lists in which images, or whole datasets, are approved for teaching by who is signed in."""

    actions: Sequence[str] = ("approve_for_teaching", "withdraw_approval")

    @admin.action(
        description=_("Approve for teaching, in your name"), permissions=["approve_teaching"]
    )
    def approve_for_teaching(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        """Let classes show them, if their licence does."""
        count = set_approval(chosen, actor=who(request), approved=True)
        self.message_user(request, _("Approved for teaching: %d") % count)

    @admin.action(
        description=_("Take the approval for teaching back"), permissions=["approve_teaching"]
    )
    def withdraw_approval(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        """Let no further class show them."""
        count = set_approval(chosen, actor=who(request), approved=False)
        said = _("No longer approved: %d; classes that are open keep what they show")
        self.message_user(request, said % count)

    def has_approve_teaching_permission(self, request: HttpRequest) -> bool:
        """Whoever puts collections together approves what they may hold."""
        return who(request).has_perm("evaluation.change_collection")


@admin.register(Dataset)
class DatasetAdmin(Approval, PlainAdmin):
    """Datasets; adding one imports it."""

    form = ImportForm
    add_title = _("Import real images")
    list_display = (
        "name",
        "images_count",
        "licence",
        "phantom",
        "teaching_approved_by",
        "imported_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dataset]:
        """Count the images in the same query."""
        return super().get_queryset(request).annotate(n=Count("images"))

    def get_fields(self, request: HttpRequest, obj: Dataset | None = None) -> Any:
        """Show what was imported; the files are asked for once."""
        return (
            (
                "name",
                "licence",
                "phantom",
                "teaching_approved_by",
                "imported_at",
                "images_count",
            )
            if obj
            else super().get_fields(request)
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Dataset | None = None) -> Any:
        """A dataset is what was imported."""
        return self.get_fields(request, obj) if obj else ()

    @admin.display(description=_("images"), ordering="n")
    def images_count(self, dataset: Dataset) -> int:
        """How many images the dataset holds."""
        return dataset.n  # type: ignore[attr-defined]

    def save_model(
        self, request: HttpRequest, obj: Dataset, form: ImportForm, change: bool
    ) -> None:
        """Say what came in; the form has imported it."""
        self.message_user(request, _("%d images imported.") % form.imported)
        for problem in form.problems[:SHOWN_PROBLEMS]:
            self.message_user(request, _("Left out: %s") % problem, level="warning")

    def has_change_permission(self, request: HttpRequest, obj: Dataset | None = None) -> bool:
        """A dataset is what was imported."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Dataset | None = None) -> bool:
        """A dataset is kept for the studies that use it."""
        return False


class IntoCollection(ActionForm):
    """Which collection the images that are ticked are put into."""

    collection = forms.ModelChoiceField(
        Collection.objects.all(), required=False, label=_("Collection:")
    )


@admin.register(Image)
class ImageAdmin(Approval, PlainAdmin):
    """The catalogue, less the images of studies that are open for reading.

    Nothing of an original is ever changed but what raters are told of it for practice.
    """

    list_display = ("thumbnail", "name", "entity", "origin", "source", "sex", "age", "site")
    list_display_links = ("name",)
    list_filter = ("origin", "entity", "dataset", "generator", "suspected_copy")
    search_fields = ("name", "lesion")
    list_per_page = 50
    list_select_related = ("dataset",)
    action_form = IntoCollection
    actions = ("put_into_collection", *Approval.actions)
    readonly_fields = AS_IT_CAME_IN
    fieldsets = (
        (None, {"fields": ("explanation",)}),
        (_("As it came in"), {"fields": AS_IT_CAME_IN}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Image]:
        """Leave out what would tell the truth about a sealed study."""
        open_studies = Study.objects.filter(sealed_at__isnull=False, closed_at=None)
        return super().get_queryset(request).exclude(drawn_for__study__in=open_studies)

    @admin.action(
        description=_("Put into the teaching collection"), permissions=["approve_teaching"]
    )
    def put_into_collection(self, request: HttpRequest, chosen: QuerySet[Image]) -> None:
        """Make cases of the images that are ticked."""
        collection = Collection.objects.filter(pk=request.POST.get("collection") or 0).first()
        if collection is None:
            self.message_user(request, _("Choose a collection first."), level="error")
            return
        try:
            images = chosen.select_related("dataset")
            count = add_cases(collection, images, actor=who(request))
            self.message_user(request, _("New cases in the collection: %d") % count)
        except NotForTeaching as refused:
            for problem in refused.problems[:SHOWN_PROBLEMS]:
                self.message_user(request, problem, level="error")

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of thumbnails and of the release of a suspected copy."""
        view = self.admin_site.admin_view(self.thumbnail_view)
        return [
            path("<int:pk>/thumbnail", view, name="evaluation_image_thumbnail"),
            path(
                "<int:pk>/release",
                self.admin_site.admin_view(require_POST(self.release_view)),
                name="evaluation_image_release",
            ),
            *super().get_urls(),
        ]

    def thumbnail_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a small version of an original."""
        image = self.get_queryset(request).filter(pk=pk).first()
        if image is None or not self.has_view_permission(request, image):
            raise Http404
        small = open_original(image)
        small.thumbnail((THUMBNAIL * 2, THUMBNAIL * 2))
        out = BytesIO()
        small.save(out, "JPEG", quality=85)
        return HttpResponse(
            out.getvalue(),
            content_type="image/jpeg",
            headers={"Cache-Control": "private, max-age=3600"},
        )

    def release_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let a suspected copy into studies, with a reason."""
        image = self.get_queryset(request).filter(pk=pk).first()
        if image is None or not self.has_change_permission(request, image):
            raise Http404
        try:
            release_copy(image, reason=request.POST.get("reason", ""), actor=who(request))
            self.message_user(request, _("The image may be drawn for studies now."))
        except EvaluationError as problem:
            self.message_user(request, str(problem), level="error")
        return redirect("admin:evaluation_image_change", pk)

    @admin.display(description=_("most similar photograph"))
    def most_similar(self, image: Image) -> str | SafeString:
        """The photograph that a generated image resembles most, beside it."""
        near = image.resembles
        if near is None or image.likeness is None:
            return str(_("not compared"))
        return format_html(
            '<span class="pair"><img src="{}" alt="{}"><a href="{}"><img src="{}" alt="{}"></a>'
            "</span>{} {}",
            reverse("admin:evaluation_image_thumbnail", args=[image.pk]),
            _("this image"),
            reverse("admin:evaluation_image_change", args=[near.pk]),
            reverse("admin:evaluation_image_thumbnail", args=[near.pk]),
            _("the photograph"),
            _("Likeness:"),
            f"{image.likeness:.2f}",
        )

    @admin.display(description=_("Measured skin tone"))
    def measured_skin(self, image: Image) -> str:
        """The typology angle of the skin in the pixels, and what it is not."""
        return measured_words(image)

    @admin.display(description=_("image"))
    def thumbnail(self, image: Image) -> SafeString:
        """A small picture."""
        address = reverse("admin:evaluation_image_thumbnail", args=[image.pk])
        return format_html('<img src="{}" width="{}" alt="" loading="lazy">', address, THUMBNAIL)

    @admin.display(description=_("source"))
    def source(self, image: Image) -> str:
        """The dataset or the generator."""
        return str(image.dataset or image.generator)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Images come in by import and by generation."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Image | None = None) -> bool:
        """An original is kept for the studies that use it."""
        return False
