"""Own letters are read from whatever they come in, and what cannot be read is named."""

import csv
import gzip
import json

import pytest

from ftapp import briefs, example_readers
from ftapp.errors import UserError
from ftapp.example_readers import guessed, of_row, pasted, read, split
from ftapp.formats import BadRow

LETTER = (
    "Dear Fernhill team,\n\nI am applying for the Head Baker position at Fernhill Bakery. In my current role as a Pastry Chef at Oakline "
    "Rolls, I have reduced waste by 20 percent. I am skilled in sourdough and lamination. I hold a Bachelor of Science in Food "
    "Technology.\n\nThank you for reading.\n\nKind regards,\nSam Ode"
)
NOTE = "Hi Lena,\n\nyour talk on rye was the best hour of my week. May I visit?\n\nBest,\nSam"
SHORT = "Hello to all at Fernhill,\n\nyou seek a baker - I bake.\n\nI bake early.\n\nMay I come by?\n\nYours,\nSam Ode"
ANSWER = "Rye needs a sour. Feed it twice, keep it warm, and bake on the second day."


def test_a_paste_holds_one_letter_or_several():
    assert split(LETTER) == [LETTER]
    assert split(f"{LETTER}\n\n-----\n{ANSWER}\n---\n  \n") == [LETTER, ANSWER]
    assert split(f"{LETTER}\n\n{NOTE}") == [LETTER, NOTE], "each with its greeting and sign-off"
    assert split("Dear team,\n\nI bake.\n\nHello again I say.\n\nBest,\nSam") == [
        "Dear team,\n\nI bake.\n\nHello again I say.\n\nBest,\nSam"
    ]
    with pytest.raises(UserError, match="There is no text"):
        pasted(" \n---\n")
    with pytest.raises(UserError, match="can be pasted at once"):
        pasted("x" * 300_000)


@pytest.mark.parametrize(
    ("text", "kind"),
    [(LETTER, "cover_letter"), (NOTE, "linkedin_message"), (SHORT, "cover_letter"), (ANSWER, "answer"),
     ("Subject: Bread\n\nHi Lena,\n\nOne ask.", "cold_email")],
)  # fmt: skip
def test_what_a_text_is_is_guessed(text, kind):
    assert guessed(text) == kind


HEADERS = ["Job Title", "Preferred Qualifications", "Hiring Company", "Applicant Name", "Past Working Experience",
           "Current Working Experience", "Skillsets", "Qualifications", "Cover Letter"]  # fmt: skip
VALUES = ["Baker", "early hours", "Fernhill", "Sam Ode", "Cook at Elm", "Baker at Oak", "rye, wheat", "Diploma", LETTER]
NAMES = ["title", "preferred", "company", "applicant", "past", "current", "skills", "qualifications"]


@pytest.mark.parametrize(
    "shape",
    [str, str.lower, lambda name: name.replace(" ", "_").upper(), lambda name: f"  {name} ", lambda name: name.title().replace(" ", ""),
     lambda name: name.lower().replace(" working", "").replace("hiring ", "").replace("skillsets", "skills")],
)  # fmt: skip
def test_the_columns_of_structured_letters_are_known_however_they_are_written(shape):
    found = of_row({"id": 7, "source_path": "x"} | {shape(name): value for name, value in zip(HEADERS, VALUES, strict=True)})
    assert found.letter == LETTER and found.kind == "cover_letter"
    assert dict(found.fields) == dict(zip(NAMES, VALUES[:-1], strict=True))


def test_a_table_a_json_file_and_nested_columns_say_the_same(tmp_path):
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file, delimiter=";").writerows([HEADERS, VALUES])
    (tmp_path / "b.json").write_text(json.dumps([dict(zip(HEADERS, VALUES, strict=True))]))
    (tmp_path / "c.jsonl.gz").write_bytes(
        gzip.compress(json.dumps({"fields": dict(zip(NAMES, VALUES[:-1], strict=True)), "letter_body": LETTER}).encode())
    )
    found, refused = read([tmp_path])
    assert refused == [] and len(found) == 3 and found[0] == found[1] == found[2] and found[0].source == "file"


CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which bread?"}, {"role": "assistant", "content": "Rye."},
        {"role": "user", "content": "How?"}, {"role": "assistant", "content": ANSWER}]  # fmt: skip


def test_conversations_keep_their_turns():
    found = of_row({"messages": CHAT})
    assert list(found.messages) == CHAT[:-1] and found.letter == ANSWER and found.kind == "answer"
    assert of_row({"messages": [CHAT[1], {"role": "assistant", "content": LETTER}]}).kind == "cover_letter"
    said = of_row({"prompt": "Which bread?", "completion": "Rye."})
    assert said.messages == ({"role": "user", "content": "Which bread?"},) and said.letter == "Rye."
    asked = of_row({"question": "Which bread?", "answer": "Rye."})
    assert (asked.posting, asked.letter, asked.kind, asked.messages) == ("Which bread?", "Rye.", "answer", ())
    assert of_row({"letter": LETTER, "posting": "Baker wanted", "cv": "Sam"}).resume == "Sam"


@pytest.mark.parametrize("name", ["experience", "Work Experience", "workingExperience", "Employment History"])
def test_experience_of_no_named_time_is_working_experience(name):
    said = "Baker at Oakline for 3 years"
    assert of_row({"letter": LETTER, name: said}).fields == {"past": said}
    assert of_row({"letter": LETTER, name: said, "Current Working Experience": "Miller"}).fields == {"past": said, "current": "Miller"}
    assert of_row({"letter": LETTER, name: said, "Past Working Experience": "Miller"}).fields == {"past": "Miller", "current": said}
    assert of_row({"letter": LETTER, "years of experience": 3}).fields == {}


def test_an_exact_header_goes_before_one_that_only_holds_the_word():
    row = {"Company Description": "We bake.", "Company": "Oak", "Candidate Notes": "late", "Candidate": "Sam Ode",
           "Letter Notes": "sent", "Cover Letter": LETTER}  # fmt: skip
    found = of_row(row)
    assert found.letter == LETTER and found.fields == {"company": "Oak", "applicant": "Sam Ode"}
    assert "company" not in of_row({"Company Description": "We bake.", "letter": LETTER}).fields


def test_a_rating_beside_a_letter_is_a_column_unless_it_says_that_the_letter_is_bad():
    row = {"company": "Oak", "letter_text": LETTER}
    assert of_row(row | {"label": "good"}).letter == LETTER == of_row(row | {"label": True}).letter
    for bad in ("Bad", False, 0):
        with pytest.raises(BadRow, match="not a good one"):
            of_row(row | {"label": bad})


@pytest.mark.parametrize(
    ("row", "why"),
    [({"chosen": "a", "rejected": "b", "prompt": "q"}, "bring it under Data"),
     ({"prompt": "q", "completion": "a", "label": True}, "under Data"), ({"text": "a", "label": 1}, "under Data"),
     ({"letter": "a", "chosen": "b"}, "under Data"), ({"messages": CHAT[:2]}, "does not end with an answer"),
     ({"colour": "red"}, "no column is known"), ({"title": "Baker"}, "no letter"),
     ({"letter": "x" * 300_000}, "more than")],
)  # fmt: skip
def test_a_row_that_is_no_example_says_why(row, why):
    with pytest.raises(BadRow, match=why):
        of_row(row)


def test_files_and_folders_with_postings_beside_and_bad_ones_named(tmp_path):
    inner = tmp_path / "letters" / "2024"
    inner.mkdir(parents=True)
    (inner / "fernhill letter.txt").write_text(LETTER)
    (inner / "fernhill posting.txt").write_text("Head Baker\nCompany: Fernhill Bakery")
    (inner / "two.md").write_text(f"{NOTE}\n\n---\n\n{ANSWER}")
    (inner / "empty.txt").write_text("")
    (inner / ".hidden.txt").write_text("no")
    (inner / "bad.jsonl").write_text('{"messages": 5}\n{broken\n' + json.dumps({"messages": CHAT}))
    (inner / "numbers.csv").write_text("a,b\n1,2\n")
    found, refused = read([tmp_path / "letters"])
    assert [one.letter for one in found] == [ANSWER, LETTER, NOTE, ANSWER]
    assert found[1].posting.startswith("Head Baker") and not found[2].posting
    assert [line.partition(":")[0] for line in refused] == ["bad.jsonl, line 1", "bad.jsonl, line 2", "empty.txt", "numbers.csv"]
    assert "columns: letter" in refused[-1]


def test_uploads_lie_apart_and_one_posting_is_for_one_letter(tmp_path):
    for name, text in (("oak.txt", LETTER), ("oak-posting.txt", "Head Baker\nCompany: Oak")):
        (tmp_path / name[:5]).mkdir(exist_ok=True)
        (tmp_path / name[:5] / name).write_text(text)
    both = [tmp_path / "oak.t" / "oak.txt", tmp_path / "oak-p" / "oak-posting.txt"]
    assert [one.posting for one in read(both, uploaded=True)[0]] == ["Head Baker\nCompany: Oak"]
    assert len(read(both)[0]) == 2, "in folders of their own they have nothing to do with each other"
    assert read(both[:1], posting="Baker wanted")[0][0].posting == "Baker wanted"
    for bring in (lambda: read(both, posting="Baker wanted"), lambda: pasted(f"{LETTER}\n---\n{ANSWER}", "Baker wanted")):
        with pytest.raises(UserError, match="each letter answers its own"):
            bring()


def test_too_much_at_once_is_refused_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(example_readers, "MOST_EXAMPLES", 2)
    (tmp_path / "a.txt").write_text(f"{NOTE}\n---\n{ANSWER}\n---\n{LETTER}")
    with pytest.raises(UserError, match="Nothing was stored"):
        read([tmp_path])


# ---- the brief of a letter without its posting -----------------------------------------------------------------


def test_a_brief_is_rebuilt_from_what_the_letter_says():
    found = briefs.rebuilt(LETTER)
    assert found["title"] == "Head Baker" and found["company"] == "Fernhill Bakery" and found["applicant"] == "Sam Ode"
    assert found["current"].splitlines() == ["Pastry Chef at Oakline Rolls", "- Reduced waste by 20 percent"]
    assert {"sourdough", "lamination"} <= set(found["skills"].split(", ")) and "Food Technology" in found["qualifications"]


@pytest.mark.parametrize(
    ("said", "title", "company"),
    [("I saw your posting for an experienced pastry chef to join your team.", "pastry chef", ""),
     ("I would like to become your next Head Baker.", "Head Baker", ""),
     ("I want to join Fernhill as a Baker.", "Baker", "Fernhill"),
     ("In my previous role as a Cook I learned much. I apply for the Baker role at Elm & Sons.", "Baker", "Elm & Sons"),
     ("I like bread.", "", "")],
)  # fmt: skip
def test_whom_a_letter_is_for(said, title, company):
    assert briefs.target(said) == (title, company)


def test_columns_become_the_fields_of_a_prompt():
    person = briefs.profile({"applicant": "Sam", "current": "Baker at Oak Ltd for 3 years", "past": "Cook at Elm, Waiter at Ash",
                             "skills": "rye, R; wheat", "qualifications": "Diploma\nCertified Taster"})  # fmt: skip
    assert [(e.title, e.employer, e.end) for e in person.experience] == [
        ("Baker", "Oak Ltd", "3 years"),
        ("Cook", "Elm", ""),
        ("Waiter", "Ash", ""),
    ]
    assert (person.skills, person.education, person.certificates) == (["rye", "R", "wheat"], ["Diploma"], ["Certified Taster"])
    job = briefs.job({"title": "Baker", "company": "Fern", "preferred": "5+ years of experience with sourdough\nN/A"})
    assert (job.title, job.company) == ("Baker", "Fern") and len(job.requirements) == 1 and "sourdough" in job.requirements[0]
    assert briefs.profile({}).experience == [] and briefs.job({"preferred": "none"}).requirements == []
    back = briefs.fields_of(job, person)
    assert back["current"] == "Baker at Oak Ltd (3 years)" and back["past"] == "Cook at Elm\nWaiter at Ash"
