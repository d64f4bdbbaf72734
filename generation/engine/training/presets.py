"""What a training run is asked for, and recipes with a name."""

from dataclasses import dataclass, fields, replace

from generation.engine.generator import GenerationError
from generation.engine.training.loop import Recipe

CASCADE, DERMGAN = KINDS = ("cascade", "dermgan")
#: What they are called unless a name is given.
NAMES = {CASCADE: "dermdiff", DERMGAN: "dermgan"}


@dataclass(frozen=True)
class Wanted:
    """What is trained, and on what.

    Attributes:
        name: of the new generator.
        start_from: name of the generator whose weights to begin with; empty for chance.
        datasets: names; all real images of the catalogue where there are none.
        fine_datasets: of the second stage; those of `datasets` where there are none.
        lora: rank of a pipeline's LoRA weights; 0 trains its whole denoisers.
        licence: of a pipeline's images to come, as SPDX; else those of the base and of the data.
        kind: of `KINDS`, where no generator is named to begin with.
    """

    name: str
    start_from: str = ""
    datasets: tuple[str, ...] = ()
    fine_datasets: tuple[str, ...] = ()
    lora: int = 0
    licence: str = ""
    kind: str = CASCADE

    def __post_init__(self) -> None:
        """Refuse a rank that is none.

        Raises:
            GenerationError: it is negative.
        """
        if self.lora < 0:
            raise GenerationError(f"the rank of LoRA weights is {self.lora}; use 1 or more")


@dataclass(frozen=True)
class Course:
    """What a run is asked for; what is None follows from what is trained.

    Attributes:
        images: seen in all, with repetition; 0 leaves the first stage as it is.
        fine_images: seen by the second stage; 0 leaves it as it is.
        epochs: how often each image is seen, in the mean; instead of `images`.
        batch: images of one step.
        learning_rate: of AdamW.
        size: side in px at which a pipeline is fine-tuned.
        prompt_dropout: share of examples that are told nothing.
    """

    images: int | None = None
    fine_images: int | None = None
    epochs: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    size: int | None = None
    prompt_dropout: float | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            GenerationError: a value is out of its range, or the length is said twice.
        """
        for each in fields(self):
            value = getattr(self, each.name)
            if value is None or each.name == "prompt_dropout":
                continue
            if value < 0 or (value == 0 and each.name not in ("images", "fine_images")):
                raise GenerationError(f"{each.name.replace('_', ' ')} is {value}; use more than 0")
        if self.images == 0 and self.fine_images == 0:
            raise GenerationError(
                "images and fine images are both 0, which leaves everything as it is; leave one out"
            )
        if not 0 <= (self.prompt_dropout or 0) < 1:
            raise GenerationError(
                f"prompt dropout is {self.prompt_dropout}; use a share from 0 up to, not with, 1"
            )
        if self.images and self.epochs is not None:
            raise GenerationError("the length is given as images and as epochs; leave one out")

    def over(self, preset: "Course") -> "Course":
        """Return `preset` with what is given here in its place."""
        given = {f.name: v for f in fields(self) if (v := getattr(self, f.name)) is not None}
        if given.get("images"):
            preset = replace(preset, epochs=None)
        return replace(preset, **given)

    def recipe(self, usual: Recipe, *, images: int | None, gathered: int) -> Recipe:
        """Return the recipe of one network: `usual` with what is asked for.

        Args:
            usual: what holds where nothing is asked for.
            images: to be seen; None leaves it to `epochs`.
            gathered: images to train on.
        """
        by_epochs = self.epochs * gathered if self.epochs else usual.images
        return replace(
            usual,
            images=images or by_epochs,
            batch=self.batch or usual.batch,
            learning_rate=self.learning_rate or usual.learning_rate,
        )


PRESETS = {
    # As published for the system that this one follows: GLIDE, fine-tuned on dermoscopy. Nothing
    # is hidden, so what guidance leads away from is never learnt; see docs/generation.md.
    "published": Course(epochs=60, batch=4, learning_rate=1e-5, size=128, prompt_dropout=0.0),
}
