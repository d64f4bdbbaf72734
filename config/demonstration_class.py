"""The demonstration's class: what the example showed is taught to simulated learners and to you."""

from django.contrib.auth.models import User
from django.db import transaction

from evaluation.invitations import invite_rater, make_open_link
from evaluation.models import Case, Collection, Image, OpenLink, Origin, Rater, Study
from evaluation.simulated import take_lesson
from evaluation.teaching import add_cases, open_class, set_approval

CLASS = "class"
LEARNERS = 100
#: What each simulated learner knows before, keeps of what was told, and how often they look.
SIMULATED = ((0.65, 0.95, 200), (0.4, 0.8, 24))
#: What is looked for in dermoscopy; a single lesion need not show all of it.
FEATURES = {
    "mel": "Typical of melanoma: several colours, an uneven network, dots or streaks at one side "
    "of the rim, a blue-white veil.",
    "nv": "Typical of a nevus: one or two colours, evenly spread; a regular network or globules "
    "that fade towards the rim.",
    "akiec": "Typical of actinic keratosis and Bowen's disease: scale; a red net around white "
    "follicles, or dotted and coiled vessels in clusters.",
    "bkl": "Typical of benign keratosis: a sharp border, white milia-like cysts, dark openings, "
    "ridges and furrows, or lines as of a fingerprint.",
    "bcc": "Typical of basal cell carcinoma: no network; branching vessels in focus, blue-grey "
    "nests, leaf-like areas at the rim, ulceration.",
    "df": "Typical of dermatofibroma: a white centre like a scar, with a fine brown network "
    "around it.",
    "vasc": "Typical of a vascular lesion: red, blue or black lagoons with sharp borders, "
    "no network.",
}


def ensure_class(example: Study, coordinator: User) -> OpenLink:
    """Return the link by which anybody may join the class, opening it the first time.

    Args:
        example: a closed study; a photograph and an AI image of each of its diagnoses are taught.
        coordinator: who approves the images and opens the class.
    """
    study = Study.objects.filter(slug=CLASS).first() or _open(example, coordinator)
    link = study.open_links.filter(revoked_at=None).first()
    return link or make_open_link(study, cap=LEARNERS - len(SIMULATED), actor=coordinator)


@transaction.atomic
def _open(example: Study, coordinator: User) -> Study:
    shown = Image.objects.filter(drawn_for__study=example, sealed=False).order_by("sha256")
    cells = [
        shown.filter(entity=entity, origin=origin)
        for entity in example.entities
        for origin in Origin
    ]
    images = Image.objects.filter(pk__in=[image.pk for cell in cells for image in cell[:1]])
    set_approval(images, actor=coordinator, approved=True)
    collection, _ = Collection.objects.get_or_create(name="Seven skin lesions")
    add_cases(collection, images, actor=coordinator)
    for entity, features in FEATURES.items():
        Case.objects.filter(collection=collection, image__entity=entity).update(features=features)
    study = open_class(
        collection,
        slug=CLASS,
        title="Seven skin lesions, told after each answer",
        learners=LEARNERS,
        actor=coordinator,
    )
    for number, (knows, keeps, showings) in enumerate(SIMULATED, start=1):
        invitation = invite_rater(
            study, label=f"simulated {number}", kind=Rater.Kind.SIMULATED, actor=coordinator
        )
        take_lesson(
            invitation.rater.sessions.get(),
            knows=knows,
            keeps=keeps,
            showings=showings,
            seed=number,
        )
    return study
