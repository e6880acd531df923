"""What a résumé and a posting say, as fields. Knows nothing of files, models or letters.

`parse_resume` and `parse_job` read plain text by simple rules; a field that the text does not
give stays empty, because an invented field would become an invented claim in a letter.
"""

from __future__ import annotations

from pydantic import BaseModel, Field


class Experience(BaseModel):
    """One position held. Dates stay as they were written ("2019", "Mar 2019", "present")."""

    title: str = ""
    employer: str = ""
    start: str = ""
    end: str = ""
    achievements: list[str] = Field(default_factory=list)


class ResumeProfile(BaseModel):
    """The applicant, newest position first."""

    name: str = ""
    headline: str = ""
    experience: list[Experience] = Field(default_factory=list)
    education: list[str] = Field(default_factory=list)
    certificates: list[str] = Field(default_factory=list)
    skills: list[str] = Field(default_factory=list)


class JobPosting(BaseModel):
    """The posting. For the kind "answer" only `question` is filled."""

    title: str = ""
    company: str = ""
    location: str = ""
    requirements: list[str] = Field(default_factory=list)
    duties: list[str] = Field(default_factory=list)
    language: str = "English"
    question: str = ""


def parse_job(text: str) -> JobPosting:
    """A pasted posting's fields; see `profiles_job`."""
    from ftapp import profiles_job  # it imports the classes above

    return profiles_job.parse_job(text)


def parse_resume(text: str) -> ResumeProfile:
    """A pasted résumé's fields; see `profiles_resume`."""
    from ftapp import profiles_resume

    return profiles_resume.parse_resume(text)


def experience_lines(experience: list[Experience]) -> str:
    """Positions as a person can correct them: `Title | Employer | 2019 to 2021`, then a line with a dash for each achievement."""
    lines = []
    for e in experience:
        lines.append(" | ".join((e.title, e.employer, " to ".join(date for date in (e.start, e.end) if date))).rstrip(" |"))
        lines += [f"- {achievement}" for achievement in e.achievements]
    return "\n".join(lines)


def read_experience(text: str) -> list[Experience]:
    """What `experience_lines` wrote, corrected by a person. What a line does not say stays empty."""
    found: list[Experience] = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if line[0] in "-*•" and found:
            found[-1].achievements.append(line[1:].strip())
        else:
            title, employer, dates = (part.strip() for part in (line.lstrip("-*• ") + "||").split("|")[:3])
            start, _, end = dates.partition(" to ")
            found.append(Experience(title=title, employer=employer, start=start.strip(), end=end.strip()))
    return found
