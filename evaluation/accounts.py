"""Accounts of the desk, by role: who runs a study, who opens its truth, who analyses it.

Photographs that are de-identified have roles of their own: who submits, who reviews, who approves.

Raters have no accounts, and whoever has one reads no study.
"""

import secrets
from collections.abc import Sequence
from enum import StrEnum

from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import Q

from evaluation.errors import EvaluationError


class Role(StrEnum):
    """What an account is for; one may have several."""

    COORDINATOR = "coordinator"
    OFFICER = "officer"
    ANALYST = "analyst"
    AUTHOR = "author"
    REVIEWER = "reviewer"
    EDITOR = "editor"


#: What each role is called in the list of groups.
GROUPS = {
    Role.COORDINATOR: "Coordinators",
    Role.OFFICER: "Unblinding officers",
    Role.ANALYST: "Analysts",
    Role.AUTHOR: "Authors",
    Role.REVIEWER: "Reviewers",
    Role.EDITOR: "Editors",
}
#: What each role may do, by app and model.
MAY: dict[Role, dict[tuple[str, str], tuple[str, ...]]] = {
    Role.COORDINATOR: {
        ("evaluation", "dataset"): ("add", "view"),
        ("evaluation", "image"): ("change", "view"),
        ("evaluation", "ownentity"): ("add", "change", "view"),
        ("evaluation", "collection"): ("add", "change", "view"),
        ("evaluation", "case"): ("change", "delete", "view"),
        ("evaluation", "study"): ("add", "change", "view"),
        ("evaluation", "rater"): ("view",),
        ("evaluation", "auditevent"): ("view",),
        ("generation", "batch"): ("add", "view"),
        ("generation", "submission"): ("add", "view"),
    },
    Role.OFFICER: {
        ("evaluation", "study"): ("view", "unblind"),
        ("evaluation", "auditevent"): ("view",),
    },
    Role.ANALYST: {("evaluation", "study"): ("view",)},
    Role.AUTHOR: {("generation", "submission"): ("add",)},
    Role.REVIEWER: {("generation", "submission"): ("review",)},
    Role.EDITOR: {("generation", "submission"): ("approve",)},
}


@transaction.atomic
def create_account(name: str, roles: Sequence[str] = (Role.COORDINATOR,)) -> str:
    """Create an account and return its password, which is kept nowhere.

    Raises:
        EvaluationError: the name is taken.
    """
    if User.objects.filter(username=name).exists():
        raise EvaluationError(f"an account '{name}' exists already; choose another name")
    password = secrets.token_urlsafe(12)
    user = User.objects.create_user(name, password=password, is_staff=True)
    user.groups.set(_group(Role(role)) for role in roles)
    return password


def is_of_the_desk(label: str) -> bool:
    """Tell whether a rater's name or e-mail is that of an account."""
    return User.objects.filter(Q(username__iexact=label) | Q(email__iexact=label)).exists()


def _group(role: Role) -> Group:
    """Return the role's group with its permissions as they stand above."""
    group, _ = Group.objects.get_or_create(name=GROUPS[role])
    wanted = Q()
    for (app, model), verbs in MAY[role].items():
        codes = [f"{verb}_{model}" for verb in verbs]
        wanted |= Q(content_type__app_label=app, codename__in=codes)
    group.permissions.set(Permission.objects.filter(wanted))
    return group
