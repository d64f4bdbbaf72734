"""Importing: all or nothing, and every problem by name."""

import csv
import zipfile
from io import BytesIO

import numpy as np
import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from PIL import Image as Picture

from evaluation.catalogue import open_mask
from evaluation.errors import EvaluationError, ImportRefused
from evaluation.importing import plan_import, run_import
from evaluation.models import AuditEvent, Dataset, Image

pytestmark = pytest.mark.django_db
HEADER = ["image_id", "lesion_id", "dx", "dx_type", "age", "sex", "localization"]


def jpeg(seed, size=(80, 60)):
    """Return a small JPEG that no other seed gives."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    out = BytesIO()
    Picture.fromarray(pixels).save(out, "JPEG")
    return out.getvalue()


class Folder:
    """A folder of images with its metadata, sound until a test breaks it."""

    def __init__(self, path):
        self.path, self.metadata = path / "photos", path / "metadata.csv"
        self.path.mkdir()
        self.rows = [
            [f"I{n}", f"L{n // 2}", "nv", "histo", "55.0", "female", "back"] for n in range(4)
        ]
        for n in range(4):
            self.put(f"I{n}.jpg", jpeg(n))
        self.write()

    def put(self, name, content):
        (self.path / name).write_bytes(content)

    def write(self, header=HEADER):
        with self.metadata.open("w", newline="") as file:
            csv.writer(file).writerows([header, *self.rows])

    def plan(self, **options):
        given = {
            "source": str(self.path),
            "metadata": str(self.metadata),
            "dataset": "clinic",
            "licence": "CC-BY-4.0",
            **options,
        }
        return plan_import(**given)

    def run(self, **options):
        return run_import(self.plan(), source=str(self.path), **options)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_a_sound_folder_comes_in_with_all_that_is_known_of_it(folder):
    folder.run()

    image = Image.objects.get(name="I2")
    assert (image.entity, image.lesion, image.sex, image.age) == ("nv", "L1", "female", 55.0)
    assert (image.site, image.diagnosed_by, image.licence) == ("back", "histo", "CC-BY-4.0")
    assert (image.width, image.height, image.origin) == (80, 60, "real")
    with image.file.open() as file:
        assert file.read() == jpeg(2)


def add_row(folder, *cells):
    folder.rows.append(list(cells))
    folder.write()


PROBLEMS = {
    "an unknown label": (
        lambda f: add_row(f, "I9", "", "nevus", "", "", "", ""),
        "row 6: entity 'nevus' is unknown; use one of akiec, bcc, bkl, df, mel, nv, vasc",
    ),
    "a row without a file": (
        lambda f: add_row(f, "I9", "", "nv", "", "", "", ""),
        "row 6: there is no file for 'I9'",
    ),
    "a file without a row": (lambda f: f.put("I9.jpg", jpeg(9)), "I9.jpg has no row"),
    "a broken image": (lambda f: f.put("I1.jpg", jpeg(1)[:400]), "I1.jpg is broken"),
    "a text in disguise": (lambda f: f.put("I1.jpg", b"hello"), "I1.jpg is neither JPEG nor PNG"),
    "an oversized image": (
        lambda f: f.put("I1.jpg", jpeg_header_only()),
        "I1.jpg has 20000 x 20000 pixels",
    ),
    "the same image twice": (
        lambda f: f.put("I1.jpg", jpeg(0)),
        "I1.jpg is the same image as I0.jpg; keep one",
    ),
    "two files of one name": (lambda f: f.put("I1.png", jpeg(8)), "several files are called I1"),
    "an image id twice": (
        lambda f: add_row(f, "I0", "", "nv", "", "", "", ""),
        "'I0' stands in row 2 too",
    ),
    "an age that is none": (
        lambda f: add_row(f, "I9", "", "nv", "", "old", "", ""),
        "age 'old' is no number",
    ),
    "an impossible age": (
        lambda f: add_row(f, "I9", "", "nv", "", "555", "", ""),
        "age 555 is not between 0 and 120",
    ),
    "no image id": (lambda f: add_row(f, "", "", "nv", "", "", "", ""), "row 6: has no image id"),
}


def jpeg_header_only():
    out = BytesIO()
    Picture.new("1", (20_000, 20_000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_single_problem_is_named_and_keeps_everything_out(folder, name):
    breakage, words = PROBLEMS[name]
    breakage(folder)

    with pytest.raises(ImportRefused) as refused:
        folder.run()

    assert any(words in problem for problem in refused.value.problems), refused.value.problems
    assert not Image.objects.exists()
    assert not Dataset.objects.exists()


def test_several_problems_are_all_named(folder):
    for breakage, _ in (PROBLEMS["a broken image"], PROBLEMS["an unknown label"]):
        breakage(folder)

    assert len(folder.plan().problems) == 2


def test_the_rest_comes_in_if_that_is_asked_for(folder):
    folder.put("I1.jpg", b"hello")

    folder.run(skip_problems=True)

    assert set(Image.objects.values_list("name", flat=True)) == {"I0", "I2", "I3"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"source": "/nowhere"}, "/nowhere: no such folder or zip"),
        ({"metadata": "/nowhere.csv"}, "/nowhere.csv: No such file"),
        ({"licence": "free for all"}, "is no SPDX identifier"),
        ({"dataset": "my photos"}, "use letters, digits"),
        ({"columns": {"entity": "diagnosis"}}, "has no column 'diagnosis'"),
        ({"columns": {"colour": "x"}}, "no field is called colour"),
    ],
)
def test_what_cannot_be_imported_at_all_is_said_in_one_line(folder, options, words):
    with pytest.raises(EvaluationError, match=words) as failure:
        folder.plan(**options)

    assert "\n" not in str(failure.value)


def test_a_csv_without_a_column_names_it_and_those_that_are_there(folder):
    folder.write(
        header=["image_id", "lesion_id", "diagnosis", "dx_type", "age", "sex", "localization"]
    )

    with pytest.raises(EvaluationError, match=r"no column 'dx' \(there are: age, diagnosis"):
        folder.plan()


def test_other_columns_and_labels_can_be_named(folder):
    folder.rows = [[*row[:2], "naevus", *row[3:]] for row in folder.rows]
    folder.write(header=["file", "lesion_id", "diagnosis", "dx_type", "age", "sex", "localization"])

    plan = folder.plan(columns={"name": "file", "entity": "diagnosis"}, labels={"naevus": "nv"})

    assert not plan.problems
    assert plan.by_entity() == {"nv": 4}


def test_a_csv_from_a_spreadsheet_with_a_byte_order_mark_is_read(folder):
    folder.metadata.write_bytes(b"\xef\xbb\xbf" + folder.metadata.read_bytes())

    assert not folder.plan().problems


def test_a_csv_that_is_not_utf8_is_refused(folder):
    folder.metadata.write_bytes(folder.metadata.read_bytes() + "é".encode("latin-1"))

    with pytest.raises(EvaluationError, match="is not UTF-8"):
        folder.plan()


def test_importing_twice_changes_nothing(folder):
    folder.run()

    plan = folder.plan()
    run_import(plan, source=str(folder.path))

    assert (plan.already, plan.found, plan.problems) == (4, [], [])
    assert Image.objects.count() == 4


def test_an_image_of_another_dataset_is_refused(folder):
    folder.run()

    plan = folder.plan(dataset="other")

    assert len(plan.problems) == 4
    assert "is in the catalogue already (clinic)" in plan.problems[0]


def test_a_stop_in_the_middle_leaves_neither_rows_nor_files(folder):
    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    for n in range(4):  # content that no other test has stored
        folder.put(f"I{n}.jpg", jpeg(1000 + n))
    plan = folder.plan()
    with pytest.raises(KeyboardInterrupt):
        run_import(plan, source=str(folder.path), on_step=stop)

    store = storages["originals"]
    assert not Image.objects.exists()
    for found in plan.found:
        assert not store.exists(f"{found.sha256[:2]}/{found.sha256}.jpg")


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return str(path)


def test_a_zip_with_folders_inside_is_a_source_for_images_masks_and_metadata(folder, tmp_path):
    members = {f"images/I{n}.jpg": jpeg(n) for n in range(4)}
    mask = BytesIO()
    drawn = Picture.new("1", (80, 60))
    drawn.paste(1, (20, 20, 40, 40))
    drawn.save(mask, "PNG")
    archive = zipped(
        tmp_path / "all.zip",
        {**members, "masks/I0.png": mask.getvalue(), "index.csv": folder.metadata.read_bytes()},
    )
    place = {"source": f"{archive}/images", "masks": f"{archive}/masks"}

    plan = plan_import(
        **place, metadata=f"{archive}/index.csv", dataset="zipped", licence="CC0-1.0"
    )
    run_import(plan, **place)

    assert Image.objects.count() == 4
    assert Image.objects.get(name="I0").mask
    assert not Image.objects.get(name="I1").mask


def test_masks_must_fit_their_images(folder, tmp_path):
    masks = tmp_path / "masks"
    masks.mkdir()
    for name, size in (("I0", (40, 40)), ("I7", (80, 60))):
        Picture.new("1", size).save(masks / f"{name}.png")

    problems = folder.plan(masks=str(masks)).problems

    assert any("mask I0.png has 40 x 40 pixels, its image 80 x 60" in line for line in problems)
    assert any("I7.png has no image" in line for line in problems)


def test_images_that_are_here_already_get_their_masks(folder, tmp_path):
    run_import(folder.plan(), source=str(folder.path))
    masks = tmp_path / "masks"
    masks.mkdir()
    drawn = Picture.new("1", (80, 60))
    drawn.paste(1, (20, 20, 40, 40))
    drawn.save(masks / "I2.png")

    plan = folder.plan(masks=str(masks))
    run_import(plan, source=str(folder.path), masks=str(masks))

    assert (plan.found, len(plan.masks)) == ([], 1)
    assert open_mask(Image.objects.get(name="I2")).getbbox() == (20, 20, 40, 40)
    assert not Image.objects.get(name="I1").mask
    assert AuditEvent.objects.latest("pk").detail["masks"] == 1
    assert not folder.plan(masks=str(masks)).masks


@pytest.mark.parametrize(("value", "told"), [(0, "empty"), (1, "full")])
def test_a_mask_that_shows_no_lesion_or_no_skin_is_refused_by_name(folder, tmp_path, value, told):
    masks = tmp_path / "masks"
    masks.mkdir()
    Picture.new("1", (80, 60), value).save(masks / "I0.png")

    plan = folder.plan(masks=str(masks))

    assert any(f"mask I0.png is {told}; make the lesion white" in line for line in plan.problems)
    assert "I0" not in {found.row.name for found in plan.found}


@pytest.mark.parametrize("name", ["../I0.jpg", "/etc/I0.jpg"])
def test_a_zip_that_points_out_of_itself_is_refused(folder, tmp_path, name):
    archive = zipped(tmp_path / "evil.zip", {name: jpeg(0)})

    with pytest.raises(EvaluationError, match="points out of the zip"):
        folder.plan(source=archive)


def test_a_zip_bomb_is_refused(folder, tmp_path):
    archive = zipped(tmp_path / "bomb.zip", {"I0.jpg": b"\0" * 5_000_000})

    with pytest.raises(EvaluationError, match=r"unpacks .*-fold, as no image does"):
        folder.plan(source=archive)


def test_an_unreadable_zip_is_refused(folder, tmp_path):
    (tmp_path / "torn.zip").write_bytes(b"PK\x03\x04 torn")

    with pytest.raises(EvaluationError, match=r"torn\.zip: cannot be read as a zip"):
        folder.plan(source=str(tmp_path / "torn.zip"))


def command(folder, *options):
    call_command(
        "import_images",
        str(folder.path),
        "--metadata",
        str(folder.metadata),
        "--dataset",
        "clinic",
        "--licence",
        "CC-BY-4.0",
        *options,
    )


def test_a_dry_run_says_what_would_happen_and_does_nothing(folder, capsys):
    command(folder, "--dry-run")

    assert "would import 4 images (nv 4)" in capsys.readouterr().out
    assert not Image.objects.exists()


def test_the_command_names_each_problem_and_fails(folder, capsys):
    folder.put("I1.jpg", b"hello")

    with pytest.raises(CommandError, match="1 problems, nothing imported"):
        command(folder)

    assert "I1.jpg is neither JPEG nor PNG" in capsys.readouterr().err


class TestImagesMadeElsewhere:
    """They come in as those of a generator, with whatever the table says of each."""

    HEADER = [*HEADER, "seed", "prompt"]

    @pytest.fixture
    def made(self, folder):
        folder.rows = [[*row, str(100 + n), "a nevus"] for n, row in enumerate(folder.rows)]
        folder.write(self.HEADER)
        return folder

    def bring(self, made, *words):
        call_command(
            "import_images", str(made.path), "--metadata", str(made.metadata),
            "--generator", "gan", "--revision", "r7", "--licence", "CC-BY-4.0", *words,
        )  # fmt: skip

    def test_they_are_synthetic_images_with_a_recipe(self, made):
        self.bring(made)

        image = Image.objects.get(name="I2")
        assert (image.origin, image.generator, image.dataset) == ("synthetic", "gan", None)
        assert (image.generator_revision, image.entity) == ("r7", "nv")
        assert image.recipe == {"seed": "102", "prompt": "a nevus"}
        assert not Dataset.objects.exists()

    def test_they_are_imported_once(self, made, capsys):
        self.bring(made)
        self.bring(made)

        assert Image.objects.count() == 4
        assert "4 images are in 'gan' already" in capsys.readouterr().out

    def test_a_name_means_one_image(self, made):
        self.bring(made)
        made.put("I1.jpg", jpeg(77))

        with pytest.raises(CommandError, match="1 problems, nothing imported"):
            self.bring(made)

    def test_an_image_is_of_one_source(self, made, folder):
        self.bring(made)

        plan = folder.plan()
        assert "is in the catalogue already (images by gan)" in plan.problems[0]

    def test_the_command_wants_to_know_which_revision_made_them(self, made):
        with pytest.raises(CommandError, match=r"which 'gan' made these images.* --revision"):
            self.bring(made, "--revision", " ")

        assert not Image.objects.exists()

    def test_photographs_have_no_revision(self, folder):
        with pytest.raises(CommandError, match="--revision is of a generator; leave it out"):
            command(folder, "--revision", "r7")

    def test_it_is_a_dataset_or_a_generator(self, folder):
        with pytest.raises(EvaluationError, match="a dataset for real images, or a generator"):
            folder.plan(generator="gan")
