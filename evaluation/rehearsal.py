"""A rehearsal: a draft is sealed and read over HTTP, and nothing of it stays.

Everything happens in one transaction that is rolled back. In it a copy of the draft is sealed,
raters are invited, and the product's own pages answer their browsers, as the role that the web
process has. What identifies an image is replaced by random words before, so that any of them that
turns up where raters could see it is known for a leak.
"""

import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.files.storage import storages
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import WSGIRequestHandler, WSGIServer
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, connections, transaction

from config.postgres import WEB_ROLE
from evaluation.design.items import Kind
from evaluation.invitations import invite_rater
from evaluation.models import Dataset, Image, Origin, StimulusTruth, Study, StudyImage, Trial
from evaluation.seal import Truth
from evaluation.sealing import design_of, lists_of, seal_study
from evaluation.studies import get_study

Application = Callable[..., Iterable[bytes]]


@dataclass(frozen=True)
class Planned:
    """One trial of a rehearsal, as nobody outside knows it.

    Attributes:
        kind: study, repeat, check or practice.
        stimuli: numbers of the image, or of the left and the right one.
    """

    kind: str
    stimuli: tuple[int, ...]


@dataclass(frozen=True)
class Original:
    """What a stimulus of a rehearsal was made from."""

    synthetic: bool
    entity: str
    use: str


@dataclass
class Rehearsal:
    """What an audit needs of a sealed study that it reads as a rater.

    Attributes:
        address: host and port that answer.
        host: the name under which the product answers.
        links: paths by which raters come in.
        trials: by token.
        originals: by number of the stimulus.
        of_images: random words that stand for what identifies single images, by what they are.
        of_study: words that tell what the study compares; coordinators may read them.
        hidden: whether the web process has a role of its own, from which truth is hidden.
        tables: all that this role can read, as text; filled when the rehearsal ends.
        log: what was logged meanwhile.
    """

    address: str
    host: str
    links: list[str]
    trials: dict[str, Planned]
    originals: dict[int, Original]
    of_images: dict[str, str]
    of_study: dict[str, str]
    hidden: bool
    tables: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)


#: Wraps the product while it is rehearsed.
Around = Callable[[Application, Rehearsal], Application]


class _Collected(logging.Handler):
    """Keeps what is logged as text."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class _Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def rehearse(
    slug: str, raters: int, around: Around = lambda app, rehearsal: app
) -> Iterator[Rehearsal]:
    """Seal a copy of a draft, invite raters and serve it, until the block ends.

    Args:
        slug: of a draft with its images drawn.
        raters: how many; at most those that the study was planned for.
        around: wraps the product, to plant a leak.

    Raises:
        UnknownStudy: there is no such study.
        EvaluationError, DesignImpossible: the study could not be sealed.
    """
    files: list[str] = []
    log: list[str] = []
    handler, root = _Collected(log), logging.getLogger()
    handlers = root.handlers
    study = get_study(slug)
    with transaction.atomic():
        try:
            copy, of_images, of_study = _disguised_copy(study)
            sealed = seal_study(copy, reason="rehearsal of the audit")
            files += sealed.stimuli.values_list("file", flat=True)
            invited = [invite_rater(sealed) for _ in range(raters)]
            rehearsal = Rehearsal(
                address="",
                host=next((name for name in settings.ALLOWED_HOSTS if name != "*"), "localhost"),
                links=[f"/r/{each.token}" for each in invited],
                trials=_trials(sealed),
                originals=_originals(sealed),
                of_images=of_images | {"file": _file_name(study)},
                of_study=of_study,
                hidden=_role_exists(),
                log=log,
            )
            root.handlers = [handler]
            application = around(WSGIHandler(), rehearsal)
            with _as_web_role(rehearsal.hidden), _serving(application) as address:
                rehearsal.address = address
                yield rehearsal
                if rehearsal.hidden:
                    rehearsal.tables += _readable_rows()
        finally:
            root.handlers = handlers
            transaction.set_rollback(True)
            for name in files:
                storages["stimuli"].delete(name)


def _disguised_copy(study: Study) -> tuple[Study, dict[str, str], dict[str, str]]:
    """Copy a draft with its draw, its images under random words."""
    words = {what: f"canary-{what}-{secrets.token_hex(8)}" for what in ("image", "lesion", "site")}
    drawn = list(study.drawn.select_related("image"))
    arms = {name: f"canary-generator-{secrets.token_hex(8)}" for name in study.generators}
    lesions: dict[str, str] = {}
    for number, each in enumerate(drawn):
        image = each.image
        image.name = f"{words['image']}-{number}"
        if image.lesion:
            image.lesion = lesions.setdefault(image.lesion, f"{words['lesion']}-{len(lesions)}")
        image.site = words["site"]
        image.generator = arms.get(image.generator, image.generator)
    Image.objects.bulk_update(
        [each.image for each in drawn], ["name", "lesion", "site", "generator"]
    )
    dataset = f"canary-dataset-{secrets.token_hex(8)}"
    Dataset.objects.filter(studies=study).update(name=dataset)
    copy = Study.objects.get(pk=study.pk)
    copy.pk, copy.slug = None, f"rehearsal-{secrets.token_hex(8)}"
    copy.opens_at = copy.closes_at = None
    copy.generators = list(arms.values())
    copy.raters_at_most = max(copy.raters_at_most, 2)
    copy.save(force_insert=True)
    StudyImage.objects.bulk_create(
        StudyImage(study=copy, image=each.image, use=each.use) for each in drawn
    )
    study_words = {"dataset": dataset, **{f"generator {n}": w for n, w in enumerate(arms.values())}}
    return copy, words, study_words


def _file_name(study: Study) -> str:
    """Return the folder and name of one original, as it stands in the store."""
    first = study.drawn.select_related("image").order_by("pk")[0]
    return str(first.image.file.name)


def _trials(study: Study) -> dict[str, Planned]:
    rows = Trial.objects.filter(session__rater__study=study).values_list(
        "token", "kind", "stimulus__number", "beside__number"
    )
    return {
        token: Planned(kind, (number,) if beside is None else (number, beside))
        for token, kind, number, beside in rows
    }


def _originals(study: Study) -> dict[int, Original]:
    rows = StimulusTruth.objects.filter(stimulus__study=study).values_list(
        "stimulus__number", "origin", "entity", "use"
    )
    return {
        number: Original(origin == "synthetic", entity, use) for number, origin, entity, use in rows
    }


def _role_exists() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_roles WHERE rolname = %s AND pg_has_role(oid, 'MEMBER')", [WEB_ROLE]
        )
        return cursor.fetchone() is not None


@contextmanager
def _as_web_role(hidden: bool) -> Iterator[None]:
    """Read and write as the web process does."""
    if not hidden:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {WEB_ROLE}")
    try:
        yield
    finally:
        if not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("RESET ROLE")


def _readable_rows() -> list[str]:
    """Return every row of every table and view that the present role can read, as text."""
    rows = []
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor, include_views=True)):
            cursor.execute(f'SELECT each::text FROM "{table}" each')
            rows += [f"{table}: {row}" for (row,) in cursor.fetchall()]
    return rows


@contextmanager
def _serving(application: Application) -> Iterator[str]:
    """Answer HTTP on a free port of this machine, within the present transaction."""
    shared = connections["default"]
    server = WSGIServer(("127.0.0.1", 0), _Quiet)
    server.set_app(application)

    def answer() -> None:
        connections["default"] = shared
        server.serve_forever(poll_interval=0.05)

    signals = (request_started, request_finished)
    for signal in signals:  # else Django would close the connection, and the transaction with it
        signal.disconnect(close_old_connections)
    shared.inc_thread_sharing()
    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        shared.dec_thread_sharing()
        for signal in signals:
            signal.connect(close_old_connections)


def orders_of(slug: str, at_least: int) -> list[list[int]]:
    """Return the origins in the order of so many reading lists of a draft.

    Origins are 1 for synthetic; of a pair it is that of the left image. Practice is left out.

    Raises:
        DesignImpossible: no order keeps what the design asks for.
    """
    study = get_study(slug)
    rows = study.drawn.values_list("image__entity", "image__origin", "image__generator", "use")
    truths = [Truth(number, "", "", *row) for number, row in enumerate(rows)]
    synthetic = [int(truth.origin == Origin.SYNTHETIC) for truth in truths]
    design = design_of(study)
    orders: list[list[int]] = []
    while len(orders) < at_least:
        lists: list[dict[str, Any]] = lists_of(design, truths, secrets.token_hex(16))
        orders += [
            [synthetic[number] for number, _, kind, _ in each["showings"] if kind != Kind.PRACTICE]
            for each in lists
        ]
    return orders
