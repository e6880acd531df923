"""Which writing and language a text is in, as far as that tells whether the English rules can read it; names in other scripts.

Knows letters and the commonest words, no field. A guess on few letters is none: the answer "" means English or too little text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

LEAST_LETTERS = 20
LEAST_WORDS = 40  # of a text in Latin letters; a list of skills has no small words to tell a language by
LEAST_SMALL_WORDS = 5  # different ones
FOREIGN_SHARE = 0.3  # of the letters; postings in other scripts keep English names of tools

_SCRIPTS = {  # the first word of a letter's Unicode name
    "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "KATAKANA-HIRAGANA": "Japanese", "CJK": "Chinese", "HANGUL": "Korean",
    "ARABIC": "a language in Arabic letters", "CYRILLIC": "a language in Cyrillic letters", "GREEK": "Greek", "HEBREW": "Hebrew",
    "THAI": "Thai", "DEVANAGARI": "a language in Devanagari letters", "BENGALI": "Bengali", "TAMIL": "Tamil", "TELUGU": "Telugu",
    "GEORGIAN": "Georgian", "ARMENIAN": "Armenian",
}  # fmt: skip
_SMALL_WORDS = {
    "English": "the and of to in for with a an is are at on as by from our we you your will be this that or",
    "German": "der die das und mit für von im ist ein eine einer den dem zu auf als bei wir sie ihre nicht oder zur zum",
    "French": "le la les des et du une dans pour avec sur est nous vous au aux que qui votre notre ou par",
    "Spanish": "el la los las y de en con para por una un del que es se como su nuestro al o más",
    "Italian": "il lo gli di e in con per una un del della che è si come nel alla dei delle o più",
    "Portuguese": "o os as e do da em com para por uma um que é se como no na dos das ou mais ao",
    "Dutch": "de het een en van met voor op in is wij je jij zijn bij aan als of naar onze te",
    "Polish": "w i z na do oraz się jest dla od że nie w po przy lub jako za o",
}  # fmt: skip

_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"  # Thai, kana, Chinese characters
_WORDS = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}\u3001-\u303f\uff01-\uff0f\uff1a-\uff1f]+")  # the last are their marks

NAME_LABEL = (
    r"(?:氏\s?名|お名前|名\s?前|姓\s?名|이\s?름|성\s?명|الا?إ?سم(?:\s+(?:الكامل|بالكامل))?|نام(?:\s+و\s+نام\s+خانوادگی)?|"
    r"имя|фио|ф\.\s?и\.\s?о\.?|ім[’']я|όνομα|ονοματεπώνυμο|שם(?:\s+מלא)?|ชื่อ|नाम)"
)
_TITLES = re.compile(  # what a résumé calls itself, its first headings and labels, and the end of an address
    r"履歴書|職務経歴書|経歴書|履历|簡歷|简历|个人|個人|이력서|자기소개서|경력|السيرة|سيرة|ذاتية|الخبرة|رزومه|резюме|βιογραφικό|קורות|職歴|学歴|学历|教育|概要|要約|経験|スキル|資格|"
    r"生年月日|住所|電話|性別|国籍|출생|생년월일|주소|전화|العنوان|الهاتف|البريد|الجنسية|(?:都|道|府|県|区|町|村)$"
)


def _letters(text: str) -> Counter[str]:
    """How many letters of each script of `_SCRIPTS`; other letters count as ""."""
    return Counter(_script(c) for c in text if c.isalpha())


def _script(letter: str) -> str:
    first = unicodedata.name(letter, "").split(" ")[0]
    return first if first in _SCRIPTS else ""


def word_count(text: str) -> int:
    """Words as far as spaces part them; in scripts that are written without spaces every letter counts as one."""
    return len(_WORDS.findall(text))


def language(text: str) -> str:
    """What the text is written in, in words for a sentence ("Japanese", "a language in Arabic letters"); "" for English or unsure."""
    letters = _letters(text)
    foreign = letters.total() - letters[""]
    if letters.total() >= LEAST_LETTERS and foreign > FOREIGN_SHARE * letters.total():
        kana = letters["HIRAGANA"] + letters["KATAKANA"]
        most = max((s for s in letters if s), key=lambda s: letters[s])
        return "Japanese" if kana > 0.05 * foreign else _SCRIPTS[most]
    words = re.findall(r"[^\W\d_]+", text.lower())
    if len(words) < LEAST_WORDS:
        return ""
    counts = Counter(words)
    share = {name: sum(counts[w] for w in set(small.split())) / len(words) for name, small in _SMALL_WORDS.items()}
    best = max(share, key=lambda name: share[name])
    several = len(set(_SMALL_WORDS[best].split()) & set(words)) >= LEAST_SMALL_WORDS  # "La Paz" again and again is no Spanish
    return best if best != "English" and several and share[best] > 0.08 and share[best] > 2 * share["English"] else ""


def of_sentence(sentence: str) -> str:
    """The language of one sentence by its small words, "English" included; "" when they do not tell."""
    letters = _letters(sentence)
    foreign = letters.total() - letters[""]
    if foreign >= LEAST_LETTERS / 4 and foreign > FOREIGN_SHARE * letters.total():
        return (
            "Japanese" if letters["HIRAGANA"] + letters["KATAKANA"] else _SCRIPTS[max((s for s in letters if s), key=letters.__getitem__)]
        )
    words = re.findall(r"[^\W\d_]+", sentence.lower())
    hits = {name: len(set(small.split()) & set(words)) for name, small in _SMALL_WORDS.items()}
    first, second = sorted(hits, key=hits.__getitem__, reverse=True)[:2]
    return first if hits[first] >= 3 and hits[first] >= 2 * hits[second] else ""


def name(line: str) -> str:
    """A short line in letters without capitals (Japanese, Arabic and the like) as a person's name, "" when it can be none."""
    bare = re.sub(r"\s*[(（\[].*$", "", line).strip()
    words = re.split(r"[\s・]+", bare)
    letters = [c for c in bare if c.isalpha()]
    if not letters or _TITLES.search(bare) or re.fullmatch(NAME_LABEL, bare):
        return ""
    if not all(unicodedata.category(c) in ("Lo", "Lm") and _script(c) for c in letters):
        return ""
    if not all(c.isalpha() or unicodedata.category(c) in ("Mn", "Mc") or c in " ・-'’\u200c" for c in bare):
        return ""
    dense = _script(letters[0]) in ("CJK", "HIRAGANA", "HANGUL")
    fits = 2 <= len(letters) <= 8 and len(words) <= 3 if dense else 2 <= len(words) <= 5 and len(letters) <= 40
    return bare if fits else ""
