"""Personal data leaves a text, numbers that mean something else stay, and masking twice changes nothing more."""

import pytest

from ftapp.masking import Mask, contacts

RESUME = """Ana-Lia Okoro
12 Elder Lane, Milton, MT 59001 | +41 79 555 01 23 | ana.okoro@mail.example | linkedin.com/in/anaokoro
Baker, Oakline Rolls, 2019 - 2021"""
PLAIN = Mask()
KNOWN = Mask(["Ana-Lia Okoro"], [RESUME])


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to sam.ode+jobs@mail.example.", "Write to [EMAIL]."),
        ("Call +41 79 555 01 23 today", "Call [PHONE] today"),
        ("Call (020) 7946 0018, or 555-867-5309.", "Call [PHONE], or [PHONE]."),
        ("See https://sam.example/cv?x=1, or github.com/samode.", "See [LINK], or [LINK]."),
        ("I live at 12 Elder Lane, Milton, MT 59001 now", "I live at [ADDRESS] now"),
        ("Flat 3, 7 Rose Hill Road, or Lindenstraße 12a", "[ADDRESS], or [ADDRESS]"),
        ("Via Roma 12, then 4 rue de Lille, P.O. Box 77", "[ADDRESS], then [ADDRESS], [ADDRESS]"),
        ("Address: The Old Barn, Lower End", "Address: [ADDRESS]"),
        ("Postcode SW1A 1AA", "Postcode [ADDRESS]"),
        ("Dear Ms. Verena Holt,\nhello", "Dear Ms. [NAME],\nhello"),
        ("I bake.\n\nKind regards,\nSam Ode", "I bake.\n\nKind regards,\n[NAME]"),
        ("title: Baker\nname:\nSam Ode\nskills: rye", "title: Baker\nname:\n[NAME]\nskills: rye"),
        ("saved in /home/sam/models/base", "saved in [FOLDER]"),
    ],
)
def test_patterns_find_what_nobody_told_them(text, masked):
    assert PLAIN(text) == masked


@pytest.mark.parametrize(
    "text",
    ["2019 - 2021", "from 2019-05-01 to 2021-06-30", "01/05/2019", "a budget of 1,250,000 francs", "served 300 000 guests", "USD 1250000",
     "300 loaves a day", "a team of 12", "version 3.11.7", "Dear team,\n\nI bake.", "Kind regards", "the baker via Fernhill", "95.5 %",
     "sha256 0123456789abcdef0123456789abcdef", "In 2021 Applications close"],
)  # fmt: skip
def test_other_numbers_and_words_stay(text):
    assert PLAIN(text) == text


def test_a_known_name_goes_in_every_form():
    text = "I am Ana-Lia Okoro. ANA-LIA OKORO bakes; Ms Okoro wrote, so did Lia. ana-lia okoro in small letters. Analia stays."
    assert KNOWN(text) == "I am [NAME]. [NAME] bakes; Ms [NAME] wrote, so did [NAME]. [NAME] in small letters. Analia stays."


def test_contact_data_of_a_resume_is_known_by_its_letters():
    assert {"+41 79 555 01 23", "ana.okoro@mail.example", "linkedin.com/in/anaokoro"} <= set(contacts(RESUME))
    masked = KNOWN(RESUME)
    assert not any(part in masked for part in ("Okoro", "okoro", "555", "Elder", "59001")) and "2019 - 2021" in masked


def test_titles_particles_and_masks_are_no_names():
    mask = Mask(["Dr. Jan van der Zee", "[REDACTED]", "X"])
    assert mask("Dr. Zee went van by van, X times; [REDACTED]") == "Dr. [NAME] went van by van, X times; [REDACTED]"


def test_masking_twice_is_masking_once():
    text = "\n".join([RESUME, "Dear Dr Ana-Lia Okoro,", "Best wishes,\nAna Okoro", "Address: 1 High Street", "name: Ana Okoro"])
    for mask in (PLAIN, KNOWN):
        assert mask(mask(text)) == mask(text) and PLAIN(KNOWN(text)) == KNOWN(text)


def test_everything_inside_is_masked_and_keys_stay():
    assert KNOWN.everything({"Okoro": ["Okoro", 5, {"a": "Lia"}]}) == {"Okoro": ["[NAME]", 5, {"a": "[NAME]"}]}
