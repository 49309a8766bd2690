"""`./run_all.sh book`."""

import sys

from adc.errors import UserError
from companion import book, paths
from companion.book import ledger, pages

print("Making the site ...", flush=True)
try:
    book.build(paths.book())
except UserError as error:
    sys.exit(str(error))
if not ledger.FILE.exists():
    print(f"Without the claims to search through: {ledger.FILE.relative_to(pages.ROOT)} is missing.")
print(f"Open {paths.book() / 'index.html'} in a browser; no network is needed.")
