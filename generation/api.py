"""Batches by the API: the same services as the desk and the command, in JSON.

Whoever may add batches at the desk signs in with name and password (HTTP Basic, so over HTTPS), or
by the desk's own session.
"""

from typing import Any

from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers, status
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.exceptions import Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evaluation.catalogue import read_original
from evaluation.errors import EvaluationError
from evaluation.signing_in import seconds_to_wait
from generation.batches import OWN_WEIGHTS, Asked, images_of, plan_batch, progress_of
from generation.engine.generator import GenerationError, ImageRequest
from generation.engine.lesions import LONGEST, written_from_text
from generation.engine.registry import generator_names, vocabulary_of
from generation.models import Batch
from generation.tasks import start_batch
from generation.tones import NOTE, reached_csv, reached_tones

MOST = 10_000  # images of each entity
LARGEST_SEED = 2**62
MOST_VALUES = 100  # of a list


class LimitedBasicAuthentication(BasicAuthentication):
    """Name and password, which are limited as on the desk's page; 429 says how long to wait."""

    def authenticate_credentials(
        self, userid: str, password: str, request: Request | None = None
    ) -> tuple[User, None]:
        """Return the account.

        Raises:
            Throttled: too many passwords were wrong.
            AuthenticationFailed: this one is, or the name.
        """
        if seconds := seconds_to_wait(userid):
            raise Throttled(seconds, _("Too many wrong passwords for this account."))
        account: tuple[User, None] = super().authenticate_credentials(userid, password, request)
        return account


class MayGenerate(BasePermission):
    """Those who may add batches at the desk."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether an account may."""
        return bool(request.user.is_staff and request.user.has_perm("generation.add_batch"))


class DeskView(APIView):
    """Base of what accounts of the desk may call."""

    authentication_classes = (LimitedBasicAuthentication, SessionAuthentication)
    permission_classes = (MayGenerate,)


class BatchSerializer(serializers.Serializer):
    """What is asked of a batch; the generator's vocabulary says what of it is honoured."""

    generator = serializers.CharField(max_length=64)
    per_entity = serializers.IntegerField(min_value=1, max_value=MOST)
    entities = serializers.ListField(
        child=serializers.CharField(max_length=16), default=list, max_length=MOST_VALUES
    )
    seed = serializers.IntegerField(min_value=0, max_value=LARGEST_SEED, default=0)
    prompt = serializers.CharField(max_length=300, required=False)
    sex = serializers.CharField(max_length=16, required=False)
    age = serializers.FloatField(min_value=0, max_value=110, required=False)
    site = serializers.CharField(max_length=60, required=False)
    tones = serializers.ListField(
        child=serializers.FloatField(), default=list, max_length=MOST_VALUES
    )
    lesion = serializers.CharField(max_length=LONGEST, required=False)
    guidance = serializers.FloatField(required=False)
    steps = serializers.IntegerField(required=False, max_value=1000)
    size = serializers.IntegerField(default=ImageRequest.size)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what would be ignored."""
        if unknown := sorted(set(self.initial_data) - set(self.fields)):
            raise serializers.ValidationError(
                f"{', '.join(unknown)}: unknown; use {', '.join(self.fields)}"
            )
        return attrs

    def validate_lesion(self, value: str) -> str:
        """Take a lesion in numbers, or a mask of any size."""
        try:
            return written_from_text(value)
        except GenerationError as problem:
            raise serializers.ValidationError(str(problem)) from problem


class GeneratorsView(DeskView):
    """The generators, and what each can be asked for."""

    def get(self, request: Request) -> Response:
        """List them; of one that is broken, why."""
        return Response({"generators": [_generator(name) for name in generator_names(OWN_WEIGHTS)]})


class BatchesView(DeskView):
    """Batches begin here."""

    def post(self, request: Request) -> Response:
        """Begin a batch; the same request again gives the same batch, gone on with if stopped."""
        wish = BatchSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        data = dict(wish.validated_data)
        asked = Asked(**{name: data.pop(name, None) for name in Asked.__dataclass_fields__})
        begun = timezone.now()
        try:
            batch = plan_batch(**data, asked=asked, actor=request.user)
        except GenerationError as problem:
            return Response({"detail": str(problem)}, status.HTTP_400_BAD_REQUEST)
        new = batch.created_at >= begun
        start_batch(batch, request.user)
        return Response(_told(batch), status.HTTP_201_CREATED if new else status.HTTP_200_OK)


class BatchView(DeskView):
    """One batch."""

    def get(self, request: Request, pk: int) -> Response:
        """Say how far it is, with the images that are made, less those of open studies."""
        return Response(_told(get_object_or_404(Batch, pk=pk)))


class BatchImageView(DeskView):
    """One image of a batch."""

    def get(self, request: Request, pk: int, image: int) -> HttpResponse:
        """Send the original, with its provenance inside."""
        found = images_of(get_object_or_404(Batch, pk=pk)).filter(pk=image).first()
        if found is None:
            raise Http404
        try:
            return HttpResponse(read_original(found), content_type="image/png")
        except EvaluationError as problem:
            raise Http404 from problem


class BatchTonesView(DeskView):
    """Skin tones of a batch: asked for, and reached."""

    def get(self, request: Request, pk: int) -> Response:
        """Return them by tone and entity."""
        batch = get_object_or_404(Batch, pk=pk)
        rows = [each.as_json() for each in reached_tones(batch)]
        return Response(
            {
                "batch": batch.pk,
                "generator": batch.generator,
                "revision": batch.revision,
                "note": NOTE,
                "tones": rows,
            }
        )


class BatchTonesCsvView(DeskView):
    """The same as a table."""

    def get(self, request: Request, pk: int) -> HttpResponse:
        """Send it as a file."""
        batch = get_object_or_404(Batch, pk=pk)
        name = f'attachment; filename="batch-{batch.pk}-tones.csv"'
        return HttpResponse(
            reached_csv(batch), content_type="text/csv", headers={"Content-Disposition": name}
        )


def _generator(name: str) -> dict[str, object]:
    try:
        known = vocabulary_of(name, OWN_WEIGHTS)
    except GenerationError as problem:
        return {"name": name, "problem": str(problem)}
    return {
        "name": name,
        "entities": known.entities,
        "controls": sorted(known.controls & {*BatchSerializer().fields, "tone"}),
        **known.usual,
    }


def _told(batch: Batch) -> dict[str, object]:
    batch.refresh_from_db()
    made, total = progress_of(batch)
    seen = batch.planned.filter(image__in=images_of(batch)).select_related("image")
    return {
        "batch": batch.pk,
        "generator": batch.generator,
        "revision": batch.revision,
        "entities": batch.entities,
        "per_entity": batch.per_entity,
        "seed": batch.seed,
        **batch.asked,
        "tones": batch.tones,
        "guidance": batch.guidance,
        "steps": batch.steps,
        "size": batch.size,
        "made": made,
        "total": total,
        "stopped": batch.stopped,
        "problem": batch.problem,
        "images": [
            {
                "name": planned.image.name,
                "entity": planned.entity,
                "seed": planned.seed,
                "tone": planned.tone,
                "measured_tone": planned.image.measured_tone,
                "sha256": planned.image.sha256,
                "suspected_copy": planned.image.suspected_copy,
                "file": reverse("api_batch_image", args=[batch.pk, planned.image.pk]),
            }
            for planned in seen.order_by("index")
            if planned.image
        ],
    }
