#!/usr/bin/env bash
# ./run_all.sh [OPTIONS]          run the notebooks, whatever is not done yet
# ./run_all.sh render [OPTIONS]   the same, then put executed copies into notebooks/rendered/
# ./run_all.sh tune [OPTIONS]     search every method's settings, into notebooks/companion/tuned_settings.json
# ./run_all.sh book               make a site of the executed copies, in data/book/
# ./run_all.sh verify [C9 ...]    make rows of the ledger again from nothing: are the verdicts the same?
# ./run_all.sh pack | unpack FILE the runs behind the results as one archive, and from there into data/
# ./run_all.sh test | lab | python | bench WORDS   tests, JupyterLab, Python with all of this, the benchmark
# ./run_all.sh help               these lines
#
#   --profile smoke|quick|claims|paper|own|variant  does it run at all; a laptop (if none is named); what the
#                                            claims need; the paper; a report on a file of yours (if one is
#                                            named); ADC on top of BPR
#   --data movielens|insteval|control|twin-s0.03|amazon|PATH  which ratings, also several times; control and
#                                            twin are synthetic; PATH: a table with the columns user, item,
#                                            rating, and domain; without that every file is a domain
#   --columns user=uid,item=asin,…  --separator ';'  --not-a-rating 0   how PATH is read (docs/own_ratings.md)
#   --minutes N                              how long the report on a file of yours may take (10)
#   --device auto|cpu|cuda                   where networks are trained
#   All others are Snakemake's: --dry-run, --cores N (all), --keep-going, --executor slurm --jobs 50, ...
#
# A call first installs what it lacks (environment.sh). What was stopped goes on with the same command. data/
# and figures/ lie here, or in ADC_HOME where that is set.

set -euo pipefail
unset CDPATH PYTHONPATH PYTHONHOME PYTHONIOENCODING SNAKEMAKE_PROFILE MATPLOTLIBRC # meant for other programs
unset PYTHONDONTWRITEBYTECODE # packages are compiled as they are first imported (environment.sh)
export PIP_USER=0 PYTHONUTF8=1 CONDA_ALWAYS_YES=1 MAMBA_ALWAYS_YES=1
root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)"
case "${ADC_HOME:-}" in "" | /*) ;; *) export ADC_HOME="$PWD/$ADC_HOME" ;; esac
data="${ADC_HOME:-$root}/data" profile=""
source "$root/environment.sh"

main() {
    case "$root" in *[:{}]*) die "Rename the folder $root: a path with : { or } does not work here." ;; esac
    case "${1:-}" in
        help) notebooks exec --help ;;
        test)
            set_up lab book bench cluster test; cd "$root"; "$python" tests/lines.py || true
            exec "$python" -m pytest -n logical --maxprocesses 8 --dist loadfile "${@:2}" ;;
        lab)
            set_up lab; "$python" -P -m companion.lab; cd "$data/lab"
            exec "$python" -m jupyter lab --ServerApp.ip=127.0.0.1 "${@:2}" ;;
        python) set_up; exec "$python" "${@:2}" ;;
        bench) set_up bench; PYTHONPATH="$root/tests" exec "$python" -P -m bench "${@:2}" ;;
        book) set_up book; exec "$python" -P -m companion.book ;;
        verify | pack | unpack) set_up; exec "$python" -P -m "companion.$1" "${@:2}" ;;
        render) notebooks command "${@:2}"; exec "$python" -P -m companion.render "$profile" ;;
        tune) notebooks exec --profile search "${@:2}" ;;
        *) notebooks exec "$@" ;;
    esac
}

notebooks() { # HOW OPTIONS: hand over to Snakemake; our options become its config
    local how="$1" groups="" device=auto usual=quick sources="" cores="--cores all"
    local words=() reading=() path value
    while shift && [ $# -gt 0 ]; do
        case "$1" in
            -h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' "$root/run_all.sh"; exit ;;
            --profile | --data | --device | --columns | --separator | --not-a-rating | --minutes)
                [ $# -gt 1 ] || die "$1 needs a value: ./run_all.sh --help"
                set -- "$1" "$1=$2" "${@:3}" ;;
            --profile=*) profile="${1#*=}" ;;
            --device=*) device="${1#*=}" ;;
            --columns=* | --separator=* | --not-a-rating=*) # between quotes of YAML
                value="${1#*=}" path="${1%%=*}" path="${path#--}"
                reading+=("${path//-/_}='${value//\'/\'\'}'") ;;
            --minutes=*) reading+=("minutes=${1#*=}") ;;
            --data=*/* | --data=*.[!0-9]*) # a file: an absolute path between quotes of YAML
                path="${1#*=}" usual=own
                case "$path" in /*) ;; *) path="$PWD/$path" ;; esac
                sources+="'${path//\'/\'\'}', " ;;
            --data=*) sources+="'${1#*=}', " ;;
            *) case "$1" in -e* | --executor*) groups=cluster ;; esac
                case "$1" in -[cje]* | --cores* | --jobs* | --executor*) cores="" ;; esac; words+=("$1") ;;
        esac
    done
    path="$root/notebooks/profiles/${profile:=$usual}.yaml"
    [ -f "$path" ] || die "Unknown profile '$profile'. Known: $(cd "${path%/*}" && echo *.yaml)"
    set_up $groups
    case " ${words[*]-} " in *" -n "* | *" --dry-run "* | *" --dryrun "*) # writes nothing
        [ -d "$data" ] || { data="$(mktemp -d)" how=command; trap 'rm -rf "$data"' EXIT; } ;;
    esac
    { mkdir -p "$data" && head -c 2097152 /dev/zero >"$data/.room" && rm -f "$data/.room"; } 2>/dev/null ||
        die "Could not write in $data. Free some space, or set ADC_HOME; then give the same command again."
    lock "$data/.lock"; export XDG_CACHE_HOME="$data/.cache" # Snakemake's
    find "$data" -name '.*.partial' -mmin +60 -exec rm -rf {} + # left by killed processes
    "$how" "$python" -P -m snakemake --snakefile "$root/notebooks/Snakefile" --directory "$data" \
        --configfile "$path" --config device="$device" ${sources:+"data=[$sources]"} \
        ${reading[@]+"${reading[@]}"} --resources \
        results_table=1 --nolock --rerun-incomplete --quiet rules host reason $cores ${words[@]+"${words[@]}"}
}

lock() { # one call at a time: the lock ends with the processes that hold the file open
    exec 9>>"$1"
    flock -n 9 2>/dev/null || case $? in
        1) echo "Waiting: another call is at work in ${1%/*}; when it ends this goes on."; flock 9 ;;
        *) echo "flock does not work here: give no other command before this one has ended." ;;
    esac
}

die() { echo "$*" >&2; exit 1; }
main "$@"
