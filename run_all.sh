#!/usr/bin/env bash
# ./run_all.sh [OPTIONS] [-- WORDS FOR SNAKEMAKE]   run the notebooks, whatever is not done yet
# ./run_all.sh test [WORDS FOR PYTEST]              run the tests
# ./run_all.sh lab [WORDS FOR JUPYTERLAB]           open JupyterLab on the notebooks
# ./run_all.sh render [OPTIONS]                     refresh the executed copies in notebooks/rendered/
# ./run_all.sh book                                 make a site to read from these copies, into data/book/
# ./run_all.sh tune [OPTIONS]                       search every method's settings anew, into adc/tuned.json
# ./run_all.sh python [WORDS FOR PYTHON]            run Python where everything is installed, adc with it
# ./run_all.sh bench [WORDS]                        measure how fast it is, beside other projects (bench --help)
#
# Each call first sets up what is missing: with micromamba, mamba or conda an environment in .env, otherwise with
# Python 3.11 or newer one in .venv; the same versions either way (requirements.txt). Later calls use it again.
#
#   --profile smoke|quick|paper|own|variant
#                                   how big and how many seeds (quick): does it run at all, a laptop, the paper;
#                                   variant: notebook 17, not the paper's
#   --data twin|movielens|amazon|PATH
#                                   which ratings; may be given several times. PATH is a CSV, TSV or Parquet file
#                                   (gzip too) with the columns domain, user, item, rating. Without it quick and paper
#                                   run movielens (real) and twin (synthetic), or amazon in the twin's place if its
#                                   archive is at data/raw/amazon/unprocessed.tar.gz; smoke runs movielens. A file
#                                   runs the profile own, a report on it, unless a profile is named
#   --cores N                       how many notebooks run at once, each on one thread (all cores)
#   --device auto|cpu|cuda          where networks are trained (auto)
#   --dry-run                       say what would run, roughly how long it would take and how much room
#   --help                          this text
#
# A killed call loses nothing but the runs it was in: the same command goes on from there. A second call at the same
# time waits for the first. Data, runs and reports land in data/, figures in figures/; with ADC_HOME set, there instead.

set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)"
log="$root/data/logs/setup.log"

main() {
    case " $* " in *" -- "* | " bench "* | " python "*) ;; *" --help "* | *" -h "*) help; exit ;; esac
    case "${1:-}" in
        test)
            set_up
            cd "$root"
            exec "$env/bin/python" -m pytest "${@:2}" ;;
        lab)
            set_up
            cd "$root/notebooks"
            exec "$env/bin/python" -m jupyter lab --ServerApp.ip=127.0.0.1 "${@:2}" ;;
        python)
            set_up
            exec "$env/bin/python" "${@:2}" ;;
        bench)
            set_up
            PYTHONSAFEPATH=1 PYTHONPATH="$root/tests:$PYTHONPATH" exec "$env/bin/python" -m bench "${@:2}" ;;
        *)
            check_words "$@"
            set_up
            PYTHONSAFEPATH=1 exec "$env/bin/python" -m workflow "$@" ;;
    esac
}

help() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

# A slip of the pen is told before minutes go into setting up.
check_words() {
    local python
    if ! ready && python="$(find_python)"; then
        PYTHONSAFEPATH=1 PYTHONPATH="$root/notebooks:$root" "$python" -m workflow.options "$@" || exit $?
    fi
}

# Leave an environment that is whole and up to date in $env.
set_up() {
    if ! ready; then
        mkdir -p "$root/data/logs"
        exec 9>"$root/data/logs/.setup.lock"
        lock 9
        ready || make_environment # another call may have made it meanwhile
        exec 9>&-
    fi
    if command -v flock >/dev/null; then # for clear_away, also after exec
        exec 8<"$env/.ready"
        flock -s 8
        export ADC_WITHIN="$root"
    fi
    export PYTHONPATH="$root/notebooks:$root${PYTHONPATH:+:$PYTHONPATH}"
}

ready() {
    for env in "$root/.env" "$root/.venv"; do
        # written last, so a half-made environment has none
        [ -x "$env/bin/python" ] && [ "$(cat "$env/.ready" 2>/dev/null)" = "$(pins)" ] && return
    done
    return 1
}

make_environment() {
    local tool python
    : >"$log"
    if tool="$(find_conda)" && [ -f "$root/.env" ]; then
        echo "$root/.env is a file and stays as it is; the environment goes into .venv, without conda."
    elif [ "$tool" ]; then
        env="$root/.env"
        clear_away "$env"
        quietly "making .env with $(basename "$tool")" from_conda "$tool" && mark_ready && return
        echo "That did not work; trying Python's own venv and pip instead."
    fi
    if ! python="$(find_python)"; then
        echo "No Python 3.11 or newer that can make environments was found, nor micromamba, mamba or conda. Install" \
            "one (on Debian or Ubuntu: apt install python3 python3-venv) and give the same command again." >&2
        exit 1
    fi
    env="$root/.venv"
    clear_away "$env"
    quietly "making .venv with $("$python" --version)" "$python" -m venv "$env" || give_up
    quietly "installing what requirements.txt names" \
        "$env/bin/python" -m pip install -r "$root/requirements.txt" -e "$root" || give_up
    mark_ready
}

# Never an environment that a call is at work in; one within such a call would wait for ever.
clear_away() {
    if [ -e "$1/.ready" ] && command -v flock >/dev/null && exec 8<>"$1/.ready" && ! flock -n 8; then
        if [ "${ADC_WITHIN:-}" = "$root" ]; then
            echo "$1 has to be made anew, but a call that this one is part of runs in it: end that first." >&2
            exit 1
        fi
        echo "Waiting: a call (or JupyterLab) is at work in $1, which has to be made anew; when it ends this goes on."
        flock 8
    fi
    rm -rf "$1"
}

from_conda() {
    case "$(basename "$1")" in
        micromamba) "$1" create --yes --prefix "$env" --file "$root/environment.yml" ;;
        *) CONDA_ALWAYS_YES=1 MAMBA_ALWAYS_YES=1 "$1" env create --prefix "$env" --file "$root/environment.yml" ;;
    esac
}

mark_ready() {
    pins >"$env/.ready"
}

# What an environment was made from; it does not survive being moved either.
pins() {
    echo "$(cd "$root" && cat requirements.txt pyproject.toml environment.yml | cksum) $root"
}

find_conda() {
    command -v micromamba || command -v mamba || command -v conda
}

find_python() {
    local name
    for name in python3.11 python3.12 python3.13 python3.14 python3 python; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

# One line on the screen; the tool's own words in the log, of which a failure shows the end.
quietly() {
    echo "Setting up: $1 ..."
    "${@:2}" >>"$log" 2>&1 && return
    tail -n 15 "$log" >&2
    return 1
}

give_up() {
    echo "Setting up failed; the lines above are the end of $log. The same command tries again." >&2
    exit 1
}

# The lock goes when the last process that holds the file is gone, also an installer that outlives a killed call.
lock() {
    if command -v flock >/dev/null; then
        flock "$1"
    else # macOS
        perl -e 'use Fcntl ":flock"; open my $file, ">&=", shift or die; flock $file, LOCK_EX or die' "$1"
    fi
}

main "$@"
