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
               "userrating yourrating rate myrating myscore reviewrating ratingvalue preference"],
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
DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?!\d)")
RATING = re.compile(r"[-+]?\d{1,6}([.,]\d{1,4})?")  # longer numbers are ids, times, or places on a map
TEXT = ", skipinitialspace=True, dtype=str"  # how pandas is to read it


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


def assign(names: Sequence, given: dict, where: str, rows: Sequence = (), call: str = "") -> dict[str, int]:
    """Role -> position of its column. UserError: a column is missing, or several fit. What to do is told by
    some rows of cells and, of a text, by the call with which pandas would read it."""
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
                example = _option({role: places[0]}, names, given)
                raise UserError(f"{where}: {several} may each be the {role}. Say which, as in `{example}`.")
            roles[role] = places[0]
    if missing := [role for role in NEEDED if role not in roles]:
        example, cure = _advice(missing, names, given, rows, call)
        example = f"Say what has another name, as in `{example}`" if example else "Give columns these names"
        doubt = ". If the first line is a rating, put one before it that names the columns"
        raise UserError(
            f"{where}: no column {', '.join(map(repr, missing))}. "
            f"Found: {shown(filter(None, names)) or 'nothing'}. Expected are user, item, rating (domain, "
            f"timestamp and title are optional). {example}{doubt * any(map(str.isdecimal, names))}.{cure}"
        )
    return roles


def _position(names: Sequence[str], role: str, name: str, where: str) -> int:
    places = [place for place, other in enumerate(names) if other.split() == name.split()]
    if len(places) > 1:
        raise UserError(f"{where}: the column '{name}' stands in the header more than once. Keep one.")
    if places:
        return places[0]
    if name.isdecimal() and 0 < int(name) <= len(names) and not any(map(str.isdecimal, names)):
        return int(name) - 1
    raise UserError(f"{where}: no column '{name}' (--columns {role}={name}). Found: {shown(names)}.")


def _best(role: str, rest: list[tuple[int, str]]) -> list[int]:
    ranks = {place: RANKS[role][plain(name)] for place, name in rest if plain(name) in RANKS[role]}
    exact = [place for place, name in rest if name == role]
    return exact or [place for place in ranks if ranks[place] == min(ranks.values())]


def _advice(missing: Sequence[str], names: Sequence[str], given: dict, rows: Sequence, call: str) -> tuple:
    """The option for what is missing, "" where for some of it there is no column by its cells; and what to do
    with a matrix, or where only ratings are missing."""
    cells = {cell.strip() for row in rows for cell in row[1:]}
    words = " ".join(cells - {*filter(RATING.fullmatch, cells)})  # NA, or none
    matrix = call and rows and len(names) > 5 and {"item", "rating"} <= {*missing}
    if matrix and re.fullmatch(r"[^\d ]{,4}", words.strip()):
        bare = "header=None" in call and any(_number(row[0]) is not None for row in rows)
        call = f"{call}{TEXT}, index_col={None if bare else 0})" + (
            '.rename_axis(index="user", columns="item").stack().dropna().rename("rating").to_csv("NEW")'
        )
        hint = " (index_col=0 if users come first)" * bare
        return "", f" Of a matrix, write one line a rating: {typed(call)}{hint}."
    free = [k for k, name in enumerate(names) if name and not known([name]) and names.count(name) == 1]
    places = {}
    for role in missing:
        fits = [k for k in free if _fits(role, [row[k] for row in rows if len(row) > k])]
        places |= zip([role], fits)  # the first one
        free = [k for k in free if k not in places.values()]
    lacking = {*missing} - {*places}
    example = "" if lacking else _option(places, names, given)
    only_ratings = {"rating"} in (lacking, {*missing})
    return example, ones(call) if only_ratings else ""


def _fits(role: str, cells: list[str]) -> bool:
    """Whether cells may be ratings or ids; of Parquet none are at hand."""
    full = [cell.strip() for cell in cells if cell.strip()]
    if role == "rating":
        fit = _mostly(map(RATING.fullmatch, full)) and (len(full) < 9 or len({*full}) < len(full))
    else:
        count = [*map(str, range(full[:1] == ["1"], len(full) + 1))]  # of rows
        fit = full and not any(DATE.match(x) or x[0] in "[{" or (_number(x) or 0) % 1 for x in full)
        fit = fit and (len(full) < 9 or full != count[: len(full)])
    return bool(fit) or not cells


def ones(call: str) -> str:
    """What to do without ratings, for a text by the call with which pandas would read it."""
    tail = (
        f'{TEXT}, na_filter=False).assign(rating=1).to_csv("NEW", index=False, header={"header=0" in call})'
    )
    how = f": {typed(call + tail)}" if call else " named rating where the file is made"
    return f" Without ratings, as of what was bought, add a column of ones{how}."


def typed(code: str) -> str:
    """The line to type for a piece of Python."""
    return f"`./run_all.sh python -c {shlex.quote(code)}`"


def _option(roles: dict[str, int], names: Sequence[str], given: dict[str, str]) -> str:
    """What to type beside what was given: names, but the number of one with a comma in it or a long one."""
    words = given | {role: names[k] if len(names[k]) <= 60 and "," not in names[k] else k + 1
                     for role, k in roles.items()}  # fmt: skip
    words = ",".join(f"{role}={name}" for role, name in words.items())
    return f"--columns {shlex.quote(' '.join(words.split()))}"


def is_header(cells: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a first line names the columns of the rows below: by known names, by counting from 0 as pandas
    does, by an empty first cell above others, or by no number, no date, and nothing that comes again."""
    again = [bool(cell) and any(row[k : k + 1] == [cell] for row in rows) for k, cell in enumerate(cells)]
    odd = [old or _number(cell) is not None or bool(DATE.match(cell)) for cell, old in zip(cells, again)]
    counts = cells[not odd[0] :]
    return (
        len(known(cells)) > 1
        or bool(known(cell for cell, old in zip(cells, again) if not old))
        or (len(cells) > 2 and counts == [*map(str, range(len(counts)))])
        or (not cells[0] and all(row[0] for row in rows))
        or not any(odd)
    )


def guess(where: str, rows: list[list[str]], call: str) -> dict[str, int]:
    """The roles of a table without a header: user, item, rating and perhaps a time, by what its cells are."""
    width = len(rows[0])
    columns = list(zip(*(row for row in rows if len(row) == width)))
    values = [[_number(cell) for cell in column] for column in columns]
    time = width == 4 and _mostly(value is not None and value >= EPOCH for value in values[3])
    rated = width in (3, 4) and _mostly(value is not None and abs(value) < EPOCH for value in values[2])
    names = [*map(str, range(1, width + 1))]
    if not rated or (width == 4) != time:
        example, cure = _advice(NEEDED, names, {}, rows, call)
        example = f", or name them by their numbers, as in `{example}`" if example else ""
        raise UserError(
            f"{where}: the first line ({shown(rows[0])[:80]}) seems to be a rating, not a header. "
            f"Put a line before it that names the columns{example}.{cure}"
        )
    pairs = zip((ASIN, REVIEWER), columns)  # Amazon's files begin with the item
    alike = min(sum(map(bool, map(kind.fullmatch, column))) for kind, column in pairs) / len(columns[0])
    swapped = alike > 0.2
    roles = {"user": int(swapped), "item": 1 - swapped, "rating": 2} | ({"timestamp": 3} if time else {})
    if 0.2 < alike < 0.8:
        fault = f"column 1 or 2 may be the user ({shown(rows[0])[:80]})"
        raise UserError(f"{where}: {fault}. Say which, as in `{_option(roles, names, {})}`.")
    return roles


def _mostly(answers: Iterable) -> bool:
    """Whether the first and nearly all are true: a bad cell is told with its line when all are read."""
    answers = [*map(bool, answers)]
    return answers[:1] == [True] and sum(answers) >= 0.9 * len(answers)


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
    endings = r"(\.(csv|tsv|tab|txt|dat|data|inter|mtx|json|jsonl|ndjson|parquet|gz|bz2|xz|zip|zst|lz4))+$"
    return re.sub(endings, "", path.name, flags=re.I) or path.name
