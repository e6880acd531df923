"""Postings and résumés of many layouts come down to clean fields; what is not there stays empty."""

from __future__ import annotations

import time

import pytest

from ftapp import layout, positions, prompts, requirements
from ftapp.profiles import Experience, ResumeProfile, experience_lines, parse_job, parse_resume, read_experience
from ftapp.profiles_job import clean_title
from ftapp.profiles_resume import person

BOARD = """Senior Theatre Nurse - Band 6
Marlow Vale NHS Trust
Elmbridge Hospital, Marlow
Salary: £33,000 - £40,000 per annum

Are you looking for a new challenge? We are seeking a nurse for our day theatres.
You will have experience of scrub work and recovery. You must have a current NMC registration.
The successful candidate will have excellent communication skills and the ability to stay calm under pressure.

We are an equal opportunities employer and welcome applicants regardless of age, race or religion.
All posts are subject to a DBS check. Please apply with your CV."""

SECTIONED = """Data Analyst with verification
Pellwick Analytics · Leeds, England

About the job

Who we are

Pellwick Analytics is a small firm that counts things for councils.

What you'll do
• Build dashboards for housing teams
• Check the quality of survey data; report gaps

Requirements:
• 3+ years of experience with SQL (Postgres is a plus)
• You have a degree in statistics or a related field, which should have been awarded before the summer of this year by a university
• Strong written English is essential
• A flexible attitude
• Experience of passing a DBS check and a background check
• Skills are rewarded: £41,000 per annum plus pension
• Candidates of every race, religion and disability with experience are welcome

What we offer
• Pension of 10 %
• Experience days and a bike

How to apply
Send your experience to us."""

LABELLED = """Job title: Museum Registrar (Ref: MR-2231)
Organisation: The Harbour Museum (THM)
Location: Whitby
Essential Functions
Maintains loan records and prepares condition reports
Oversees transport of works of art

Person specification
-
Knowledge of collections databases and
documentation standards
-
Ability to handle fragile objects"""


def test_job_board_layout():
    job = parse_job(BOARD)
    assert (job.title, job.company, job.location) == ("Senior Theatre Nurse", "Marlow Vale NHS Trust", "Elmbridge Hospital, Marlow")
    assert "Experience of scrub work and recovery" in job.requirements
    assert "Current NMC registration" in job.requirements
    assert any(r.startswith("Excellent communication skills") for r in job.requirements)


def test_sections_bullets_and_lead_ins():
    job = parse_job(SECTIONED)
    assert (job.title, job.company, job.location) == ("Data Analyst", "Pellwick Analytics", "Leeds, England")
    assert job.duties == ["Build dashboards for housing teams", "Check the quality of survey data"]
    assert job.requirements == ["3+ years of experience with SQL", "Degree in statistics or a related field", "Strong written English",
                                "A flexible attitude"]  # fmt: skip


def test_labels_lone_bullets_and_wrapped_lines():
    job = parse_job(LABELLED)
    assert (job.title, job.company, job.location) == ("Museum Registrar", "The Harbour Museum", "Whitby")
    assert job.requirements == ["Knowledge of collections databases and documentation standards", "Ability to handle fragile objects"]
    assert job.duties == ["Maintains loan records and prepares condition reports", "Oversees transport of works of art"]


@pytest.mark.parametrize("text", [BOARD, SECTIONED])
def test_law_pay_benefits_and_how_to_apply_are_no_requirements(text):
    job = parse_job(text)
    said = " ".join(job.requirements + job.duties).lower()
    assert not any(word in said for word in ("equal", "religion", "dbs", "cv", "pension", "bike", "apply", "send your"))


@pytest.mark.parametrize(("text", "company"), [
    ("Joiner\n\nOakholt Interiors is looking for a joiner to fit kitchens. Come and join Oakholt Interiors in spring.", "Oakholt "
     "Interiors"),
    ("Florist\n\nAbout Petal Row\nWe sell flowers. At Petal Row, we care for every stem.", "Petal Row"),
    ("Platform Engineer\n\nPosted by\n\nGreyfin\n\non\n\nMon, 1 Jan 2024\n\nTags:\n\n-\n\npython", "Greyfin"),
    ("Warehouse Operative\n\nWe are looking for someone with a fork lift licence.", ""),
    ("Accountant\n\nThe City seeks an accountant. The Department of Finance is busy.", ""),
])  # fmt: skip
def test_company_from_sentences_or_none(text, company):
    assert parse_job(text).company == company


def test_company_from_a_letterhead_and_from_a_title_below_the_menu():
    head = "Tarnside Museum\n{}\n\nPosition: Archivist\n\nCatalogue letters."
    assert parse_job(head.format("12 Mill Lane, Corby HG1 4QT")).company == "Tarnside Museum"
    assert parse_job(head.format("12 rooms of old letters")).company == ""
    menu = "Home\nSearch jobs\nStudent jobs\nStaff jobs\nSign in\nFAQs\n\n"
    assert parse_job(f"{menu}Data Engineer | University of Tayford\n\nBuild pipelines.").company == "University of Tayford"


@pytest.mark.parametrize(("raw", "title"), [
    ("Job description: Head Baker", "Head Baker"), ("SITE MANAGER", "Site Manager"), ("Ward Clerk (Ref 221-B7)", "Ward Clerk"),
    ("Apply for Software Engineer II", "Software Engineer II"), ("Chef - £30k plus tips", "Chef"), ("Teaching Assistant - Part "
     "time", "Teaching Assistant"),
    ("Porter x 3 posts", "Porter"), ("Job Coach", "Job Coach"), ("Assistant Curator, Textiles", "Assistant Curator, Textiles"),
])  # fmt: skip
def test_titles_are_cleaned(raw, title):
    assert clean_title(raw) == title


@pytest.mark.parametrize(("raw", "short"), [
    ("• You will have a full UK driving licence;", "Full UK driving licence"),
    ("We are looking for someone with experience of lambing.", "Experience of lambing"),
    ("must have good eyesight (essential)", "Good eyesight"),
    ("The ideal candidate will have strong numeracy skills", "Strong numeracy skills"),
    ("Experience of gRPC (e.g. streaming) is desirable", "Experience of gRPC"),
])  # fmt: skip
def test_requirements_are_short(raw, short):
    assert requirements.shorten(raw) == short


def test_long_lines_end_at_a_clause():
    long = (
        "Experience of planning, leading and documenting the maintenance of heavy machinery in quarries, including crushers, "
        "screens and conveyors of every make"
    )
    assert requirements.shorten(long) == "Experience of planning, leading and documenting the maintenance of heavy machinery in quarries"
    assert len(layout.cut("word " * 60).split()) == 60  # nothing to cut at: prompts.build condenses and reports it


INDEED = """ROSA ELLWOOD
Ward Manager - Cairn Hospital

Perth - Email me on Indeed: https://example.org/r/rosa
rosa@example.org | +44 7700 900123

Willing to relocate: Anywhere

WORK EXPERIENCE

Ward Manager

Cairn Hospital -  Perth, Scotland -

March 2019 to Present

• Led a ward of 28 beds through two inspections
• Reduced falls by 30% in one year

Staff Nurse

Glen Infirmary

2014 to 2019

Responsibilities:
• Administered medication safely
The ward treats patients after stroke.

EDUCATION

BSc Nursing

University of Tayford

2010 to 2014

High School Certificate

SKILLS

Triage (5 years), wound care (Less than 1 year), Excel, rota planning

CERTIFICATIONS

Advanced Life Support
"""


def test_indeed_layout():
    me = parse_resume(INDEED)
    assert (me.name, me.headline) == ("Rosa Ellwood", "Ward Manager")
    assert [(e.title, e.employer, e.start, e.end) for e in me.experience] == [
        ("Ward Manager", "Cairn Hospital", "March 2019", "present"), ("Staff Nurse", "Glen Infirmary", "2014", "2019")]  # fmt: skip
    assert me.experience[0].achievements == ["Led a ward of 28 beds through two inspections", "Reduced falls by 30% in one year"]
    assert me.skills == ["Triage", "wound care", "Excel", "rota planning"]
    assert me.education == ["BSc Nursing, University of Tayford"]
    assert me.certificates == ["Advanced Life Support"]


@pytest.mark.parametrize("header", [
    "Site Engineer at Dunmore Civil Ltd, Jan 2018 - Dec 2020", "Dunmore Civil Ltd, Site Engineer\nJan. 2018 – Dec. 2020",
    "Site Engineer | Dunmore Civil Ltd – Derry, NI\nJan 2018 – Dec 2020", "Dunmore Civil Ltd as Site Engineer\nJan 2018 to Dec 2020",
    "Dunmore Civil Ltd\nSite Engineer\nJan 2018 - Dec 2020 · 3 yrs", "Jan 2018 - Dec 2020  Site Engineer  Dunmore Civil Ltd",
    "Site Engineer (contract)\nDunmore Civil Ltd, Derry\nJan 2018 – Dec 2020", "Site EngineerDunmore Civil LtdJan 2018 – Dec 2020",
])  # fmt: skip
def test_headers_of_positions(header):
    me = parse_resume(f"Ivo Tarn\n\nExperience\n{header}\n• Built two bridges over the Foyle\n\nEducation\nHND Construction, "
                       "Foyle College")
    (only,) = me.experience
    assert (only.title, only.employer.removesuffix(", Derry")) == ("Site Engineer", "Dunmore Civil Ltd")
    assert (only.start.replace(".", ""), only.end.replace(".", "")) == ("Jan 2018", "Dec 2020")
    assert only.achievements == ["Built two bridges over the Foyle"]


@pytest.mark.parametrize("below, employer", [
    ("Dunmore   Derry, NI", "Dunmore"), ("Dunmore | Derry, NI", "Dunmore"), ("Dunmore & Sons – Remote", "Dunmore & Sons"),
    ("Built bridges   Derry, NI", ""), ("Concrete, Steel, Timber", ""), ("Dunmore", ""),
])  # fmt: skip
def test_a_name_and_a_place_below_the_dates_are_the_employer(below, employer):
    me = parse_resume(f"Ivo Tarn\n\nExperience\nSite Engineer\nJan 2018 - Dec 2020\n{below}\n• Led two crews on the Foyle")
    assert [(e.title, e.employer) for e in me.experience] == [("Site Engineer", employer)]


def test_labels_of_a_job_portal():
    me = parse_resume("Mina Okoro Featured Resume\n\nCurrent Designation: Payroll Officer\nCurrent Company: Fernley "
                      "Foods\nMarital Status: Single\n"
                      "Key Skills: Payroll,Excel, Sage (2 years)\nHighest Degree: B.Com [Accounts]")  # fmt: skip
    assert (me.name, me.headline) == ("Mina Okoro", "Payroll Officer")
    assert [(e.title, e.employer, e.end) for e in me.experience] == [("Payroll Officer", "Fernley Foods", "present")]
    assert me.skills == ["Payroll", "Excel", "Sage"] and me.education == ["B.Com Accounts"]


def test_glued_headings_and_company_labels():
    me = parse_resume("Technical Skills Languages: C, Java.Education Details \nJune 2012 B.E Civil  Tarn Institute of "
                      "Technology\nSkill Details \n"
                      "AutoCAD- Exprience - 12 monthsCompany Details \ncompany - Stonebridge Works Ltd\ndescription - "
                      "Designation: Draughtsman\n"
                      "Drew plans of twelve schools.")  # fmt: skip
    assert me.name == ""
    assert me.experience[0].employer == "Stonebridge Works Ltd"
    assert "AutoCAD" in me.skills and "Java" in me.skills and not any("months" in s for s in me.skills)


def test_a_dump_on_one_line():
    me = parse_resume("Lena Frost Email: lena@example.org Phone: 07700 900456 SUMMARY Gardener with ten years of practice in "
                      "public parks and walled gardens of "
                      "the north. WORK EXPERIENCE Head Gardener, Alder Park Trust 2015 - 2020 • Planted 4,000 trees • Trained six "
                      "apprentices "
                      "EDUCATION Diploma in Horticulture, Wynford College SKILLS pruning, grafting, plant identification")  # fmt: skip
    assert me.name == "Lena Frost"
    assert me.skills == ["pruning", "grafting", "plant identification"]
    assert me.education == ["Diploma in Horticulture, Wynford College"]
    assert any(e.title == "Head Gardener" and e.employer == "Alder Park Trust" for e in me.experience)


@pytest.mark.parametrize(("line", "name"), [
    ("MARA LIND", "Mara Lind"), ("Name: Jo van der Berg", "Jo van der Berg"), ("Curriculum Vitae - Ana DUPONT", "Ana Dupont"),
    ("SEÁN O'NEILL-MCKAY", "Seán O'Neill-McKay"), ("Dr. Wei Zhang, PhD", "Wei Zhang"), ("James Cook", "James Cook"),
    ("Tom Hale | tom@example.org", "Tom Hale"), ("Curriculum Vitae", ""), ("Project Manager", ""), ("Work Experience", ""),
    ("Birch Housing Association", ""), ("C, C++, Java", ""), ("London", ""), ("Seeking a new role in retail", ""), ("Technical "
     "Skills", ""),
])  # fmt: skip
def test_names_and_what_is_no_name(line, name):
    assert person(line) == name


def test_contact_data_enters_no_field():
    hidden = INDEED.replace("• Led a ward", "• Answered ward.nine@example.org and led a ward").replace("Excel,", "Excel, +44 7700 900123,")
    hidden = hidden.replace("University of Tayford", "University of Tayford, www.example.org/tay 01632 960001")
    me = parse_resume(hidden + "\nREFERENCES\nDr Hill, hill@example.org, 01632 960002\n12 Mill Lane")
    said = me.model_dump_json()
    assert "led a ward of 28 beds" in said and "rota planning" in said and "Tayford" in said
    assert not any(private in said for private in ("@", "900123", "96000", "example.org"))


def test_nothing_comes_from_nothing():
    assert parse_resume("") == ResumeProfile()
    assert parse_job("") == parse_job("\n \n")
    assert parse_job("Hello.").company == "" and parse_resume("I like tea and long walks.").experience == []


def test_the_same_position_twice_is_one():
    block = layout.lines("company - Arden Mill\ndescription - Ran two looms daily\ncompany - Arden Mill\ndescription - Trained "
                         "new weavers weekly")
    (only,) = positions.positions(block)
    assert only.achievements == ["Ran two looms daily", "Trained new weavers weekly"]


def test_the_prompt_reads_like_an_index_card():
    card = prompts.build(parse_resume(INDEED), parse_job(SECTIONED)).messages[-1]["content"]
    assert "title: Data Analyst\ncompany: Pellwick Analytics\n" in card
    assert "name:\nRosa Ellwood\n" in card
    assert "- Ward Manager at Cairn Hospital (March 2019 to present)\n* " in card


@pytest.mark.parametrize("shape", ["a,", "Bank of the ", "You will have experience and have skill and ", "12 ", "• a "
                         "", "x", "2019 - 2020\n", "- "])
def test_no_paste_makes_parsing_slow(shape):
    text = shape * (20_000 // len(shape))
    started = time.perf_counter()
    parse_job(text)
    parse_resume("SKILLS\n" + text + "\nEDUCATION\n" + text[:5000])
    assert time.perf_counter() - started < 30  # usually one second; a quadratic pattern takes minutes


def test_positions_survive_being_shown_for_correction():
    held = [
        Experience(title="Chef at Large", employer="Red at Night Ltd", start="Mar 2019", end="present", achievements=["Fed 40", "- twice"]),
        Experience(employer="Foo, Bar Inc"),
        Experience(title="Cook", employer="B", start="2011"),
        Experience(title="Cook"),
    ]
    assert read_experience(experience_lines(held)) == held
    assert read_experience("  \n* Baker | Mill\n- Baked") == [Experience(title="Baker", employer="Mill", achievements=["Baked"])]
    assert read_experience("") == []
