"""Submissions: who may do what, what is written down, what blocks, and what never leaves."""

import io
import json
import re
import time
import zipfile

import numpy as np
import pytest
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from PIL import Image as Picture
from skimage import data

from evaluation.models import Image
from generation import deidentification
from generation.engine import masked
from generation.models import Submission, SubmissionState
from generation.submissions import services
from generation.submissions.links import LIFETIME, link_token
from generation.submissions.services import SubmissionRefused
from tests.evaluation.test_permissions import ask
from tests.generation.submitting import asked, disc, picture, shown

pytestmark = pytest.mark.django_db


def reviewed(submission, people):
    services.look_at_original(submission, people["reviewer"])
    services.pass_on(submission, people["reviewer"], nothing_left=True)
    return submission


def approved(submission, people):
    services.approve_copy(reviewed(submission, people), people["editor"])
    return submission


def acts(submission):
    trail = services.trail_of(submission).order_by("pk")
    return [(each.act, each.who) for each in trail]


WAITING = """
address         method         anonymous author other reviewer second editor coordinator analyst
submissions     GET            login     yes    yes   yes      yes    yes    yes         no
submit          GET            login     yes    yes   no       no     no     yes         no
submit          POST           login     422    422   no       no     no     422         no
submit_propose  POST           login     422    422   no       no     no     422         no
submission      GET            login     yes    none  yes      yes    yes    none        no
look            POST           login     no     no    to       to     no     no          no
original        GET            login     no     no    yes      no     no     no          no
copy            GET            login     none   none  yes      yes    yes    none        no
export          GET            login     no     none  no       no     no     none        no
again           POST           login     to     none  no       no     no     none        no
pass            POST           login     no     no    to       to     no     no          no
return          POST           login     no     no    to       to     to     no          no
approve         POST           login     no     no    no       no     to     no          no
forget          POST           login     no     no    no       no     to     no          no
take            POST           login     no     no    no       no     no     none        no
"""
APPROVED = """
address         method         anonymous author other reviewer second editor coordinator analyst
submission      GET            login     yes    none  yes      yes    yes    yes         no
original        GET            login     no     no    yes      no     no     no          no
copy            GET            login     yes    none  yes      yes    yes    yes         no
export          GET            login     yes    none  yes      yes    yes    yes         no
take            POST           login     no     no    no       no     no     to          no
"""


@pytest.mark.parametrize("state", ["waiting", "approved"])
def test_every_address_answers_every_role_as_it_is_written(made, people, browsers, state):
    if state == "approved":
        approved(made, people)
    (_address, _method, *roles), *rows = [
        line.split() for line in (APPROVED if state == "approved" else WAITING).strip().splitlines()
    ]
    token = link_token(made, people["reviewer"])

    wrong = []
    for name, method, *words in rows:
        given = {"original": [token], "submissions": [], "submit": [], "submit_propose": []}
        route = name if name.startswith("subm") else f"submission_{name}"
        path = reverse(route, args=given.get(name, [made.pk]))
        for role, word in zip(roles, words, strict=True):
            said, _body = ask(browsers[role], method, path)
            if said != word:
                wrong.append((name, method, role, said, word))
    assert not wrong


def test_a_photograph_goes_its_way_to_the_catalogue_and_only_the_copy_leaves(
    tiny, people, browsers, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        reply = browsers["author"].post(reverse("submit"), asked())
    submission = Submission.objects.get()
    page = reverse("submission", args=[submission.pk])
    assert reply.url == page
    stored = b"".join(
        storages["submissions"].open(f"{submission.folder}/{name}").read()
        for name in storages["submissions"].listdir(str(submission.folder))[1]
    )
    assert not any(word in stored for word in (b"Jane", b"Exif", b"eXIf"))
    assert (
        "waits for a reviewer" in browsers["reviewer"].get(reverse("submissions")).content.decode()
    )

    link = browsers["reviewer"].post(reverse("submission_look", args=[submission.pk])).url
    token = browsers["reviewer"].get(link).context["look"]
    seen = browsers["reviewer"].get(reverse("submission_original", args=[token]))
    assert (seen["Content-Type"], seen["Cache-Control"]) == ("image/jpeg", "private, no-store")
    assert seen["X-Content-Type-Options"] == "nosniff"
    assert Picture.open(io.BytesIO(seen.content)).size == (384, 288)
    browsers["reviewer"].post(f"{page}pass", {"nothing_left": "on"})
    browsers["editor"].post(f"{page}approve")
    exported = browsers["author"].get(f"{page}copy.zip")
    browsers["coordinator"].post(f"{page}take")
    browsers["editor"].post(f"{page}forget")

    with zipfile.ZipFile(io.BytesIO(exported.content)) as packed:
        name = f"deidentified-{submission.pk}"
        assert packed.namelist() == [f"{name}.png", f"{name}.json"]
        copy = Picture.open(io.BytesIO(packed.read(f"{name}.png")))
        report = json.loads(packed.read(f"{name}.json"))
    original = np.asarray(Picture.open(io.BytesIO(picture(shown(), "JPEG", quality=95))))
    assert copy.info == {}
    assert np.array_equal(np.asarray(copy)[disc()], original[disc()])
    assert report["licence"] == "CC-BY-4.0 AND CC0-1.0"
    image = Image.objects.get()
    assert (image.origin, image.generator) == ("synthetic", "deidentified-tiny")
    assert (image.entity, image.sex, image.age, image.site) == ("mel", "female", 45, "back")
    submission.refresh_from_db()
    assert (submission.image, submission.original.name, submission.mask.name) == (image, "", "")
    assert storages["submissions"].listdir(str(submission.folder))[1] == ["copy-0.png"]
    assert acts(submission) == [
        ("submit_photograph", "author"),
        ("make_copy", ""),
        ("view_original", "reviewer"),
        ("pass_submission", "reviewer"),
        ("approve_copy", "editor"),
        ("export_copy", "author"),
        ("take_copy", "coordinator"),
        ("delete_original", "editor"),
    ]
    assert browsers["reviewer"].get(seen.request["PATH_INFO"]).status_code == 404


def test_a_link_opens_the_original_for_one_reviewer_and_five_minutes(
    made, people, browsers, monkeypatch
):
    token = link_token(made, people["reviewer"])
    path = reverse("submission_original", args=[token])
    assert browsers["reviewer"].get(path).status_code == 200
    assert browsers["second"].get(path).status_code == 403
    assert (
        browsers["reviewer"].get(path[:-1] + ("a" if path[-1] != "a" else "b")).status_code == 403
    )
    later = time.time() + LIFETIME.total_seconds() + 1
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)

    assert browsers["reviewer"].get(path).status_code == 403
    page = browsers["reviewer"].get(
        reverse("submission", args=[made.pk]), {"look": token}, follow=True
    )
    assert "The link has expired" in page.content.decode()
    assert [who for act, who in acts(made) if act == "view_original"] == ["reviewer"]


def test_failed_checks_leave_no_copy_and_block_approval(tiny, people, browsers, monkeypatch):
    """Planted fault: the surroundings shine through."""

    def shining(image, task, window, octaves):
        return (0.5 * joined(image, task, window, octaves) + 0.5 * task.photograph).astype(np.uint8)

    joined = masked._joined
    with monkeypatch.context() as planted:
        planted.setattr(masked, "_joined", shining)
        wish = deidentification.Wish(generator="tiny", entity="mel")
        submission = services.submit_photograph(
            author=people["author"], photograph=shown(), keep=disc(), wish=wish, licence="CC0-1.0"
        )
        services.make_copy(submission)

    assert (submission.state, submission.copy.name) == (SubmissionState.FAILED, "")
    page = browsers["author"].get(reverse("submission", args=[submission.pk]))
    signs = {line.what.split()[0]: line.sign for line in page.context["page"].lines}
    assert signs["Likeness"] == "failed"
    for state in (SubmissionState.FAILED, SubmissionState.REVIEWED):
        Submission.objects.filter(pk=submission.pk).update(state=state)
        with pytest.raises(SubmissionRefused):
            services.approve_copy(submission, people["editor"])
    with pytest.raises(IntegrityError), transaction.atomic():
        Submission.objects.filter(pk=submission.pk).update(
            state=SubmissionState.APPROVED,
            approved_by=people["editor"],
            reviewed_by=people["reviewer"],
        )
    Submission.objects.filter(pk=submission.pk).update(state=SubmissionState.FAILED)
    services.make_another(submission, people["author"])
    services.make_copy(submission)
    assert (submission.state, submission.seed) == (SubmissionState.MADE, 1)


def test_a_face_inside_the_mask_is_pointed_out_to_the_reviewer(tiny, people, browsers):
    rows, columns = np.indices((512, 512))
    submission = services.submit_photograph(
        author=people["author"],
        photograph=data.astronaut(),
        keep=np.hypot(rows - 110, columns - 220) < 80,
        wish=deidentification.Wish(generator="tiny", entity="mel"),
        licence="CC0-1.0",
    )

    services.make_copy(submission)

    page = browsers["reviewer"].get(reverse("submission", args=[submission.pk]))
    lines = {line.what: line for line in page.context["page"].lines}
    inside = lines["What looks like a face, inside the mask"]
    assert (inside.found, inside.sign) == ("1", "look")
    assert lines["What looks like a face, in the new surroundings"].sign == "ok"
    assert "a face would stay as it is" in page.content.decode()


def test_a_copy_that_was_exchanged_is_not_approved(made, people):
    reviewed(made, people)
    store = storages["submissions"]
    other = np.array(Picture.open(store.open(made.copy.name)))
    other[0, 0] ^= 1
    store.delete(made.copy.name)
    store.save(made.copy.name, io.BytesIO(picture(other)))

    with pytest.raises(SubmissionRefused, match="not the one that was checked"):
        services.approve_copy(made, people["editor"])
    made.refresh_from_db()
    assert made.state == SubmissionState.REVIEWED


def test_nobody_decides_on_their_own_or_without_having_looked(made, people):
    with pytest.raises(SubmissionRefused, match="Look at the original first"):
        services.pass_on(made, people["reviewer"], nothing_left=True)
    services.look_at_original(made, people["reviewer"])
    with pytest.raises(SubmissionRefused, match="face, tattoo or writing"):
        services.pass_on(made, people["reviewer"], nothing_left=False)
    with pytest.raises(SubmissionRefused, match="not what comes next"):
        services.approve_copy(made, people["editor"])
    with pytest.raises(SubmissionRefused, match="why"):
        services.return_submission(made, people["editor"], reason=" ")
    Submission.objects.filter(pk=made.pk).update(author=people["everything"])
    own = people["everything"]
    services.look_at_original(made, own)
    with pytest.raises(SubmissionRefused, match="somebody else"):
        services.pass_on(made, own, nothing_left=True)
    reviewed(made, people)
    with pytest.raises(SubmissionRefused, match="somebody else"):
        services.approve_copy(made, own)
    with pytest.raises(IntegrityError), transaction.atomic():
        Submission.objects.filter(pk=made.pk).update(approved_by=own)


def test_a_reviewer_is_asked_to_look_first_and_reads_in_words_what_was_done(made, browsers):
    address = reverse("submission", args=[made.pk])
    pass_on = reverse("submission_pass", args=[made.pk])
    reviewer = browsers["reviewer"]
    before = reviewer.get(address).content.decode()

    answer = reviewer.post(reverse("submission_look", args=[made.pk]), follow=True)
    looking = answer.content.decode()
    link = re.search(r"/deidentify/original/[^\"]+", looking)[0]
    reviewer.get(link)
    after = reviewer.get(address, headers={"Accept-Language": "de"}).content.decode()

    assert pass_on not in before
    assert "Look at the original; then you can pass it on." in before
    assert pass_on in looking
    assert pass_on in after
    for words in ("hat das Foto eingereicht", "der Server", "hat das Original gesehen"):
        assert words in after
    assert "view_original" not in after


def test_the_desk_receives_accounts_that_run_no_study(people, browsers):
    author, reviewer = (browsers[name].get("/admin/") for name in ("author", "reviewer"))

    assert f'href="{reverse("submit")}"' in author.content.decode()
    assert f'href="{reverse("submit")}"' not in reviewer.content.decode()
    assert f'href="{reverse("submissions")}"' in reviewer.content.decode()
    assert "<h1>Run a study" not in author.content.decode()


def test_a_returned_submission_says_why_and_its_original_is_deleted_in_time(
    made, people, browsers, capsys
):
    with pytest.raises(SubmissionRefused):
        services.delete_original(made, people["editor"])
    services.return_submission(made, people["reviewer"], reason="A tattoo is inside the mask")

    page = browsers["author"].get(reverse("submission", args=[made.pk])).content.decode()
    assert "A tattoo is inside the mask" in page
    assert "/deidentify/new?entity=mel" in page
    call_command("delete_originals", days=1)
    call_command("delete_originals", days=0, dry_run=True)
    assert storages["submissions"].exists(made.original.name)
    call_command("delete_originals", days=0)
    assert capsys.readouterr().out.split("\n")[:3] == [
        "0 originals were deleted",
        "1 originals would be deleted",
        "1 originals were deleted",
    ]
    assert storages["submissions"].listdir(str(made.folder))[1] == ["copy-0.png"]
    assert acts(made)[-1] == ("delete_original", "")


def test_a_form_of_another_site_is_refused(made, people):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(people["editor"])

    reply = browser.post(reverse("submission_approve", args=[made.pk]))

    assert reply.status_code == 403
