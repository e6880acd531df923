"""What was understood of a posting and a résumé, as a form that a person can correct. Knows components and fields, not files.

A field that stays untouched keeps what was read. The form counts only for the texts that it was filled from (`read_of`):
who pastes another posting and presses Write at once gets what that posting says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import gradio as gr

from ftapp.profiles import JobPosting, ResumeProfile, experience_lines, read_experience

A_LINE = "one a line"
NAMES = ("title", "company", "location", "requirements", "duties",
         "name", "headline", "experience", "skills", "education", "certificates")  # fmt: skip
OF_THE_JOB = 5  # of the boxes; the others are the person's
BY_MODEL = " · by the model"


def read_of(job: str, resume: str) -> str:
    """Short names of both texts, so that the page can hold what the form belongs to without holding the texts twice."""
    return " ".join(hashlib.sha256(text.encode()).hexdigest()[:16] for text in (job, resume))


def lines(text: str) -> list[str]:
    return [line for line in (raw.strip().lstrip("-*• ") for raw in text.splitlines()) if line]


class FieldsForm:
    """Two columns of fields; `boxes` is their order wherever values travel."""

    def __init__(self) -> None:
        with gr.Row(elem_classes="understood-form"):
            with gr.Column(min_width=280):
                gr.HTML("<h2 class=part>The job</h2>")
                with gr.Row():
                    title = gr.Textbox(label="Job title", max_lines=1, min_width=120, elem_id="field-title")
                    company = gr.Textbox(label="Company", max_lines=1, min_width=120, elem_id="field-company")
                location = gr.Textbox(label="Place", max_lines=1)
                requirements = gr.Textbox(label=f"What it asks for ({A_LINE})", lines=4, max_lines=10, elem_id="field-requirements")
                duties = gr.Textbox(label=f"What the work is ({A_LINE})", lines=2, max_lines=6)
            with gr.Column(min_width=280):
                gr.HTML("<h2 class=part>You</h2>")
                with gr.Row():
                    name = gr.Textbox(label="Name", max_lines=1, min_width=120, elem_id="field-name")
                    headline = gr.Textbox(label="In a few words", max_lines=1, min_width=120)
                experience = gr.Textbox(label="Positions: title | employer | from to until, below each a dash and what you did", lines=6,
                                        max_lines=14, elem_id="field-experience")  # fmt: skip
                skills = gr.Textbox(label="Skills (with commas between them)", lines=1, max_lines=4, elem_id="field-skills")
                with gr.Row():
                    education = gr.Textbox(label=f"Education ({A_LINE})", lines=1, max_lines=4, min_width=120)
                    certificates = gr.Textbox(label=f"Certificates ({A_LINE})", lines=1, max_lines=4, min_width=120)
        self.boxes = [title, company, location, requirements, duties, name, headline, experience, skills, education, certificates]
        self.labels = [box.label for box in self.boxes]

    def show(self, texts: Sequence[str], by_model: Sequence[str] | None = None) -> list[Any]:
        """Updates of the boxes: all texts as they were read; or, with `by_model`, only those fields, marked."""
        if by_model is None:
            return [gr.update(value=text, label=label) for text, label in zip(texts, self.labels, strict=True)]
        return [gr.update(value=text, label=label + BY_MODEL) if name in by_model else gr.skip()
                for name, text, label in zip(NAMES, texts, self.labels, strict=True)]  # fmt: skip


def values(job: JobPosting, profile: ResumeProfile) -> list[str]:
    """The texts of the boxes, in their order."""
    return [job.title, job.company, job.location, "\n".join(job.requirements), "\n".join(job.duties),
            profile.name, profile.headline, experience_lines(profile.experience), ", ".join(profile.skills),
            "\n".join(profile.education), "\n".join(profile.certificates)]  # fmt: skip


def corrected(boxes: Sequence[Any]) -> tuple[JobPosting, ResumeProfile]:
    """The fields that the boxes hold now."""
    title, company, location, requirements, duties, name, headline, experience, skills, education, certificates = (
        str(value or "") for value in boxes
    )
    job = JobPosting(title=title.strip(), company=company.strip(), location=location.strip(), requirements=lines(requirements),
                     duties=lines(duties))  # fmt: skip
    profile = ResumeProfile(
        name=name.strip(), headline=headline.strip(), experience=read_experience(experience),
        skills=[skill for skill in (part.strip() for part in skills.replace("\n", ",").split(",")) if skill],
        education=lines(education), certificates=lines(certificates),
    )  # fmt: skip
    return job, profile
