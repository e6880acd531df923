"""Portfolio and documents: what goes in is found again by its owner and by nobody else, and nothing is dropped silently."""

import time

import numpy as np
import pytest
from sqlmodel import select

from db.engine import session, write
from db.models import Passage
from ftapp import passages, projects, retrieval
from ftapp.errors import ModelError, NotFound, UserError
from ftapp.portfolio import Portfolio, source

QUESTION = "Which tool do you use for containers?"


class HashedWords:
    """A real encoder of the smallest kind: each term is a fixed direction; counts what it was asked."""

    def __init__(self, id="hashed@1"):
        self.id, self.asked = id, []

    def encode(self, texts, query=False):
        if not query:
            self.asked += texts
        rows = np.zeros((len(texts), 64), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for term in passages.terms(text):
                row += np.random.default_rng(list(term.encode())).standard_normal(64)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


class Broken:
    @property
    def id(self):
        raise ModelError("No model - search goes by words - install it.")


@pytest.fixture
def encoder():
    return HashedWords()


@pytest.fixture
def portfolio(engine, encoder):
    made = Portfolio(engine, encoder)
    made.add("me", projects.project("Ward rota", "A planner for nurses' shifts.\n\nWritten in Go with PostgreSQL.", "", "Go, PostgreSQL"))
    made.add("me", projects.project("", "", "example.org/shop", "Vue.js, TypeScript"))
    made.add("me", projects.document("How we work", f"{QUESTION}\nDocker, on every machine.\n\n{'Other things. ' * 60}"))
    return made


# ---- cutting ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "One line.",
        "a b\n\nc d\n\n" * 80,
        "word " * 900,
        "x" * 5000,
        "Sentence one. " * 300,
        "仕事の経験。" * 400,
        "- item\n" * 200,
        "1.2.3. " * 300,
    ],
)
def test_passages_hold_every_sign_and_fit_the_model(text):
    made = passages.split(text, 60)
    assert "".join("".join(made).split()) == "".join(text.split()), "nothing may be lost, doubled or moved"
    assert all(0 < passages.pieces(part) <= passages.MOST_PIECES for part in made)


def test_a_question_stands_with_its_answer():
    made = passages.split(f"{QUESTION}\n\nDocker, on every machine.\n\n" + "Something else entirely is said here. " * 30, 60)
    assert QUESTION in made[0] and "Docker" in made[0]


def test_names_of_tools_are_whole_terms():
    found = passages.terms("We use C++, C#, .NET, Node.js, R and SQL; managing the managers' teams.")
    assert {"c++", "c#", ".net", "node.js", "r", "sql", "managi", "manage"} <= found.keys()
    assert passages.terms("Java").keys().isdisjoint(passages.terms("JavaScript"))
    assert passages.terms("C++").keys().isdisjoint(passages.terms("C#"))


# ---- tables -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "cut"), [("Techstack,Links", ","), ("tech stack;URL", ";"), ("\ufeffTECHNOLOGIES\tWeb-Site", "\t"), ("Tools|Repo link", "|")]
)
def test_columns_are_known_by_many_names(header, cut):
    (one,), rejected = projects.import_csv(f'{header}\n"Go, SQL"{cut}example.org/a\n')
    assert (one.technologies, one.link, one.title, rejected) == (("Go", "SQL"), "https://example.org/a", "Go project", [])


def test_free_columns_join_the_text():
    (one,), _ = projects.import_csv(
        "Project Name,Client,Year,Description,Links\nRota,A clinic,2021,A planner.,https://a.org/1 https://a.org/2\n"
    )
    assert (one.title, one.link) == ("Rota", "https://a.org/1")
    assert one.text == "A planner.\nClient: A clinic\nYear: 2021\nSee also https://a.org/2"


def test_every_row_is_a_project_or_a_reason():
    rows = [
        "Title,Link",
        "One,",
        'Two "really",',
        "Three,javascript:alert(1)",
        "",
        '"Four,',
        "Five,",
        "Six,a.org,more",
        ",,",
        '"Sev\nen",',
        "Eight",
    ]
    found, rejected = projects.import_csv("\n".join(rows))
    assert [one.title for one in found] == ["One", 'Two "really"', "Five", "Sev en"]
    assert [row.line for row in rejected] == [4, 6, 8, 12]
    assert all(word not in row.reason for row in rejected for word in ("Three", "javascript", "Four")), "a person's text in a reason"


@pytest.mark.parametrize("text", ["", "one,two\n1,2\n", '"open\n', "\x00", "Title\n" + "x" * projects.MOST_TABLE])
def test_what_is_no_table_is_refused_in_words(text):
    with pytest.raises(UserError, match=r"\. .*\. "):
        projects.import_csv(text)


@pytest.mark.parametrize(
    "link", ["ftp://a.org", "javascript:alert(1)", "https://u:p@a.org", 'https://a.org/"x', "no link", "http://[", "https://x"]
)
def test_a_link_is_a_web_address_or_refused(link):
    with pytest.raises(UserError, match="no web address"):
        projects.project("A", link=link)


@pytest.mark.parametrize(
    "make", [lambda: projects.project(" ", "\n"), lambda: projects.document("Title", ""), lambda: source("document", "t", "x", "a.org")]
)
def test_what_says_nothing_or_too_much_is_refused(make):
    with pytest.raises(UserError):
        make()


# ---- storing and finding ----------------------------------------------------------------------------------------


def test_a_search_finds_the_source_and_says_why(portfolio):
    answer = portfolio.search("me", ["We need someone who knows TypeScript", "PostgreSQL and Go"])
    assert {found.title for found in answer.found} == {"Vue.js project", "Ward rota"} and answer.note == ""
    by_title = {found.title: found for found in answer.found}
    assert by_title["Vue.js project"].terms == ("TypeScript",) and "TypeScript" in by_title["Vue.js project"].why
    assert by_title["Ward rota"].line == "PostgreSQL and Go"
    hit = by_title["Vue.js project"].hit
    assert (hit.text, hit.link) == ("Vue.js, TypeScript", "https://example.org/shop")
    assert all(0 < found.score <= 1 for found in answer.found)


def test_a_document_is_found_by_its_passage(portfolio):
    (found,) = portfolio.search("me", ["Docker on machines"]).found
    assert found.title == "How we work" and found.hit.text == "Docker, on every machine."


def test_without_a_model_the_words_find_it_and_the_reason_is_told(engine, portfolio):
    answer = Portfolio(engine, Broken()).search("me", ["TypeScript"])
    assert [found.title for found in answer.found] == ["Vue.js project"] and "goes by words" in answer.note


@pytest.mark.parametrize(
    ("name", "other"), [("search_least_score", "search_least_word_score"), ("search_least_word_score", "search_least_score")]
)
def test_words_alone_have_a_limit_of_their_own(portfolio, monkeypatch, engine, name, other):
    """Each limit decides for the passages that were compared its way, also in one search with both."""
    from ftapp import config

    portfolio.search("me", ["TypeScript"])  # makes the vectors
    portfolio.add("me", projects.project("Shop front", "", "", "TypeScript"))  # has none
    with session(engine) as opened:
        index = retrieval.load_index(opened, "me", "hashed@1")
    assert index.without_vector == 1
    vectors = HashedWords().encode(["TypeScript"], query=True)
    monkeypatch.setattr(retrieval, "app_config", lambda: config.app_config().model_copy(update={name: 1.0, other: 0.01}))
    both = {found.title for found in retrieval.search(index, ["TypeScript"], vectors)}
    assert both >= ({"Shop front"} if name == "search_least_score" else {"Vue.js project"})
    assert both.isdisjoint({"Vue.js project"} if name == "search_least_score" else {"Shop front"})
    words = {found.title for found in retrieval.search(index, ["TypeScript"], None)}
    assert words == ({"Vue.js project", "Shop front"} if name == "search_least_score" else set())


def test_nothing_of_another_owner_is_seen_found_or_removed(engine, portfolio, encoder):
    mine = portfolio.listing("me")
    portfolio.search("me", ["TypeScript"])
    assert portfolio.listing("other") == [] and portfolio.search("other", ["TypeScript"]).found == []
    with pytest.raises(NotFound):
        portfolio.remove("other", mine[0]["id"])
    with pytest.raises(NotFound):
        portfolio.replace("other", mine[0]["id"], projects.project("Mine now"))
    portfolio.add("other", projects.project("Ward rota", "Mine.", "", "Rust"))
    assert portfolio.search("other", ["TypeScript and PostgreSQL"]).found == []
    with write(engine) as opened:
        rows = opened.exec(select(Passage).where(Passage.owner_id == "me")).all()
        todo = [retrieval.Pending(row.id, row.text_hash, "") for row in rows]
        assert retrieval.store_vectors(opened, "other", "m", todo, np.zeros((len(todo), 4))) == 0
        waiting = {one.id for one in retrieval.pending(opened, "other", "another model")}
        assert waiting and waiting.isdisjoint(row.id for row in rows)
    assert portfolio.listing("me") == mine


def test_a_vector_is_made_once_for_a_text_and_a_model(engine, portfolio, encoder):
    portfolio.refresh("me")
    made = len(encoder.asked)
    assert made >= 4 and portfolio.refresh("me") == 0
    assert portfolio.add("me", projects.project("", "", "example.org/shop", "Vue.js, TypeScript")) in {
        row["id"] for row in portfolio.listing("me")
    }
    assert len(portfolio.listing("me")) == 3, "the same project twice is one project"
    old = next(row for row in portfolio.listing("me") if row["title"] == "Ward rota")
    portfolio.replace("me", old["id"], projects.project(old["title"], old["text"], "https://example.org/new", old["technologies"]))
    assert portfolio.refresh("me") == 0 and len(encoder.asked) == made, "only the link changed"
    assert portfolio.search("me", ["PostgreSQL"]).found[0].link == "https://example.org/new"
    old = next(row for row in portfolio.listing("me") if row["title"] == "Ward rota")
    portfolio.replace("me", old["id"], projects.project(old["title"], "A planner for drivers.", "", old["technologies"]))
    assert portfolio.refresh("me") == 1
    assert Portfolio(engine, HashedWords("hashed@2")).refresh("me") > 1, "another model makes its own"


def test_a_removed_source_leaves_nothing(engine, portfolio):
    portfolio.search("me", ["TypeScript"])
    for row in portfolio.listing("me"):
        portfolio.remove("me", row["id"])
    assert portfolio.search("me", ["TypeScript"]).found == []
    with session(engine) as opened:
        assert opened.exec(select(Passage)).all() == []


def test_what_another_process_stores_is_found_at_once(engine, portfolio, encoder):
    assert portfolio.search("me", ["Haskell"]).found == []
    Portfolio(engine, encoder).add("me", projects.project("Parser", "", "", "Haskell"))
    assert [found.title for found in portfolio.search("me", ["Haskell"]).found] == ["Parser"]


def test_an_import_says_what_became_of_each_row(portfolio):
    done = portfolio.import_csv("me", 'Techstack,Links\nRust,a.org\n"Vue.js, TypeScript",example.org/shop\nGo,not a link at all\n')
    assert (len(done.ids), done.already, [row.line for row in done.rejected]) == (1, 1, [4])


def test_too_much_is_refused_and_nothing_is_stored(engine, monkeypatch):
    from ftapp import config

    monkeypatch.setattr(retrieval, "app_config", lambda: config.app_config().model_copy(update={"most_passages": 2}))
    with pytest.raises(UserError, match="3 passages"), write(engine) as opened:
        retrieval.add(opened, "me", [projects.project(name) for name in "abc"])
    with session(engine) as opened:
        assert retrieval.listing(opened, "me") == []


def test_no_transaction_is_open_while_texts_are_encoded(engine, portfolio, encoder):
    """Another writer gets its turn during the encoding; with an open writer this would wait ten seconds and fail."""
    plain = encoder.encode

    def slow(texts, query=False):
        began = time.monotonic()
        Portfolio(engine, encoder).add("someone", projects.project(f"At {began}"))
        assert time.monotonic() - began < 5 and engine.pool.checkedout() == 0
        return plain(texts, query)

    encoder.encode = slow
    assert portfolio.search("me", ["TypeScript"]).found


def test_search_keeps_to_the_queries_it_was_given(portfolio, engine):
    with session(engine) as opened:
        index = retrieval.load_index(opened, "me", "none")
    assert index.without_vector == len(index.entries)
    assert retrieval.search(index, [], None) == [] and retrieval.search(index, ["the and of"], None) == []
    assert len(retrieval.search(index, ["Go", "TypeScript", "Docker"], None, top=2, least=0)) == 2
