"""What is wrong with an example is found with its reason, and a sound one is left alone. The report of a collection, from end to end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftapp import quality
from ftapp.errors import ModelError
from ftapp.quality import CODES, Item, check, enough, repair, take

FIELDS = {"title": "Ward Manager", "company": "Larkfield Hospital", "applicant": "Tove Brandt",
          "preferred": "experience of rostering\nknowledge of infection control", "past": "Staff Nurse at Penmoor Clinic for 3 years",
          "current": "Charge Nurse at Ashby Infirmary for 4 years", "skills": "rostering, infection control, wound care, Excel",
          "qualifications": "Bachelor's degree in Nursing"}  # fmt: skip
SOUND = "\n\n".join((
    "Dear Ms Okafor,",
    "Your posting for a Ward Manager asks for somebody who can make a roster that holds in January. At Ashby Infirmary I have written the "
    "roster for a ward of nurses since I became Charge Nurse, and wound care is still what I like to teach.",
    "Before that I was a Staff Nurse at Penmoor Clinic, where infection control was my part of the induction. I hold a Bachelor's degree "
    "in Nursing. May I show you how our handover works, on an afternoon that suits you?",
    "Kind regards,\nTove Brandt",
))  # fmt: skip
# The two examples that a person who worked with such data gave for "low quality".
GENERIC = (
    "I am a skilled Machine Learning Engineer with a PhD in Computer Science. have previous experience as a Software Engineer at Facebook "
    "and am currently working at Google. My skillset includes Python, Tensorflow, Keras, and machine learning. I am excited about this "
    "opportunity and believe I would be a great fit for your team."
)
COLLAPSED = (
    "experience mentoring other analysts excellent written communication skills excellent sql skills experience with data visualization "
    "tools (e.g. looker, tableau, periscope) 5+ years working in an analytics team at a highgrowth company"
)


def letter(text: str = SOUND, kind: str = "cover_letter", id: str = "a", **fields: str) -> Item:
    return Item(id, kind, text, fields=FIELDS | fields)


def aside(*items: Item) -> dict[str, str]:
    return {f.code: f.reason for f in check(items) if f.quarantine}


def codes(*items: Item) -> set[str]:
    return {f.code for f in check(items)}


def test_a_sound_letter_is_left_alone():
    assert aside(letter()) == {}


def test_the_generic_letter_is_set_aside_because_it_names_neither_employer_nor_job():
    fields = {"title": "Machine Learning Engineer", "company": "IBM", "preferred": "experience with distributed training",
              "past": "Software Engineer at Facebook", "current": "Machine Learning Engineer at Google",
              "skills": "Python, Tensorflow, Keras, Machine Learning", "qualifications": "PhD in Computer Science"}  # fmt: skip
    found = {f.code: f for f in check([Item("g", "cover_letter", GENERIC, fields=fields)])}
    assert found["no_target"].quarantine
    assert "IBM" in found["no_target"].reason and "Machine Learning Engineer" in found["no_target"].reason
    assert "speaks to 0 of the 1 things that the job asks for" in found["no_target"].reason
    assert "great fit for" in found["template"].reason


def test_the_collapsed_list_becomes_a_list_again_with_before_and_after():
    mended, findings = repair(letter(preferred=COLLAPSED))
    (found,) = [f for f in findings if f.code == "collapsed_list"]
    assert found.repaired.split("\n") == [
        "- experience mentoring other analysts", "- excellent written communication skills", "- excellent sql skills",
        "- experience with data visualization tools (e.g. looker, tableau, periscope)",
        "- 5+ years working in an analytics team at a highgrowth company",
    ]  # fmt: skip
    assert found.field == "preferred" and not found.quarantine
    assert "mentoring other analysts excellent" in found.example, "the first place where a line was broken"
    assert mended.fields["preferred"] == found.repaired.replace("highgrowth", "high-growth")
    assert repair(mended) == (mended, [])


def test_every_finding_has_its_reason_and_a_code_with_a_name():
    poor = [letter("and I know rostering  wound care  and Excel. I want this job", id="1"), letter("None", id="2"), letter(id="3"),
            letter(id="4")]  # fmt: skip
    found = check(poor)
    assert {f.code for f in found} <= set(CODES)
    assert all(f.reason and f.reason[-1] in ".?" and f.example for f in found)
    assert [f.item_id for f in found] == sorted(f.item_id for f in found)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("empty", "  None "),
        ("too_long", "I want to lead the ward. " * 1000),
        ("too_short", "I want to be Ward Manager at Larkfield Hospital."),
        ("cut_start", SOUND.partition("Your posting for a Ward Manager ")[2]),
        ("cut_start", SOUND.partition("\n\n")[2].replace("Your posting", "Excel and wound care. Your posting")),
        ("cut_end", SOUND.partition(" May I show")[0][:-9]),
        ("lost_marks", SOUND.replace(",", " ").replace("wound care is", "wound care  infection control  and rosters are")),
        ("placeholder", SOUND.replace("Ms Okafor", "[Hiring Manager]")),
        ("marker", "### Sample 12\n" + SOUND),
        ("marker", SOUND.replace("\n\nBefore", "<br>\n\nBefore")),
        ("talk", "Sure! Here is your cover letter:\n\n" + SOUND),
        ("no_target", SOUND.replace("Your posting for a Ward Manager", "Your posting")),
        ("other_target", SOUND.replace("May I show", "I would be glad to join Brackenhill Hospice. May I show")),
        ("unsupported", SOUND.replace("Bachelor's degree in Nursing", "Master's degree in Economics")),
        ("unsupported", SOUND.replace("Penmoor Clinic", "Quillstone Hospital")),
        ("other_person", SOUND.replace("Kind regards,\nTove Brandt", "Kind regards,\nHarald Nyman")),
        ("mixed_language", SOUND.replace("I hold a", "Ich habe auch die Ausbildung für die Arbeit mit der Station gemacht. I hold a")),
    ],
)  # fmt: skip
def test_a_fault_is_found_and_sets_the_letter_aside(code, text):
    found = aside(letter(text))
    assert code in found and len(found[code]) > 20


def test_a_letter_that_draws_on_nothing_of_the_resume_is_set_aside():
    text = (
        "Dear Larkfield Hospital, I would like to be your next Ward Manager. People tell me that I am kind, that I listen, and that I "
        "stay when others have gone home. I have always wanted to work in a place like yours, and I hope that you will write to me soon."
    )
    assert "ignores_resume" in aside(letter(text))
    assert "ignores_resume" not in aside(letter(text.replace("I listen", "I know wound care")))


def test_a_field_with_another_fields_label_is_set_aside():
    slipped = letter(qualifications="Diploma\nSkillsets: rostering, Excel")
    (found,) = [f for f in check([slipped]) if f.code == "marker"]
    assert found.quarantine and found.field == "qualifications"


def test_what_is_only_noted():
    text = SOUND.replace("wound care is", "wellknown wound care is") + "\ntove@example.org"
    found = {f.code: f for f in check([letter(text)])}
    assert not found["contact"].quarantine and found["contact"].example == "tove@example.org"
    assert not found["other_person"].quarantine and "Okafor" in found["other_person"].example
    assert found["lost_hyphens"].repaired and "well-known wound care" in found["lost_hyphens"].repaired


def test_masks_are_no_placeholders():
    assert "placeholder" not in codes(letter(SOUND.replace("Ms Okafor", "[NAME]") + "\n[EMAIL] [PHONE]"))


def test_garbled_characters_are_put_right_and_told():
    mended, found = repair(letter("CafÃ© owners trust me; itâ€™s simple."))
    assert mended.letter == "Café owners trust me; it’s simple."
    assert [(f.code, f.repaired) for f in found] == [("mojibake", mended.letter)]


def test_repair_leaves_correct_texts_alone():
    for text in (SOUND, "I typed two blanks.  They follow a full stop, as I learned it.", "A — B “quoted” ﬁne. Čeština žije!"):
        assert repair(letter(text)) == (letter(text), [])


def test_commas_that_became_blanks_come_back():
    mended, _ = repair(letter("I know rostering  wound care  and Excel.\n\nSincerely \nTove"))
    assert mended.letter == "I know rostering, wound care, and Excel.\n\nSincerely,\nTove"
    assert "lost_marks" not in codes(mended)


def test_dashes_in_prose_are_no_list():
    prose = "Nights - and there were many - taught me calm - or so they say."
    assert repair(letter(prose))[0].letter == prose
    assert repair(letter("I can offer:\n• rosters • wound care • Excel"))[0].letter.endswith("- rosters\n- wound care\n- Excel")


def test_a_pasted_letter_without_any_field_is_judged_by_itself():
    assert aside(Item("p", "cover_letter", SOUND)) == {}
    assert "no_target" in aside(Item("p", "cover_letter", SOUND.replace("Your posting for a Ward Manager", "Your posting")))


def test_answers_are_not_asked_for_an_employer():
    answer = Item(
        "q", "answer", "I would take the smaller team. You learn more where you are needed.", turns=(("user", "Big or small team?"),)
    )
    assert check([answer]) == []


def test_a_text_in_another_language_is_not_called_short_or_mixed():
    german = ("Sehr geehrte Frau Okafor, auf die Stelle der Stationsleitung im Larkfield Hospital bewerbe ich mich gern. Seit vier Jahren "
              "leite ich im Ashby Infirmary die Schicht und schreibe den Dienstplan für die Station. Die Pflege von Wunden ist das, was "
              "ich am liebsten lehre. Ich freue mich auf ein Gespräch mit Ihnen.\n\nMit freundlichen Grüßen\nTove Brandt")  # fmt: skip
    assert not {"too_short", "cut_start", "cut_end", "mixed_language"} & set(aside(letter(german)))


GERMAN = (
    "Sehr geehrte Frau Brandl,\n\nmit großer Freude habe ich gelesen, dass die Bäckerei Eichenkorn eine Bäckerin sucht. Seit sechs Jahren "
    "backe ich bei der Mühle Tannwald jeden Morgen das Brot für die ganze Stadt, und ich kenne den Sauerteig wie kaum eine andere. Mit den "
    "Lehrlingen arbeite ich gern. Ich würde mich freuen, wenn wir uns bei einer Probe in der Backstube kennenlernen.\n\n"
    "Mit freundlichen Grüßen\nJana Ott"
)
FRENCH = (
    "Madame, Monsieur,\n\nje vous écris pour le poste de boulangère dans la maison Chêneclair, que votre annonce décrit avec soin. Depuis "
    "six ans je prépare le pain et les brioches du Moulin Perrin, et je forme aussi les apprentis qui nous rejoignent. Les nuits ne me "
    "font pas peur, et votre levain m'intéresse par son âge. Je serais heureuse de vous montrer mon travail sur un essai.\n\n"
    "Je vous prie d'agréer mes salutations.\nLucie Ferrand"
)
OF_GERMAN = {"title": "Bäckerin", "company": "Backhaus Roggenau", "current": "Bäckerin bei Mühle Tannwald", "skills": "Sauerteig, Brot"}


@pytest.mark.parametrize(("text", "fields"), [(GERMAN, {}), (FRENCH, {}), (GERMAN, OF_GERMAN)])
def test_rules_that_read_english_say_nothing_of_other_languages(text, fields):
    assert check([Item("a", "cover_letter", text, fields=fields)]) == []


def test_a_letter_in_another_language_still_has_its_damage_told():
    assert "placeholder" in aside(Item("a", "cover_letter", GERMAN.replace("Frau Brandl", "[Name of manager]")))


def test_taking_the_repaired_text_leaves_nothing_to_take():
    for text, code in ((f"Sure! Here is your cover letter:\n\n{SOUND}", "talk"), (SOUND.replace(",", " "), "lost_marks")):
        taken, done = take(letter(text))
        assert taken != text and [(f.code, f.quarantine, f.repaired) for f in done] == [(code, False, taken)]
        assert take(letter(taken)) == (taken, []) and code not in aside(letter(taken))
    assert take(letter()) == (SOUND, [])


def test_without_embeddings_words_decide_and_a_failing_model_changes_nothing():
    items = [letter(id=str(n)) for n in range(3)]

    def broken(texts, lines):
        raise ModelError("no model")

    assert check(items, similar=broken) == check(items)


def test_the_meter_counts_only_what_is_not_set_aside():
    items = [letter(SOUND.replace("January", ("May", "June")[n]), id=str(n)) for n in range(2)]
    assert enough([]).level == "none" and enough([]).good == 0
    few = enough(items, [])
    assert (few.total, few.good, few.level, dict(few.kinds)) == (2, 2, "few", {"cover_letter": 2})
    assert "30" in few.expect
    again = enough(items)  # the second repeats the first
    assert again.good == 1


def test_the_meter_names_the_kinds_of_question_that_are_missing():
    asked = ["What are your strengths?", "Tell me about a time when you failed.", "What salary do you expect?",
             "Why do you want to work here?", "Where do you see yourself in five years?"]  # fmt: skip
    items = [Item(str(n), "answer", f"An answer of mine, number {n}.", turns=(("user", text),)) for n, text in enumerate(asked)]
    missing = enough(items, []).missing
    assert "questions about advice to others" in missing and "questions about strengths and weaknesses" not in missing
    levels = [enough([replace(items[0], id=str(n)) for n in range(count)], []).level for count in (29, 30, 99, 100)]
    assert levels == ["few", "some", "some", "many"]


def test_importing_the_report_loads_no_model_library():
    import subprocess
    import sys

    code = "import sys, ftapp.quality; print([m for m in ('torch', 'sentence_transformers', 'sqlmodel') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100).stdout.strip() == "[]"
    assert quality.FIELDS[0] == "title"
