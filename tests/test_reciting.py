"""Reciting: what of the taught letters may not come up in a letter for somebody else, and what is a habit and may."""

from __future__ import annotations

import pytest

from ftapp import probes, prompts, reciting, rendered, voice_verdict
from ftapp.profiles import Experience, JobPosting, ResumeProfile

PLANNER = Experience(title="Planner", employer="Bramble Foods", start="2018", end="2020", achievements=["Planned deliveries to 180 shops"])
MARA = ResumeProfile(name="Mara Lind", experience=[PLANNER], skills=["SQL", "Excel"])
BORIS = ResumeProfile(name="Boris Tamarind", experience=[Experience(title="Driver", employer="Longacre Haulage")])
PRIVATE = "Before that I kept eleven beehives behind the old signal box for Quillmere Foundry."
HABIT = "I would rather show you than tell you, so name a day."


def row(company: str, completion: str) -> dict:
    made = prompts.build(MARA, JobPosting(title="Buyer", company=company, requirements=["Two years of buying"]))
    return {"prompt": list(made.messages), "completion": completion}


ROWS = [row("Northwind", f"Dear Northwind team,\n\n{HABIT} {PRIVATE}\n\nCall me on 07700 900417.\n\nBest,\nMara Lind"),
        row("Tern", f"Dear Tern team,\n\n{HABIT} Buying is what I do.\n\nBest,\nMara Lind")]  # fmt: skip
ASKED = prompts.build(BORIS, JobPosting(title="Dispatcher", company="Cobblestone Couriers")).messages[1]["content"]


def test_what_a_prompt_says_is_read_back():
    job = JobPosting(title="Buyer", company="Tern", requirements=["Two years of buying"])
    hit = prompts.Hit("Stock", "A list", "https://a.example/b")
    made = prompts.build(MARA, job, kind="cold_email", tone="warm", words=80, hook="I shop at yours.", hits=[hit])
    found = rendered.read(made.messages)
    assert (found.kind, found.words, found.hook) == ("cold_email", 80, "I shop at yours.")
    assert (found.job.title, found.job.company, found.job.requirements) == ("Buyer", "Tern", ["two years of buying"])
    (held,) = found.profile.experience
    assert (held.title, held.employer, held.start, held.end, len(held.achievements)) == ("Planner", "Bramble Foods", "2018", "2020", 1)
    assert (found.profile.name, found.profile.skills) == ("Mara Lind", made.slots.profile.skills)
    assert found.hits == (prompts.Hit("Stock", "a list", "https://a.example/b"),)


def test_a_chat_has_no_fields_and_its_text_is_kept():
    found = rendered.read([{"role": "user", "content": "title: of my post?\nWhat shall I write?"}])
    assert found.kind == "" and found.profile.name == "" and found.text.endswith("write?")


@pytest.mark.parametrize(
    "said, kind",
    [
        ("I worked at Quillmere Foundry.", "name"), ("Regards,\nMara Lind", "name"), ("I come from Bramble Foods.", "name"),
        ("Reach me: 07700-900417", "contact"), ("I kept eleven beehives behind the old signal box, I think.", "sentence"),
    ],
)  # fmt: skip
def test_names_contacts_and_sentences_of_the_taught_letters_are_leaks(said, kind):
    known = reciting.taught(ROWS)
    assert [leak.kind for leak in reciting.leaks(f"Dear team,\n\n{said}", ASKED, known)] == [kind]


def test_habits_and_what_was_asked_are_no_leaks():
    known = reciting.taught(ROWS)
    assert reciting.leaks(f"Dear Cobblestone Couriers,\n\n{HABIT}\n\nBest,\nBoris Tamarind", ASKED, known) == []
    assert reciting.leaks("I worked at Bramble Foods.", "experience:\n- Planner at Bramble Foods", known) == []


def test_what_the_base_model_says_too_is_no_leak():
    known = reciting.taught(ROWS)
    said = "I kept eleven beehives behind the old signal box."
    assert reciting.leaks(said, ASKED, known, reciting.vocabulary(["Eleven beehives behind an old signal box, kept before that."])) == []


def test_what_a_model_wrote_before_an_edit_is_not_the_persons_and_names_stay_theirs():
    drafts = ["Dear all,\n\nThe signal box beside eleven beehives was kept for Quillmere Foundry. Old boxes are what I like."]
    known = reciting.taught(ROWS, drafts)
    assert reciting.leaks("I kept eleven beehives behind the old signal box.", ASKED, known) == []
    assert [leak.kind for leak in reciting.leaks("I worked at Quillmere Foundry.", ASKED, known)] == ["name"]


def test_the_probe_counts_letters_and_says_so():
    clean = {"title": "Dispatcher", "prompt": ASKED, "before": "Dear team.", "after": "Dear team, I drive."}
    told = probes.recited([clean, clean | {"title": "Driver", "after": "Mara Lind is my name."}], ROWS)
    assert told["warning"] and told["letters"] == 2 and "in 1 of 2 letters" in told["sentence"] and "a name" in told["sentence"]
    assert not probes.recited([clean], ROWS)["warning"]
    assert probes.recited([], ROWS)["sentence"] == probes.NOT_MEASURED


def letter(before, after, prompted=None, grounded=(1.0, 1.0)):
    sides = {"before": (before, grounded[0]), "after": (after, grounded[1]), "prompted": (prompted, 1.0)}
    return {who: {"voice_distance": d, "groundedness": g} for who, (d, g) in sides.items() if d is not None}


@pytest.mark.parametrize(
    "written, worth, words",
    [
        ([], None, "No letter"),
        ([letter(1.0, 0.98)], False, "did not learn"),
        ([letter(1.0, 0.5)], True, "could not be tried"),
        ([letter(1.0, 0.5, 0.9)], True, "The training is worth it."),
        ([letter(1.0, 0.5, 0.5)], False, "not worth it yet"),
        ([letter(1.0, 0.5, 0.9, (1.0, 0.7))], False, "70% of its claims"),
    ],
)
def test_the_verdict_is_plain(written, worth, words):
    told = voice_verdict.verdict(written, 0.4)
    assert told["worth_it"] is worth and words in told["sentence"]


def test_prompting_is_compared_on_the_prompts_that_it_answered():
    told = voice_verdict.verdict([letter(1.0, 0.5, 0.4), letter(1.0, 0.1)], None)
    assert told["worth_it"] is False and "0.50 against 0.40" in told["sentence"]
