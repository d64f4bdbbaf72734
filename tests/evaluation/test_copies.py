"""Suspected copies: found whatever was done to them, kept out of studies, released by people."""

from io import BytesIO, StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from PIL import Image as Picture

from benchmarks.copies import disguised
from evaluation.accounts import create_account
from evaluation.catalogue import open_original
from evaluation.copies import STORED, find_copies, release_copy
from evaluation.errors import EvaluationError
from evaluation.likeness import COPY, PhotographIndex, shrunk
from evaluation.models import AuditEvent, Image
from evaluation.studies import available_images
from tests.conftest import PACK, add_synthetic_image, demo_ids

PLANTED = 30


@pytest.fixture
def pictures(photographs):
    """Photographs of different lesions, where there are some."""
    if photographs is None:
        pytest.skip("needs photographs: phantoms are too alike to tell a copy from")
    from evaluation.sources import Source

    source = Source(f"{photographs / PACK}/images")
    files = {name.rsplit("/", 1)[-1].split(".")[0]: name for name in source.names()}
    return [
        Picture.open(BytesIO(source.read(files[row["image_id"]], 10**8)))
        for row in demo_ids()[: 2 * PLANTED]
    ]


@pytest.fixture
def index(pictures):
    known = PhotographIndex()
    for picture in pictures:
        known.add(shrunk(picture))
    return known


def test_planted_copies_are_found_and_other_lesions_are_not(index, pictures):
    copies = [
        index.nearest(disguised(pictures[k], np.random.default_rng(k))) for k in range(PLANTED)
    ]
    others = [
        index.nearest(disguised(pictures[k], np.random.default_rng(k)), leave_out=[k])
        for k in range(PLANTED)
    ]

    assert [near.index for near in copies] == list(range(PLANTED))
    assert min(near.likeness for near in copies) >= COPY
    assert max(near.likeness for near in others) < COPY


def test_copies_that_are_as_wide_as_their_photographs_are_found(index, pictures):
    """Images made elsewhere need not be square."""
    wide = [picture.convert("RGB").transpose(Picture.Transpose.ROTATE_180) for picture in pictures]

    copies = [index.nearest(each) for each in wide[:PLANTED]]

    assert [near.index for near in copies] == list(range(PLANTED))
    assert min(near.likeness for near in copies) >= COPY


def test_photographs_that_were_squeezed_to_squares_are_found(index, pictures):
    """As many generators are trained on them, and paint."""
    few = range(6)
    squeezed = [disguised(pictures[k], np.random.default_rng(k), squeezed=True) for k in few]

    copies = [index.nearest(each) for each in squeezed]
    others = [index.nearest(each, leave_out=[k]) for k, each in enumerate(squeezed)]

    assert [near.index for near in copies] == list(few)
    assert min(near.likeness for near in copies) >= COPY
    assert max(near.likeness for near in others) < COPY


def test_an_index_of_an_earlier_version_is_made_anew(index, tmp_path):
    index._coarse = [coarse[1:] for coarse in index._coarse]  # it chose by squares alone
    index.save(tmp_path / "index.npz", "one")

    assert PhotographIndex.load(tmp_path / "index.npz", "one") is None


def test_an_index_comes_back_as_it_was_stored_and_under_its_key_only(index, pictures, tmp_path):
    index.save(tmp_path / "index.npz", "one")

    again = PhotographIndex.load(tmp_path / "index.npz", "one")

    image = disguised(pictures[3], np.random.default_rng(3))
    assert again.nearest(image) == index.nearest(image)
    assert PhotographIndex.load(tmp_path / "index.npz", "two") is None
    (tmp_path / "index.npz").write_bytes(b"PK broken")
    assert PhotographIndex.load(tmp_path / "index.npz", "one") is None
    with pytest.raises(ValueError, match="no photographs"):
        PhotographIndex().nearest(image)


def made(pixels, name, entity="mel"):
    return add_synthetic_image(pixels=pixels, name=name, entity=entity, generator="copier")


@pytest.fixture
def copy_and_noise(real_images):
    """A generated image that copies a photograph, and one that does not."""
    original = Image.objects.filter(dataset=real_images, entity="mel").order_by("pk").first()
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8)
    return (
        made(np.asarray(disguised(open_original(original), np.random.default_rng(1))), "copy"),
        made(noise, "noise"),
        original,
    )


def test_a_copy_is_marked_and_no_study_draws_it(copy_and_noise, real_images):
    copy, noise, original = copy_and_noise

    compared = find_copies(Image.objects.all())

    copy.refresh_from_db()
    noise.refresh_from_db()
    assert (compared.images, compared.suspected) == (2, 1)
    assert compared.photographs == real_images.images.count()
    assert copy.suspected_copy
    assert copy.resembles == original
    assert not noise.suspected_copy
    drawable = available_images(real_images, ["copier"], ["mel"])
    assert noise in drawable
    assert copy not in drawable
    assert find_copies(Image.objects.all()).images == 0  # all are compared
    assert find_copies(Image.objects.all(), again=True).images == 2


def test_photographs_that_come_later_are_compared_with_too(copy_and_noise):
    find_copies(Image.objects.all())
    before = STORED.stat().st_mtime_ns
    Image.objects.filter(origin="real").last().delete()

    find_copies(Image.objects.all(), again=True)

    assert STORED.stat().st_mtime_ns > before


def test_somebody_who_has_looked_lets_a_suspected_copy_in(client, copy_and_noise, real_images):
    copy, noise, _ = copy_and_noise
    find_copies(Image.objects.all())
    client.login(username="c", password=create_account("c"))
    page = client.get(reverse("admin:evaluation_image_change", args=[copy.pk])).content.decode()
    address = reverse("admin:evaluation_image_release", args=[copy.pk])

    nothing = client.post(address, {"reason": " "}, follow=True).content.decode()
    done = client.post(address, {"reason": "another lesion"}, follow=True).content.decode()

    assert "Suspected to be a copy" in page
    assert "Say why this image is no copy" in nothing
    assert "may be drawn for studies now" in done
    assert "Suspected to be a copy" not in done
    assert copy in available_images(real_images, ["copier"], ["mel"])
    event = AuditEvent.objects.get(act="release_copy")
    assert (event.who, event.detail["reason"]) == ("c", "another lesion")
    with pytest.raises(EvaluationError, match="is not suspected"):
        release_copy(noise, reason="x")


def test_the_command_says_what_it_compared(copy_and_noise):
    out = StringIO()

    call_command("check_copies", "copier", stdout=out)

    assert "2 images compared with" in out.getvalue()
    assert "1 suspected copies" in out.getvalue()


def test_the_command_says_what_is_missing(db):
    with pytest.raises(CommandError, match="no such generated images"):
        call_command("check_copies")
    made(np.zeros((8, 8, 3), np.uint8), "black")
    with pytest.raises(CommandError, match="no photographs to compare with"):
        call_command("check_copies")
