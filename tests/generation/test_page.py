"""The page that generates images: its form, what it refuses, progress, what it never shows."""

import json
import os
from io import BytesIO

import pytest
from django.urls import reverse
from django.utils import timezone
from PIL import Image as PillowImage

from evaluation.models import Image
from generation.batches import (
    Asked,
    get_batch,
    next_seed,
    plan_batch,
    progress_of,
    run_batch,
    stop_batch,
)
from generation.engine.generator import GenerationError
from generation.engine.recipe import PipelineRecipe
from generation.engine.registry import keep_generator
from generation.forms import GenerateForm, filled_in
from generation.models import Batch
from generation.standing import State, standing_of
from tests.generation.test_batches import Painter
from tests.generation.tiny_pipeline import save_tiny_pipeline

PAGE = "/generate/"
CHOSEN = {"by": "choices", "entity": "nv", "sex": "female", "age": "40", "site": "back"}
ASKED = {"generator": "dermdiff", "count": "3", "guidance": "2", "steps": "2"}


@pytest.fixture
def open_generator(monkeypatch, tmp_path):
    """Describe a pipeline, whose words are free, as a generator beside dermdiff."""
    for module in ("forms", "batches"):
        monkeypatch.setattr(f"generation.{module}.OWN_WEIGHTS", tmp_path)
    recipe = PipelineRecipe("nowhere", "CC0-1.0", template="a photo of {entity}{place}{person}")
    recipe.write(tmp_path / "open")
    return "open"


def planned(count=3, **more):
    return plan_batch(
        generator="dermdiff",
        entities=["mel"],
        per_entity=count,
        seed=next_seed("dermdiff"),
        consecutive=True,
        **more,
    )


def progress(desk, batch):
    return desk.get(reverse("generated_progress", args=[batch.pk])).json()


def test_the_form_offers_what_the_generator_honours_and_nothing_else(desk):
    page = desk.get(PAGE).content.decode()

    assert '<select name="site"' in page
    assert '<option value="lower extremity">' in page
    assert 'name="tone"' not in page  # dermdiff did not learn it well
    assert 'name="named"' not in page
    assert "research and teaching, never for diagnosis" in page


def test_another_generator_changes_the_form_and_keeps_what_fits(desk, open_generator):
    given = {**CHOSEN, "generator": open_generator, "site": "left knee", "tone": "48.0"}

    page = desk.get(PAGE, given).content.decode()
    back = desk.get(PAGE, {**given, "generator": "dermdiff"}).content.decode()

    assert 'name="site" value="left knee"' in page
    assert '<option value="48.0" selected>' in page
    assert "a photo of melanocytic nevus on the left knee of a 40-year-old woman with" in page
    assert 'name="named"' in page
    assert "a dermoscopic image of melanocytic nevus of a 40-year-old woman<" in back


def test_choices_show_the_prompt_that_they_amount_to(desk):
    page = desk.get(PAGE, CHOSEN).content.decode()

    assert "a dermoscopic image of melanocytic nevus on the back of a 40-year-old woman" in page


def test_images_are_asked_for_by_choices(desk):
    answer = desk.post(PAGE, {**ASKED, **CHOSEN, "prompt": "not looked at"})

    batch = Batch.objects.get()
    assert answer["Location"] == f"/generate/{batch.pk}/#images"
    assert batch.asked == {"sex": "female", "age": 40.0, "site": "back"}
    assert (batch.entities, batch.per_entity, batch.guidance, batch.steps) == (["nv"], 3, 2.0, 2)
    assert batch.created_by.username == "c"
    assert list(batch.planned.order_by("index").values_list("seed", flat=True)) == [1, 2, 3]


def test_guidance_and_steps_are_left_to_the_generator(desk, open_generator):
    page = desk.get(PAGE, {**CHOSEN, "generator": open_generator}).content.decode()
    assert 'placeholder="7.5"' in page
    assert 'placeholder="50"' in page

    desk.post(PAGE, {**CHOSEN, "generator": "dermdiff", "count": "1"})

    batch = Batch.objects.get()
    assert (batch.guidance, batch.steps) == (None, None)
    assert filled_in(batch).keys().isdisjoint({"guidance", "steps"})


def test_images_are_asked_for_in_words(desk):
    desk.post(PAGE, {**ASKED, "by": "words", "prompt": "  a mole on\nthe foot ", "seed": "77"})

    batch = Batch.objects.get()
    assert (batch.asked, batch.entities) == ({"prompt": "a mole on the foot"}, ["nv"])
    assert list(batch.planned.order_by("index").values_list("seed", flat=True)) == [77, 78, 79]


def test_free_words_are_recorded_under_a_diagnosis_of_choice(desk, open_generator):
    words = {**ASKED, "generator": open_generator, "by": "words", "prompt": "a blue lump"}

    refused = desk.post(PAGE, words)
    desk.post(PAGE, {**words, "named": "df"})

    assert "names no diagnosis" in refused.content.decode()
    assert Batch.objects.get().entities == ["df"]


def test_the_same_wish_makes_new_images_each_time_and_a_seed_the_same_ones(desk):
    for _ in range(2):
        desk.post(PAGE, {**ASKED, **CHOSEN})
    desk.post(PAGE, {**ASKED, **CHOSEN, "seed": "4"})

    assert sorted(Batch.objects.values_list("seed", flat=True)) == [1, 4]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"prompt": "a big mole"},
            "word &#x27;big&#x27; is unknown to this generator; it knows",
        ),
        ({"prompt": ""}, "names no diagnosis; put one in, such as melanoma"),
        ({"prompt": "melanoma or nevus"}, "names mel and nv"),
        ({"count": "25"}, "Images: Ensure this value is less than or equal to 24"),
        ({"count": "0"}, "Images: Ensure this value is greater than or equal to 1"),
        ({"steps": "1"}, "Steps: Ensure"),
        ({"guidance": "x"}, "Guidance: Enter a number"),
        ({"seed": "-1"}, "Seed: Ensure"),
        ({"seed": str(2**63)}, "Seed: Ensure"),
        ({"generator": "nobody"}, "Generator: Select a valid choice. nobody is not one"),
        ({"by": "choices", "age": "200"}, "Age in years: Ensure"),
    ],
)
def test_what_cannot_be_made_is_refused_in_words(desk, changes, words):
    answer = desk.post(PAGE, {**ASKED, "by": "words", "prompt": "melanoma", **changes})

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Batch.objects.exists()


def test_a_generator_whose_files_are_broken_says_so(desk, open_generator, tmp_path):
    (tmp_path / open_generator / "pipeline.json").write_text("{")

    page = desk.get(PAGE, {"generator": open_generator}).content.decode()

    assert "is no recipe of a pipeline" in page


def test_progress_tells_how_far_and_shows_what_is_made(desk):
    batch = planned(6)
    before = progress(desk, batch)
    with pytest.raises(KeyboardInterrupt):
        run_batch(batch, Painter(stop_at=2))
    batch.planned.filter(image=None).update(claimed_until=timezone.now() + timezone.timedelta(60))
    during = progress(desk, batch)
    batch.planned.update(claimed_until=None)
    run_batch(batch, Painter())
    after = progress(desk, batch)

    assert before["news"] == "Getting the generator ready"
    assert [("img" in tile) for tile in before["tiles"]] == [False] * 6
    assert (during["made"], during["total"], during["running"]) == (4, 6, True)
    assert during["news"] == "4 of 6 images made"
    assert [("img" in tile) for tile in during["tiles"]] == [True] * 4 + [False] * 2
    assert (after["made"], after["running"], after["news"]) == (6, False, "6 images made")
    assert "More like these" in after["standing"]


def test_the_time_that_is_left_follows_from_the_pace(db):
    batch = planned(6)
    with pytest.raises(KeyboardInterrupt):
        run_batch(batch, Painter(stop_at=2))
    ago = timezone.now() - timezone.timedelta(seconds=40)
    Batch.objects.filter(pk=batch.pk).update(created_at=ago)

    assert standing_of(batch).left_s == 20  # four took 40 s
    assert standing_of(planned(2)).left_s == 20


def test_images_wait_to_be_compared_with_photographs(desk, real_images):
    real_images.phantom = False
    real_images.save()
    batch = planned(1)
    run_batch(batch, Painter())

    assert standing_of(batch).state == State.COMPARING
    image, photograph = Image.objects.get(origin="synthetic"), real_images.images.first()
    Image.objects.filter(pk=image.pk).update(
        resembles=photograph, likeness=0.9, suspected_copy=True
    )

    now = progress(desk, batch)
    assert not now["running"]
    assert "suspected copy" in now["tiles"][0]
    assert "1 of them is suspected to copy a photograph" in now["standing"]
    large = desk.get(reverse("generated_image", args=[batch.pk, image.pk])).content.decode()
    assert reverse("admin:evaluation_image_change", args=[image.pk]) in large


def test_what_is_not_begun_is_not_made_after_a_stop_and_can_be_gone_on_with(desk):
    batch = planned(10)

    assert "Stop" in progress(desk, batch)["standing"]
    run_batch(batch, Painter(), lambda *made: stop_batch(batch))  # while the next four are made
    stopped = progress(desk, batch)
    with pytest.raises(GenerationError, match="no batch is unfinished"):
        get_batch(None)
    desk.post(PAGE, {**filled_in(batch), "seed": batch.seed})
    batch.refresh_from_db()
    run_batch(batch, Painter())

    assert (stopped["made"], stopped["news"]) == (8, "8 of 10 images made; stopped")
    assert "Go on" in stopped["standing"]
    assert not batch.stopped
    assert progress_of(batch) == (10, 10)
    assert Batch.objects.count() == 1


def test_the_stop_button_stops(desk):
    batch = planned(6)

    desk.post(reverse("generated_stop", args=[batch.pk]))

    assert run_batch(batch, Painter()) == 0
    assert standing_of(batch).state == State.STOPPED
    listed = desk.get(reverse("admin:generation_batch_changelist")).content.decode()
    assert "stopped" in listed


def test_a_problem_stands_where_the_images_would(desk):
    batch = planned(2)
    Batch.objects.filter(pk=batch.pk).update(problem="weights: are gone; bring them back")

    now = progress(desk, batch)

    assert not now["running"]
    assert "weights: are gone; bring them back" in now["standing"]
    assert "Go on" in now["standing"]


def test_an_unforeseen_failure_is_told_too(desk, monkeypatch, django_capture_on_commit_callbacks):
    def broken(*given):
        raise RuntimeError("out of luck")

    monkeypatch.setattr("generation.batches.keep_generator", broken)
    with django_capture_on_commit_callbacks(execute=True):
        desk.post(PAGE, {**ASKED, **CHOSEN})

    assert Batch.objects.get().problem == "RuntimeError: out of luck"


def test_an_image_is_shown_large_with_all_that_makes_it_again(
    desk, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        desk.post(PAGE, {**ASKED, **CHOSEN, "count": "1", "seed": "5"})
    batch, image = Batch.objects.get(), Image.objects.get()

    page = desk.get(reverse("generated_image", args=[batch.pk, image.pk])).content.decode()
    original = desk.get(reverse("generated_original", args=[batch.pk, image.pk]))

    for said in ("Melanocytic nevus", "female", "40", "back", "<dd>5</dd>", "<dd>2.0</dd>"):
        assert said in page
    assert image.sha256 in page
    assert image.generator_revision in page
    assert "count=1" in page
    assert "seed=5" in page
    png = PillowImage.open(BytesIO(original.content))
    assert png.size == (256, 256)
    assert json.loads(png.text["provenance"])["recipe"]["seed"] == 5
    assert f'download="{image.name}.png"' in page


def test_the_form_of_a_batch_asks_for_just_that_again(db):
    asked = Asked(sex="male", age=60.0, site="back")
    for batch in (planned(2, asked=asked), planned(2, asked=Asked(prompt="melanoma on the ear"))):
        form = GenerateForm({**filled_in(batch), "seed": str(batch.seed)})

        assert form.is_valid()
        assert form.plan(None) == batch


def test_images_of_a_study_that_is_read_are_never_shown(desk, real_images):
    batch = planned(2)
    run_batch(batch, Painter())
    hidden, seen = Image.objects.filter(origin="synthetic").order_by("pk")
    Image.objects.filter(pk=hidden.pk).update(sealed=True)

    now = progress(desk, batch)
    for name in ("generated_image", "generated_original"):
        assert desk.get(reverse(name, args=[batch.pk, hidden.pk])).status_code == 404
        assert desk.get(reverse(name, args=[batch.pk, seen.pk])).status_code == 200
    assert len(now["tiles"]) == 1
    assert "Images of a study that is being read are not shown" in now["standing"]
    assert f"/{hidden.pk}/" not in json.dumps(now)
    assert f"image/{hidden.pk}/" not in desk.get(PAGE).content.decode()


def test_other_batches_are_not_of_this_page(desk):
    batch = plan_batch(generator="dermdiff", per_entity=2)

    assert desk.get(reverse("generated", args=[batch.pk])).status_code == 404


def test_a_loaded_generator_is_kept_until_its_files_change(tmp_path):
    source = save_tiny_pipeline(tmp_path / "pipeline")
    for name in ("one", "two"):
        PipelineRecipe(str(source), "CC0-1.0", size=32).write(tmp_path / "own" / name)
    own = tmp_path / "own"

    first = keep_generator("one", own)

    assert keep_generator("one", own) is first
    changed = source / "unet" / "config.json"
    os.utime(changed, (0, 0))
    second = keep_generator("one", own)
    assert second is not first
    assert keep_generator("two", own).name == "two"
    assert keep_generator("one", own) is not second  # one at a time


def test_the_desk_leads_to_the_page(desk):
    assert f'href="{PAGE}"' in desk.get("/admin/").content.decode()


def test_nothing_is_made_of_an_empty_form(desk):
    answer = desk.post(PAGE, {})

    assert answer.status_code == 422
    assert "Generator: This field is required" in answer.content.decode()
    assert not Batch.objects.exists()
