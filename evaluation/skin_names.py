"""What skin tones are called on pages."""

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from evaluation.models import Image
from evaluation.skin.tones import tone_class

#: In the order of `evaluation.skin.tones.SKINS`.
SKIN_NAMES = (_("dark"), _("brown"), _("tan"), _("intermediate"), _("light"), _("very light"))


def skin_name(tone: float) -> str:
    """Return what the class of a tone in degrees is called."""
    return str(SKIN_NAMES[tone_class(tone)])


def measured_words(image: Image) -> str:
    """Return which tone was measured in an image, and what it is not."""
    if not image.tone_method:
        return gettext("not measured yet; manage.py measure_tones does")
    if image.measured_tone is None:
        return gettext("no skin found")
    return gettext(
        "%(degrees)s° (%(name)s): the individual typology angle of the pixels. Dermoscopy's "
        "polarised light moves it far up; there it is no skin type."
    ) % {"degrees": f"{image.measured_tone:.0f}", "name": skin_name(image.measured_tone)}
