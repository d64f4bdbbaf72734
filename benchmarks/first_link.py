"""From a folder of images to the first rater's link: `python -m benchmarks.first_link [PORT]`.

Once in the browser, by the path of a coordinator who has never seen the product (import, generate,
create, audit, seal, invite) on a server of its own, and once by commands with AI images at hand.
Limits: ten minutes and one minute. Screenshots of each step are left in var/first_link.
"""

import csv
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.product import ROOT, Product, against_limit, empty_product, machine
from evaluation.phantoms import draw_phantom
from tests.browser.chromium import ARGUMENTS, find_chromium

ENTITIES = ("mel", "nv", "akiec", "bkl", "bcc", "df", "vasc")
PER_ENTITY, PER_CELL = 20, 10
SHOTS = ROOT / "var" / "first_link"


def clinic(folder: Path) -> tuple[Path, Path]:
    """Write what a clinic has: a zip of images, and a table that names them."""
    archive, table = folder / "photos.zip", folder / "photos.csv"
    with zipfile.ZipFile(archive, "w") as zipped, table.open("w", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(["image_id", "dx"])
        for entity in ENTITIES:
            for number in range(PER_ENTITY):
                name = f"{entity}{number}"
                image = folder / f"{name}.jpg"
                Image.fromarray(draw_phantom(entity, number)).save(image, quality=90)
                zipped.write(image, image.name)
                image.unlink()
                rows.writerow([name, entity])
    return archive, table


def by_hand(page: Page, address: str, password: str, archive: Path, table: Path) -> str:
    """Go the whole way in the browser and return the link."""
    shots = iter(range(1, 20))

    def see(step: str) -> None:
        page.screenshot(path=SHOTS / f"{next(shots)}-{step}.png", full_page=True)

    page.goto(f"http://{address}/admin/")
    page.get_by_label("Username").fill("coordinator")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    see("start")
    page.get_by_role("link", name="Import", exact=False).first.click()
    page.get_by_label("Name").fill("clinic")
    page.get_by_label("Licence").fill("CC-BY-4.0")
    page.locator("input[type=file]").nth(0).set_input_files(archive)
    page.locator("input[type=file]").nth(1).set_input_files(table)
    see("import")
    page.locator("input[type=submit]").first.click()
    page.get_by_text("images imported").wait_for(timeout=120_000)
    page.goto(f"http://{address}/admin/")
    page.get_by_role("link", name="Generate", exact=False).first.click()
    page.get_by_label("Images of each").fill(str(PER_CELL))
    see("generate")
    page.locator("input[type=submit]").first.click()
    while "finished" not in page.content():
        time.sleep(2)
        page.reload()
    see("generated")
    page.goto(f"http://{address}/admin/")
    page.get_by_role("link", name="Create a study", exact=False).first.click()
    page.get_by_label("Title").fill("Our first study")
    page.locator("#id_dataset").select_option(label="clinic")
    page.get_by_label("dermdiff").check()
    see("study")
    for _ in range(4):
        page.get_by_role("button", name="Next").click()
    see("review")
    page.get_by_role("button", name="Save").click()
    page.goto(f"http://{address}/admin/evaluation/study/")
    page.get_by_role("link", name="Our first study").click()
    see("draft")
    page.get_by_role("link", name="Audit the blinding").click()
    page.get_by_role("button", name="Audit the blinding").click()
    see("audit")
    page.get_by_role("link", name="Read the certificate").wait_for(timeout=300_000)
    see("audited")
    page.get_by_role("link", name="Our first study").click()
    if page.locator("input[name=reason]").count():
        page.locator("input[name=reason]").fill("our first study")
    page.locator("input[name=name]").fill("our-first-study")
    page.get_by_role("button", name="Seal the study").click()
    page.locator("textarea[name=raters]").fill("Dr A")
    page.get_by_role("button", name="Make links").click()
    see("link")
    return page.locator("input.link").first.input_value()


def by_command(product: Product, folder: Path, table: Path) -> float:
    """Import, create, seal and invite by commands; return the seconds."""
    begun = time.perf_counter()
    product(
        *("import_images", f"{folder / 'photos.zip'}", "--metadata", f"{table}"),
        *("--dataset", "again", "--licence", "CC-BY-4.0"),
    )
    product(
        *("create_study", "second", "--dataset", "again", "--generator", "dermdiff"),
        *("--per-cell", str(PER_CELL), "--seal", "a benchmark"),
    )
    product("invite_rater", "second")
    return time.perf_counter() - begun


def main(port: str = "8765") -> int:
    """Go both ways, print, and fail if a limit is passed."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    with (
        empty_product() as product,
        empty_product() as another,
        tempfile.TemporaryDirectory() as made,
        sync_playwright() as playwright,
    ):
        archive, table = clinic(Path(made))
        product("migrate", "--verbosity", "0")
        password = product.output("manage.py", "create_account", "coordinator").split()[-1]
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        with product.serving(int(port)) as address:
            begun = time.perf_counter()
            link = by_hand(chromium.new_page(), address, password, archive, table)
            hand = time.perf_counter() - begun
        another("migrate", "--verbosity", "0")
        another("generate_batch", "--generator", "dermdiff", "--per-entity", str(PER_CELL))
        command = by_command(another, Path(made), table)
    print(f"\non {machine()}: {link}")
    held = [
        against_limit("to the first link in the browser", hand, 600),
        against_limit("to the first link by command", command, 60),
    ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
