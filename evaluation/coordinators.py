"""Coordinators: accounts that may run studies, and nothing else."""

import secrets

from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import Q

from evaluation.errors import EvaluationError

GROUP = "Coordinators"
#: What a coordinator may do, by app and model.
MAY = {
    ("evaluation", "dataset"): ("add", "view"),
    ("evaluation", "image"): ("change", "view"),
    ("evaluation", "ownentity"): ("add", "change", "view"),
    ("evaluation", "study"): ("add", "change", "view"),
    ("evaluation", "rater"): ("view",),
    ("evaluation", "auditevent"): ("view",),
    ("generation", "batch"): ("add", "view"),
}


@transaction.atomic
def create_coordinator(name: str) -> str:
    """Create an account and return its password, which is kept nowhere.

    Raises:
        EvaluationError: the name is taken.
    """
    if User.objects.filter(username=name).exists():
        raise EvaluationError(f"an account '{name}' exists already; choose another name")
    password = secrets.token_urlsafe(12)
    user = User.objects.create_user(name, password=password, is_staff=True)
    user.groups.add(_group())
    return password


def _group() -> Group:
    """Return the group with its permissions as they stand above."""
    group, _ = Group.objects.get_or_create(name=GROUP)
    wanted = Q()
    for (app, model), verbs in MAY.items():
        codes = [f"{verb}_{model}" for verb in verbs]
        wanted |= Q(content_type__app_label=app, codename__in=codes)
    group.permissions.set(Permission.objects.filter(wanted))
    return group
