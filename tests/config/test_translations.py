"""Translations: whole, with the same placeholders, and compiled from what is in the repository."""

import re

import polib
import pytest
from django.conf import settings
from django.utils.translation import override

from evaluation.entities import entity_title

FOLDER = settings.LOCALE_PATHS[0]
LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sd]|\[\w+\]")


@pytest.fixture(params=LANGUAGES)
def catalogue(request):
    return polib.pofile(str(FOLDER / request.param / "LC_MESSAGES" / "django.po"))


def test_every_text_is_translated(catalogue):
    assert catalogue.untranslated_entries() == []
    assert catalogue.fuzzy_entries() == []
    assert len(catalogue) > 300


def test_placeholders_survive_translation(catalogue):
    for entry in catalogue:
        for text in [entry.msgstr, *entry.msgstr_plural.values()]:
            if text and not entry.msgid_plural:
                assert sorted(PLACEHOLDER.findall(text)) == sorted(
                    PLACEHOLDER.findall(entry.msgid)
                ), entry.msgid


@pytest.mark.parametrize("code", LANGUAGES)
def test_what_is_served_is_compiled_from_what_translators_write(code):
    folder = FOLDER / code / "LC_MESSAGES"

    written = polib.pofile(str(folder / "django.po"))
    served = polib.mofile(str(folder / "django.mo"))

    assert {e.msgid: (e.msgstr, e.msgstr_plural) for e in served} == {
        e.msgid: (e.msgstr, e.msgstr_plural) for e in written
    }


def test_entities_have_german_names():
    with override("de"):
        assert entity_title("bcc") == "Basalzellkarzinom"
