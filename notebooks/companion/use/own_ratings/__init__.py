"""The report on the reader's own ratings: is it worth learning from the other domains, and which method to
use? `scores` reads the runs, `verdicts` judges them, `tables` shows them, `rounds` trains them."""
