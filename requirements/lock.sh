#!/usr/bin/env bash
# Writes the locks of all groups of pyproject.toml anew: requirements/lock.sh [--upgrade]. It takes uv, from
# pip. Versions stay where they can; with --upgrade the newest are taken. A group's file has what `run` lacks.
set -euo pipefail
cd "$(dirname "$0")/.."
resolve() {
    uv pip compile pyproject.toml --universal --python-version 3.11 --quiet --no-header --no-annotate "$@"
}
names() { sed -n 's/^\([a-z0-9][a-z0-9._-]*\)==.*/\1/p' "$@"; }

pins="$(mktemp)"
[ "${1:-}" = --upgrade ] || sed -n 's/ *\\$//; /^[a-z0-9].*==/p' requirements/*.txt >"$pins"
resolve --all-extras --constraint "$pins" --output-file "$pins.all"
# pip chooses PyTorch's build, so that its hash is not known; PyTorch names its CUDA packages itself
every="$(sed -n 's/^torch==[^ ]* ; //p' "$pins.all")"
skip="$(names "$pins.all" | grep -E '^(torch|triton|(nvidia|cuda)-.*)$')"
grep -o '^torch==[^ ]*' "$pins.all" >requirements/torch.txt
for group in run lab book bench cluster test; do
    resolve --extra run --extra "$group" --constraint "$pins.all" --generate-hashes \
        $(printf -- '--no-emit-package %s ' $skip) --output-file "$pins.$group"
    text="$(<"$pins.$group")" # what is true of every system that is supported is said by none of the lines
    text="${text//" ; $every"/}" text="${text//"${every#*"'3.15'"}"/}"
    printf '# Group %s of pyproject.toml, written by requirements/lock.sh\n%s\n' "$group" "$text" \
        >"requirements/$group.txt"
    [ "$group" != run ] || skip+=" $(names "$pins.run")"
done
rm -f "$pins"*
