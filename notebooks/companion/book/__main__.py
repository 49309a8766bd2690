"""`./run_all.sh book`."""

from companion import book, files, paths
from companion.book import ledger, pages

print("Making the site ...", flush=True)
with files.exit_on_error():
    book.build(paths.book())
if not ledger.FILE.exists():
    print(f"Without the claims to search through: {ledger.FILE.relative_to(pages.ROOT)} is missing.")
print(f"Open {paths.book() / 'index.html'} in a browser; no network is needed.")
