"""One schema for every source: `domain, user, item, rating` (+ `timestamp`, `title`), and one checker."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from adc.errors import UserError

REQUIRED = ("domain", "user", "item", "rating")
OPTIONAL = ("timestamp", "title")
MAX_DOMAINS = 50
MIN_RATINGS = 10  # below this a 50/10/40 split of a domain leaves a part empty


@dataclass(frozen=True)
class Ratings:
    """Checked ratings of p domains in integer codes; what every other module works on.

    Domains are in the order of `domains`, users are coded over the union of all domains, items
    within their own domain.
    """

    name: str
    domains: list[str]  # p names
    users: np.ndarray  # [n] ids, the union of the domains' users
    items: list[np.ndarray]  # p arrays [m_k] of ids
    domain: np.ndarray  # [ratings] int8
    user: np.ndarray  # [ratings] int32
    item: np.ndarray  # [ratings] int32, within the rating's domain
    rating: np.ndarray  # [ratings] float32
    titles: dict[tuple[int, int], str] = field(default_factory=dict)  # (domain, item) -> title, where known

    @property
    def p(self) -> int:
        """Number of domains."""
        return len(self.domains)

    def index(self, domain: str) -> int:
        """Position of a domain by name; a `UserError` names the known ones."""
        if domain not in self.domains:
            raise UserError(f"Unknown domain '{domain}' in dataset '{self.name}'. It has: {', '.join(self.domains)}.")
        return self.domains.index(domain)

    def only(self, domains: list[str]) -> "Ratings":
        """The same ratings restricted to some domains (Sets 1–3, R35), users and items coded anew; none named: all."""
        if not domains:
            return self
        keep = np.isin(self.domain, [self.index(name) for name in domains])
        return encode(self.frame()[keep], self.name, domains, self.titles_by_id())

    def frame(self) -> pd.DataFrame:
        """Back to `domain, user, item, rating` with the original ids."""
        items = np.empty(len(self.item), dtype=object)
        for k, ids in enumerate(self.items):
            rows = self.domain == k
            items[rows] = ids[self.item[rows]]
        domains = np.array(self.domains, dtype=object)
        return pd.DataFrame(
            {"domain": domains[self.domain], "user": self.users[self.user], "item": items, "rating": self.rating}
        )

    def titles_by_id(self) -> dict[tuple[str, str], str]:
        """Titles keyed by (domain name, item id)."""
        return {(self.domains[k], self.items[k][i]): title for (k, i), title in self.titles.items()}

    def table(self) -> pd.DataFrame:
        """Users, items, ratings and density (%) per domain, as in Table I."""
        rows = []
        for k in range(self.p):
            users = len(np.unique(self.user[self.domain == k]))
            ratings = int((self.domain == k).sum())
            density = 100 * ratings / (users * len(self.items[k]))
            rows.append((self.domains[k], users, len(self.items[k]), ratings, density))
        return pd.DataFrame(rows, columns=["domain", "users", "items", "ratings", "density"]).set_index("domain")

    def overlap(self) -> pd.DataFrame:
        """Users shared by each pair of domains [p, p]; the diagonal holds each domain's own users."""
        member = np.zeros((len(self.users), self.p), dtype=np.int64)  # [n, p]
        member[self.user, self.domain] = 1
        return pd.DataFrame(member.T @ member, index=self.domains, columns=self.domains)


def check(frame: pd.DataFrame, where: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the ratings as typed columns, and what was dropped by the rules (R20), counted.

    `where` names the file in messages, and `frame`'s index the place in it: an index named "line" holds line
    numbers; without a name, rows are counted from 1. Raises `UserError` at the first defect.
    """
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise UserError(f"{where}: the column '{twice[0]}' stands in the header more than once. Keep one of them.")
    missing = [column for column in REQUIRED if column not in frame.columns]
    if missing:
        raise UserError(
            f"{where}: no column {', '.join(repr(c) for c in missing)}. Found: "
            f"{', '.join(map(str, frame.columns)) or 'nothing'}. The first line must name the columns domain, user, "
            f"item, rating (timestamp and title are optional)."
        )
    if frame.empty:
        raise UserError(
            f"{where}: holds no ratings, only a header. Expected one line a rating: domain, user, item, rating."
        )
    if frame.index.name is None:
        frame = frame.set_axis(pd.RangeIndex(1, len(frame) + 1, name="row"))
    clean = pd.DataFrame({c: _text(frame[c], where) for c in ("domain", "user", "item")})
    clean["rating"] = _number(frame["rating"], where, np.float32)
    if "timestamp" in frame.columns:
        clean["timestamp"] = _number(frame["timestamp"], where, np.float64)
    if "title" in frame.columns:
        titles = frame["title"].astype("object").where(frame["title"].notna(), "")
        clean["title"] = titles.map(str).to_numpy(dtype=object)
    clean, dropped = _latest(clean, where, frame.index)
    _check_domains(clean, where)
    return clean, dropped


def _text(column: pd.Series, where: str) -> np.ndarray:
    values = column.astype("object").where(column.notna(), "").map(str).str.strip()
    bad = np.flatnonzero((values == "") | values.str.contains("\0", regex=False))
    if len(bad):
        fault = "empty" if values.iloc[bad[0]] == "" else "holds a NUL character"
        raise UserError(
            f"{_place(column, where, bad[0])}: {fault}. Every rating needs a {column.name} in plain text; {len(bad)} "
            f"such {column.index.name}(s). Mend or remove them and run again."
        )
    return values.to_numpy(dtype=object)


def _number(column: pd.Series, where: str, dtype: type) -> np.ndarray:
    with np.errstate(over="ignore"):  # what is too large for the type becomes infinite, and is refused below
        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan).astype(dtype)
    bad = np.flatnonzero(~np.isfinite(values) | column.isna())
    if len(bad):
        raise UserError(
            f"{_place(column, where, bad[0])}: {column.iloc[bad[0]]!r} is not a finite number; {len(bad)} such "
            f"{column.index.name}(s). Mend or remove them and run again."
        )
    return values


def _place(column: pd.Series, where: str, row: int) -> str:
    return f"{where}, {column.index.name} {column.index[row]}, column '{column.name}'"


def _latest(clean: pd.DataFrame, where: str, lines: pd.Index) -> tuple[pd.DataFrame, dict[str, int]]:
    """R20: of several ratings of one item by one user keep the latest."""
    key = ["domain", "user", "item"]
    twice = clean.duplicated(key, keep=False).to_numpy()
    if not twice.any():
        return clean, {"repeated": 0}
    if "timestamp" not in clean.columns:
        spread = clean[twice].groupby(key, sort=False)["rating"].transform("nunique").to_numpy()
        clash = np.flatnonzero(twice)[spread > 1]
        if len(clash):
            row = clean.iloc[clash[0]]
            others = (clean[key] == row[key]).all(axis=1).to_numpy()
            raise UserError(
                f"{where}, {lines.name}s {', '.join(map(str, lines[others][:5]))}: user '{row.user}' rated item "
                f"'{row['item']}' of domain '{row.domain}' differently more than once, and there is no column "
                f"'timestamp' to tell which is the latest. Add it, or keep one line each ({len(clash)} {lines.name}s "
                f"concerned)."
            )
        kept = clean.drop_duplicates(key, keep="last")
    else:
        order = clean["timestamp"].to_numpy().argsort(kind="stable")
        kept = clean.iloc[order].drop_duplicates(key, keep="last").sort_index()
    return kept.reset_index(drop=True), {"repeated": len(clean) - len(kept)}


def _check_domains(clean: pd.DataFrame, where: str) -> None:
    counts = clean["domain"].value_counts()
    if len(counts) > MAX_DOMAINS:
        raise UserError(
            f"{where}: {len(counts)} domains; at most {MAX_DOMAINS} are supported. Is 'domain' the right column?"
        )
    small = counts[counts < MIN_RATINGS]
    if len(small):
        raise UserError(
            f"{where}: domain '{small.index[0]}' has {small.iloc[0]} ratings; a 50/10/40 split needs at least "
            f"{MIN_RATINGS}. Remove or merge the small domain(s): {', '.join(map(str, small.index[:10]))}."
        )


def encode(frame: pd.DataFrame, name: str, domains: list[str] | None = None, titles: dict | None = None) -> Ratings:
    """Turn checked ratings into integer codes. Without `domains` the largest domain comes first."""
    if domains is None:
        counts = frame["domain"].value_counts()
        domains = sorted(counts.index, key=lambda d: (-counts[d], d))
    frame = frame[frame["domain"].isin(domains)]
    domain = frame["domain"].map({d: k for k, d in enumerate(domains)}).to_numpy(dtype=np.int8)
    user, users = pd.factorize(frame["user"].to_numpy(dtype=object), sort=True)
    item = np.empty(len(frame), dtype=np.int32)
    ids = frame["item"].to_numpy(dtype=object)
    items = []
    for k in range(len(domains)):
        item[domain == k], names = pd.factorize(ids[domain == k], sort=True)
        items.append(names)
    if titles is None:
        titles = _titles(frame)
    position = {(domains[k], i): (k, n) for k in range(len(domains)) for n, i in enumerate(items[k])} if titles else {}
    return Ratings(
        name, list(domains), users, items, domain, user.astype(np.int32), item,
        frame["rating"].to_numpy(dtype=np.float32), {position[key]: t for key, t in titles.items() if key in position},
    )


def _titles(frame: pd.DataFrame) -> dict[tuple[str, str], str]:
    if "title" not in frame.columns:
        return {}
    named = frame.loc[frame["title"] != "", ["domain", "item", "title"]].drop_duplicates(["domain", "item"])
    return {(d, str(i)): t for d, i, t in named.itertuples(index=False)}
