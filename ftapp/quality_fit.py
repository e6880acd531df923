"""Whether a letter fits its own fields: names the job or the employer, and only that one; draws on the résumé; claims what it holds.

Looks at one example alone. Facts are compared by the claim ledger; the rules about target and résumé here are by words. English only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ftapp import claims, cleaning, scripts
from ftapp import claims_facts as facts
from ftapp import claims_find as find
from ftapp.claims_sources import of_person
from ftapp.claims_text import Claim, Sentence, sentences
from ftapp.quality_items import Finding, Item
from ftapp.quality_sources import Sources, said, words
from ftapp.vocabulary import OCCUPATION

# A wrong one of these is a wrong life; a duration or a skill more is what letters say everywhere, and is only noted.
_GRAVE = frozenset(("employer", "title", "degree", "certificate", "award", "contact", "number"))
_ADDRESSED = ("cover_letter", "cold_email")  # kinds that are written to one employer
_FOR_JOB = re.compile(
    r"(?i)\b(?:appl(?:y|ying|ication|ied)|position|role|post|job|vacancy|opening|opportunity|internship|candidate|join\w*|hiring|consider\w*|"
    r"interest(?:ed)?|excited|thrilled|delighted|eager|keen|contribut\w+|look(?:ing)? forward|bring|fit|success|team|your|subject|re)\b"
)
_SELF = re.compile(r"(?i)\b(?:i am|i['’]m|as|being|worked as|working as|currently)\s(?:an?|the)?\s?(?:[\w-]+\s){0,3}$")
_LOOKS_AHEAD = re.compile(
    r"(?i)\b(?:contribut\w+|opportunity|excited|eager|thrilled|join\w*|look(?:ing)? forward|mission|help(?:ing)?|support|improv\w+|growth|"
    r"revenue|success|future|shape|shaping|drive|driving|confident|ability|interest\w*|passion\w*|aligns?|roadmap|strategy)\b"
)
_THEIR_NAME = re.compile(
    rf"\b(?:at|for|across|join|joining|of|by|faced by|within|through)\s(?:the\s)?(?P<name>{find.NAME.pattern})(?P<end>['’]s?)?"
)
_MONTHS = re.compile(r"(?i)^(?:jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec|mon|tues|wednes|thurs|fri|satur|sun)[a-z]*$")


def look(item: Item, sources: Sources) -> Iterator[Finding]:
    """Findings of the mended item against its own sources."""
    found: list[Finding] = []
    addressed = item.kind in _ADDRESSED
    english = not scripts.language(item.letter)  # the rules about target and claims read English: of others they say what is not so
    others = list(_other_names(item, sources)) if addressed and english else []
    if sources.resume_known and item.kind != "answer":
        traced = claims.ledger(item.letter, sources.profile, sources.job, sources_text=sources.told)
        found = [*_resume(item, sources, traced)]
        found += _claims(item, sources, traced, [name for _, name in others]) if english else ()
    if addressed and english:
        found += _target(item, sources)
        mixed_up = any(f.code == "unsupported" and f.quarantine for f in found)  # a letter of other fields has another target too
        found += _another_target(item, sources, others, not mixed_up)
    yield from found


# --- the job and the employer --------------------------------------------------------------------------------------------


def _target(item: Item, sources: Sources) -> Iterator[Finding]:
    title, company = sources.job.title, sources.job.company
    if names_company(item.letter, company) or names_job(item.letter, title):
        return
    asked = [line for line in sources.job.requirements if said(line)]
    met = [line for line in asked if len(said(line) & said(item.letter)) * 2 >= len(said(line))]
    needs = f", and speaks to {len(met)} of the {len(asked)} things that the job asks for" if asked and sources.target_known else ""
    missing = [name for name in (company, title) if name]
    if sources.target_known:
        reason = f"Names neither {' nor the job '.join(missing)}{needs}: it could go to anybody." if len(missing) == 2 else (
            f"Does not name {missing[0]}{needs}: it could go to anybody.")  # fmt: skip
    else:
        reason = "Names neither an employer nor a job that it applies for: it could go to anybody."
    yield Finding(item.id, "no_target", reason, _first_sentence(item.letter), True)


def names_company(letter: str, company: str) -> bool:
    """Whether a text names an employer, by its whole name, its telling words or its initials."""
    wanted = words(company)
    if not wanted:
        return False
    if re.search(rf"(?i)(?<!\w){re.escape(company.strip())}(?!\w)", letter):
        return True
    own = {w.casefold() for w in re.findall(r"[^\W_]+", letter)}
    plain = {"solutions", "technologies", "company", "group", "services", "systems", "tech", "international", "global"}
    telling = wanted - plain or wanted
    first = next((w for w in re.findall(r"[^\W_]+", company) if w.casefold() in telling), "")
    return telling <= own or bool(len(first) > 3 and first[0].isupper() and re.search(rf"(?<!\w){re.escape(first)}(?!\w)", letter))


def names_job(letter: str, title: str) -> bool:
    """Whether a text names a title as the job that it is about: not only as what the writer is."""
    wanted = [k for k in facts.content(title) if k not in ("senior", "junior", "lead", "principal")] or facts.content(title)
    if not wanted:
        return False
    for start, end in sentences(letter):
        text = letter[start:end]
        if not _FOR_JOB.search(text) or not said(text) >= set(wanted):
            continue
        at = re.search(rf"(?i){re.escape(title)}", text)
        if (
            at
            and _SELF.search(text[: at.start()])
            and not re.search(rf"(?i)\bas\b[^.]*{re.escape(title)}\s(?:at|for|with|in)\b", text[: at.end() + 6])
        ):
            ahead = re.search(r"(?i)\b(?:join|role|position|opportunity|working|work|apply|serve)\b", text[: at.start()])
            if not ahead:
                continue
        return True
    return False


def _other_names(item: Item, sources: Sources) -> Iterator[tuple[str, str]]:
    """("employer" or "job", the name) where the letter addresses another than its fields name."""
    if sources.target_known:
        cleaned = cleaning.clean(item.letter, sources.job, sources.profile)
        for flag in cleaned.flags:
            if flag.kind in ("other employer", "other title"):
                yield "employer" if flag.kind == "other employer" else "job", cleaned.text[flag.start : flag.end]


def _another_target(item: Item, sources: Sources, named: list[tuple[str, str]], look_further: bool) -> Iterator[Finding]:
    if named:
        reason = f"Speaks of another {named[0][0]} than its own fields name. A model would learn to write to the wrong one."
        yield Finding(item.id, "other_target", reason, named[0][1], True)
    elif strange := next(_strangers(item, sources), "") if look_further else "":
        reason = "Speaks of an employer that neither its fields nor its opening name: a leftover of another letter or posting."
        yield Finding(item.id, "other_target", reason, strange, True)


def _strangers(item: Item, sources: Sources) -> Iterator[str]:
    """Names of organisations that the letter looks forward to and that nothing else knows."""
    if not sources.job.company or item.posting.strip() == "" and not sources.resume_known:
        return
    known = {w.casefold() for text in (*sources.told, *sources.asked, sources.job.title, sources.job.company, sources.profile.name)
             for w in re.findall(r"[^\W_]+", text)}  # fmt: skip
    opening = next(iter(sentences(item.letter)), (0, 0))
    for start, end in sentences(item.letter):
        text = item.letter[start:end]
        if start <= opening[0] or not _LOOKS_AHEAD.search(text) or find.silent(text):
            continue
        for m in _THEIR_NAME.finditer(text):
            name = words(m["name"])
            if name and not name & known and not _MONTHS.match(m["name"]) and _organisation(m, text):
                yield text


def _organisation(m: re.Match[str], text: str) -> bool:
    """Whether a name in such a place is an employer's rather than a place's, a tool's or a degree's."""
    name, before = m["name"], text[: m.start("name")]
    if OCCUPATION.search(name) or facts.DEGREE.search(name) or name.isupper() and len(name) <= 4:
        return False
    if re.search(r"(?i)\b(?:experience|proficien\w+|knowledge|skills?|degree|master|bachelor|expertise|using|with)\b[^,;.]*$", before):
        return False
    return bool(re.search(r"(?i)\b(?:at|across|by|for)\s(?:the\s)?$", before)) and not re.search(r"(?i)\blook\w* for\s$", before)


# --- the résumé ----------------------------------------------------------------------------------------------------------


def _resume(item: Item, sources: Sources, traced: Sequence[Sentence]) -> Iterator[Finding]:
    """Nothing of the résumé in the letter: no employer, no skill, no degree, no span of years."""
    own, spelled = said(item.letter), {w.casefold() for w in re.findall(r"[^\W_]+", item.letter)}
    held = [e.employer for e in sources.profile.experience if e.employer]
    titles = [e.title for e in sources.profile.experience if e.title]
    listed = [*sources.profile.skills, *sources.profile.education, *titles]
    asked = said(sources.job.title) | said(sources.job.company)
    used = [e for e in held if words(e) and words(e) <= spelled]
    used += [line for line in listed if (mine := said(line) - asked) and mine <= own and find.telling(line)]
    positions = said(" ".join(titles))  # "AI" of "AI Engineer" is no skill that was used
    lines = set(of_person(sources.profile, sources.told).lines)
    used += [c.text for s in traced for c in s.claims if c.supported and c.nearest in lines and not said(c.text) <= positions]
    if not used and (held or listed):
        say = "Uses nothing of the résumé: no employer, skill, degree or span of years of its own fields stands in it."
        yield Finding(item.id, "ignores_resume", say, _first_sentence(item.letter), True)


def _claims(item: Item, sources: Sources, traced: Sequence[Sentence], told: Sequence[str]) -> Iterator[Finding]:
    """Claims that no field supports. `told`: names of another target, which are a finding of their own."""
    wrong = [c for c in claims.unsupported(traced) if not _target_name(c, sources) and c.text not in told]
    if not wrong:
        return
    right = sum(c.supported and c.kind in ("skill", "employer", "degree", "title") for s in traced for c in s.claims)
    grave = [c for c in wrong if c.kind in _GRAVE]
    strange = len(wrong) >= max(2, 2 * right)
    first = (grave or wrong)[0]
    count = f"{len(wrong)} claim{'s' if len(wrong) > 1 else ''} that its own fields do not support"
    why = f" beside {right} that they do: the letter may belong to other fields" if strange else ""
    bad = bool(grave) or strange
    tail = ". A model would learn to invent." if bad else ". Skills and spans of time beyond the fields are common and only noted."
    reason = f"{count}{why} ({first.kind}: {first.reason.rstrip('.').lower()}){tail}"
    yield Finding(item.id, "unsupported", reason, _in(item.letter, first), bad)


def _target_name(claim: Claim, sources: Sources) -> bool:
    """Where the job is not known by fields, its employer and title are no claims about the applicant."""
    return not sources.target_known and claim.kind in ("employer", "title") and bool(
        words(claim.text) and words(claim.text) <= words(f"{sources.job.company} {sources.job.title}"))  # fmt: skip


def _in(letter: str, claim: Claim) -> str:
    start, end = next(((a, b) for a, b in sentences(letter) if a <= claim.start < b), (claim.start, claim.end))
    return letter[max(start, claim.start - 60) : min(end, claim.end + 60)].strip()


def _first_sentence(letter: str) -> str:
    found = [letter[a:b] for a, b in sentences(letter) if not find.silent(letter[a:b])]
    return (found or [letter])[0][:160].strip()
