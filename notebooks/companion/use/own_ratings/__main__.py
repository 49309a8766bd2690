"""`python -m companion.use.own_ratings`: train for the report in rounds."""

import sys

from companion.use.own_ratings.rounds import main

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
