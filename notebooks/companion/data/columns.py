"""Which column is what: by names that data sets have, by `--columns`, or without a header by its cells."""

import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from adc.errors import UserError

# role -> names, without blanks, case and signs; a row of them comes before the next one
NAMES = {
    "domain": ["domain", "category genre maincategory productcategory cat department itemcategory domainid "
               "domainname categoryname genrename"],
    "user": ["user", "userid uid reviewerid customerid custid memberid accountid visitorid",
             "username reviewer reviewername customer member account author"],
    "item": ["item", "itemid iid movieid asin productid businessid bookid isbn animeid artistid trackid "
             "songid gameid appid recipeid beerid jokeid sku gmapid hotelid placeid",
             "parentasin itemname movie product business book anime artist track song game recipe joke"],
    "rating": ["rating", "ratings score stars overall starrating bookrating reviewscore reviewoverall "
               "userrating rate myrating myscore reviewrating ratingvalue preference"],
    "timestamp": ["timestamp", "time unixreviewtime unixtime reviewunixtime ratingtimestamp tstamp ts",
                  "date datetime reviewdate reviewtime ratingdate createdat dateadded submissiondate"],
    "title": ["title", "itemtitle movietitle producttitle booktitle productname itemname moviename"],
}  # fmt: skip
RANKS = {
    role: {name: rank for rank, row in enumerate(rows) for name in row.split()}
    for role, rows in NAMES.items()
}
NEEDED = ("user", "item", "rating")
ASIN, REVIEWER = re.compile(r"B[0-9A-Z]{9}|\d{9}[\dX]"), re.compile(r"A[0-9A-Z]{9,}")
EPOCH = 1e8  # seconds since 1970 are larger, ratings smaller
ONES = " Without ratings, as of what was bought, add ones: `sed '1s/$/,rating/;2,$s/$/,1/' FILE > NEW`."
MATRIX = " Of a matrix, write one line a rating: `pandas.read_csv(FILE, index_col=0).stack().to_csv(NEW)`."


def parse(text: str) -> dict[str, str]:
    """`user=uid,item=asin` as a dictionary; no name leaves a column out. UserError: not in this form."""
    given = {}
    for part in filter(None, text.split(",")):
        role, equals, name = part.partition("=")
        if not equals or role.strip() not in NAMES:
            raise UserError(
                f"--columns {text}: '{part}' is not understood. Write, for instance, --columns "
                f"user=uid,item=asin,rating=stars,domain=cat; on the left may stand {', '.join(NAMES)}."
            )
        given[role.strip()] = name.strip()
    return given


def shown(names: Iterable[str]) -> str:
    """Some names, fit for a sentence."""
    words = [" ".join(name.split())[:40] for name in names]
    return ", ".join(words[:12]) + ", …" * (len(words) > 12)


def plain(name: str) -> str:
    """A name without case, blanks and signs, RecBole's type (`user_id:token`) or a unit (`rating (1-5)`)."""
    name = re.sub(r":(token|float)(_seq)?$|\s*\([^()]*\)$", "", name.strip())
    return re.sub(r"[^a-z0-9]", "", name.lower())


def known(names: Iterable[str]) -> set[str]:
    """The roles for which there is a name."""
    return {role for name in names for role in RANKS if plain(name) in RANKS[role]}


def assign(names: Sequence[str], given: dict[str, str], where: str) -> dict[str, int]:
    """Role -> position of its column. UserError: a column is missing, or several fit."""
    roles = {role: _position(names, role, name, where) for role, name in given.items() if name}
    rest = [(place, name) for place, name in enumerate(names) if place not in roles.values() and name]
    if any(re.match(r"book|isbn$|title$", plain(name)) for name in names):  # who wrote it did not rate it
        rest = [(place, name) for place, name in rest if plain(name) != "author"]
    for role in NAMES:
        if role not in given and (places := _best(role, rest)):
            if len({names[place] for place in places}) < len(places):
                fault = "stands in the header more than once. Keep one"
                raise UserError(f"{where}: the column '{names[places[0]]}' {fault}.")
            if len(places) > 1 and role in (*NEEDED, "domain"):
                several = shown(repr(names[place]) for place in places)
                example = _option([(role, names[places[0]])], names)
                raise UserError(f"{where}: {several} may each be the {role}. Say which, as in `{example}`.")
            roles[role] = places[0]
    if missing := [role for role in NEEDED if role not in roles]:
        raise UserError(_missing(missing, names, where))
    return roles


def _position(names: Sequence[str], role: str, name: str, where: str) -> int:
    places = [place for place, other in enumerate(names) if other.split() == name.split()]
    if len(places) > 1:
        raise UserError(f"{where}: the column '{name}' stands in the header more than once. Keep one.")
    if places:
        return places[0]
    if name.isdecimal() and 0 < int(name) <= len(names):
        return int(name) - 1
    raise UserError(f"{where}: no column '{name}' (--columns {role}={name}). Found: {shown(names)}.")


def _best(role: str, rest: list[tuple[int, str]]) -> list[int]:
    ranks = {place: RANKS[role][plain(name)] for place, name in rest if plain(name) in RANKS[role]}
    exact = [place for place, name in rest if name == role]
    return exact or [place for place in ranks if ranks[place] == min(ranks.values())]


def _missing(missing: list[str], names: Sequence[str], where: str) -> str:
    free = [name for name in names if name and not known([name])] + ["NAME"] * len(missing)
    example = _option([*zip(missing, free)], names)
    return (
        f"{where}: no column {', '.join(map(repr, missing))}. "
        f"Found: {shown(filter(None, names)) or 'nothing'}. Expected are user, item, rating (domain, "
        f"timestamp and title are optional). Say what has another name, as in `{example}`."
        f"{ONES * (missing == ['rating'])}{MATRIX * (len(missing) > 1 and len(names) > 5)}"
    )


def _option(pairs: list[tuple[str, str]], names: Sequence[str]) -> str:
    """What to type for roles and names of columns; the number of one with a comma in its name."""
    words = ",".join(f"{role}={names.index(name) + 1 if ',' in name else name[:60]}" for role, name in pairs)
    return f"--columns {shlex.quote(' '.join(words.split()))}"


def is_header(cells: list[str]) -> bool:
    """Whether a first line names columns: it does not where numbers are in it and hardly a known name."""
    return len(known(cells)) > 1 or not any(_number(cell) is not None for cell in cells)


def guess(rows: list[list[str]], where: str) -> dict[str, int]:
    """The roles of a table without a header: user, item, rating and perhaps a time, by what its cells are."""
    width = len(rows[0])
    columns = list(zip(*(row for row in rows if len(row) == width)))
    values = [[_number(cell) for cell in column] for column in columns]
    time = width == 4 and _mostly(value is not None and value >= EPOCH for value in values[3])
    rated = width in (3, 4) and _mostly(value is not None and abs(value) < EPOCH for value in values[2])
    if not rated or (width == 4) != time:
        raise UserError(
            f"{where}: the first line ({shown(rows[0])[:80]}) seems to be a rating, not a header. "
            f"Put a line before it that names the columns, or name them by their numbers, as in `--columns "
            f"user=1,item=2,rating=3`.{MATRIX * (width > 5)}"
        )
    swapped = all(map(ASIN.fullmatch, columns[0])) and all(map(REVIEWER.fullmatch, columns[1]))
    roles = {"user": int(swapped), "item": 1 - swapped, "rating": 2}
    return roles | ({"timestamp": 3} if time else {})


def _mostly(answers: Iterable[bool]) -> bool:
    """Whether the first and nearly all are true: a bad cell is told with its line when all are read."""
    answers = [*answers]
    return answers[0] and sum(answers) >= 0.9 * len(answers)


def _number(cell: str) -> float | None:
    try:
        return float(cell.strip().replace(",", ".")) if re.search(r"\d", cell) else None
    except ValueError:
        return None


def remark(names: Sequence[str], roles: dict[str, int], header: bool) -> str:
    """In words, which columns were taken, where it is not plain from their names."""
    if not header:
        words = ", ".join(sorted(roles, key=roles.get))
        return f"There is no header; the columns are taken for {words} (if not: `--columns user=1,item=2,…`)."
    other = [f"{role} is '{names[place]}'" for role, place in roles.items() if names[place] != role]
    unused = [name for place, name in enumerate(names) if name and place not in roles.values()]
    if not other:
        rivals = [name for name in unused if known([name]) & {*NEEDED, "domain"}]
        return f"Not used: {shown(rivals)}, beside {', '.join(roles)}." if rivals else ""
    rest = f" Not used: {shown(unused)}." if unused else ""
    return f"Columns: {', '.join(other)} (if not: `--columns user=NAME,…`).{rest}"


def stem(path: Path) -> str:
    """A file's name without its endings."""
    endings = r"(\.(csv|tsv|txt|dat|data|inter|json|jsonl|ndjson|parquet|gz|bz2|xz|zip))+$"
    return re.sub(endings, "", path.name, flags=re.I) or path.name
