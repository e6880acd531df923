"""Made-up people, employers, places and tools, in endless supply, so that a small model learns to copy
names instead of remembering them. Knows nothing of letters.

`held_out` decides by hash which names training never sees. Person names come half from Faker's lists of
many countries and half from syllables; nothing here is a real organisation on purpose.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import random

ONSETS = "b br c ch cl cr d dr f fl g gl gr h j k kl kr l m n p ph pl pr qu r s sc sh sk sl sm sn sp st str t th tr v w wh x y z".split()
NUCLEI = "a e i o u a e i o u ai au ea ee ei eo ia ie io oa oo ou ua ue y".split()
CODAS = ["", "", "", "", "b", "ck", "d", "ff", "g", "l", "ll", "lt", "m", "mp", "n", "nd", "ng", "nn", "nt", "p", "r", "rd", "rk", "rn",
         "rt", "s", "sh", "sk", "ss", "st", "t", "th", "tz", "v", "x", "z"]  # fmt: skip
LOCALES = ("cs_CZ da_DK de_AT de_CH de_DE en_GB en_IE en_IN en_KE en_NG en_NZ en_PK en_US es_AR es_CL es_CO es_ES es_MX et_EE fi_FI "
           "fr_BE fr_CA fr_CH fr_FR ga_IE hr_HR hu_HU id_ID it_IT lt_LT lv_LV nl_BE nl_NL no_NO pl_PL pt_BR pt_PT ro_RO sk_SK sl_SI sv_SE "
           "sw tr_TR tw_GH vi_VN yo_NG zu_ZA").split()  # fmt: skip
PLACES = [
    "ford",
    "ton",
    "ham",
    "bury",
    "wick",
    "dale",
    "field",
    "mouth",
    "bridge",
    "stead",
    "ville",
    "burg",
    "haven",
    " Bay",
    " Falls",
    "minster",
]
GENERIC_EMPLOYER = (
    "Ltd|Pvt. Ltd|Pvt Ltd|Inc.|Co. Ltd|NHS Trust|Group|& Sons|Inc|Co|Partners|GmbH|plc|LLC|Holdings|Solutions|Services|Systems|"
    "Foundation|Trust|"
    "Council|University|School|Agency|Studio|Works|Labs|International|Network|Association|Institute|Society|"
    "Centre|Clinic|Bank|Stores|Foods|Energy|Technologies"
).split("|")
LINKS = ["Kestrel Hill", "Old Mill", "North Quay", "Blue Door", "Four Winds", "Saint Agnes", "Red Lantern", "Long Meadow", "High Cross"]


def held_out(name: str) -> bool:
    """True for one name in ten: never used in training, always used in evaluation."""
    return int(hashlib.sha256(name.lower().encode()).hexdigest(), 16) % 10 == 0


@functools.cache
def _lists() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """(first names, last names) of each Latin-script locale Faker knows."""
    found = []
    for locale in LOCALES:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        first: set[str] = set()
        for name in ("first_names", "first_names_male", "first_names_female"):
            first |= _strings(getattr(provider, name, ()))
        last = _strings(getattr(provider, "last_names", ()))
        if len(first) > 20 and len(last) > 20:
            found.append((tuple(sorted(first)), tuple(sorted(last))))
    return tuple(found)


def _strings(values: object) -> set[str]:
    try:
        return {v for v in values if isinstance(v, str) and 1 < len(v) < 18 and all(ord(c) < 0x250 for c in v)}  # type: ignore[union-attr]
    except TypeError:
        return set()


def word(rng: random.Random, least: int = 1, most: int = 3) -> str:
    """A pronounceable made-up word, capitalised."""
    made = "".join(
        rng.choice(ONSETS) + rng.choice(NUCLEI) + (rng.choice(CODAS) if rng.random() < 0.7 else "") for _ in range(rng.randint(least, most))
    )
    return made.capitalize() if len(made) > 2 else (made + "ra").capitalize()


def _fitting(rng: random.Random, make, want_held_out: bool) -> str:
    """Draw until the name is on the wanted side of the split (one draw in ten is held out)."""
    while held_out(name := make()) is not want_held_out:
        pass
    return name


def person(rng: random.Random, unseen: bool = False) -> str:
    """A full name; the last name decides the side of the split."""
    firsts, lasts = rng.choice(_lists())

    def last() -> str:
        return rng.choice(lasts) if rng.random() < 0.55 else word(rng, 1, 3)

    def first() -> str:
        return rng.choice(firsts) if rng.random() < 0.6 else word(rng, 1, 2)

    given, family = _fitting(rng, first, unseen), _fitting(rng, last, unseen)
    shape = rng.random()
    if shape < 0.70:
        name = f"{given} {family}"
    elif shape < 0.78:
        name = f"{given} {rng.choice('ABCDEFGHJKLMNPRSTVW')}. {family}"
    elif shape < 0.84:
        name = f"{given} {_fitting(rng, last, unseen)}-{family}"
    elif shape < 0.90:
        name = f"{given} {rng.choice(['de', 'van', 'von', 'de la', 'van der', 'El', 'Mc', 'O’', 'da'])} {family}".replace(
            "Mc ", "Mc"
        ).replace("O’ ", "O'")
    elif shape < 0.94:
        name = f"{given} {_fitting(rng, first, unseen)} {family}"
    elif shape < 0.97:
        name = f"{rng.choice(['Dr', 'Dr.', 'Prof.', 'Ms', 'Mr'])} {given} {family}"
    else:
        name = given
    return name.upper() if rng.random() < 0.02 else name


def employer(rng: random.Random, kinds: list[str], unseen: bool = False) -> str:
    """An employer's name: a made-up root, a family name, a place or initials, and what it does."""
    root = _fitting(rng, lambda: word(rng, 1, 3), unseen)
    kind = rng.choice(kinds if kinds and rng.random() < 0.6 else GENERIC_EMPLOYER)
    shape = rng.random()
    if shape < 0.46:
        return f"{root} {kind}"
    if shape < 0.56:
        return root
    if shape < 0.62:
        return f"{root} & {_fitting(rng, lambda: word(rng, 1, 2), unseen)}"
    if shape < 0.68:
        return f"{place(rng, unseen)} {kind}"
    if shape < 0.74:
        return f"{rng.choice(LINKS)} {kind}"
    if shape < 0.79:
        return f"The {root} {kind}"
    if shape < 0.84:
        return "".join(rng.choice("ABCDEFGHIKLMNOPRSTUVW") for _ in range(rng.randint(2, 4))) + (f" {kind}" if rng.random() < 0.6 else "")
    if shape < 0.90:
        return f"{root} {_fitting(rng, lambda: word(rng, 1, 2), unseen)} {kind}"
    if shape < 0.95:
        return f"University of {place(rng, unseen)}" if rng.random() < 0.5 else f"{place(rng, unseen)} and {place(rng, unseen)} {kind}"
    return rng.choice(
        [root.lower() + ".io", root + "Soft", root + rng.choice(["Tech", "Care", "Works"]), f"{root}, Inc.", f"{root}-{kind}"]
    )


def place(rng: random.Random, unseen: bool = False) -> str:
    return _fitting(rng, lambda: word(rng, 1, 1) + rng.choice(PLACES), unseen)


def tool(rng: random.Random, unseen: bool = False) -> str:
    """A made-up tool or method, so that skills too are copied and not remembered."""
    root = _fitting(rng, lambda: word(rng, 1, 2), unseen)
    return rng.choice(
        [
            root,
            root,
            root + rng.choice(["DB", "Cloud", ".js", "CAD", " Pro", " 360", "Lab", "Sheet"]),
            root.upper()[:4],
            f"{root} method",
            f"{root} reporting",
        ]
    )


def school(rng: random.Random, unseen: bool = False) -> str:
    return rng.choice(["University of {}", "{} College", "{} University", "{} Institute of Technology", "{} School"]).format(
        place(rng, unseen)
    )
