# For run_all.sh: `set_up GROUPS` leaves in $python the Python of an environment with the packages of the
# group `run` and of those named (requirements/). Where there is none it is made: .env by micromamba, mamba
# or conda, else .venv by Python 3.11 or newer; a group that it lacks is added.

set_up() {
    ready "$@" && return
    mkdir -p "$root/data" && lock "$root/data/.setup.lock"
    ready "$@" || { ready || make_environment; add run "$@"; } # another call may have made it meanwhile
    exec 9>&-
}

ready() { # .ready-GROUP is written last; an environment does not survive being moved either
    local group
    for env in "$root/.env" "$root/.venv"; do
        python="$env/bin/python"
        for group in run "$@"; do added "$group" || continue 2; done
        return 0
    done
    return 1
}

added() { [ "$(cat "$env/.ready-$1" 2>/dev/null)" = "$(pins "$1")" ]; }

pins() { # what an environment with a group was made from
    echo "$(cat "$root"/{requirements/{torch,run,"$1"}.txt,pyproject.toml,environment.yml} | cksum) $root"
}

make_environment() {
    local conda base
    for conda in micromamba "mamba env" "conda env" ""; do command -v "${conda% *}" >/dev/null && break; done
    for base in python3.11 python3.12 python3.13 python3.14 python3 python ""; do
        "$base" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
    done
    env="$root/.env" python="$root/.env/bin/python"
    if [ ! "$conda" ] || [ -f "$env" ] || ! rm -rf "$env" ||
        ! quietly "$conda" $conda create --prefix "$env" --file "$root/environment.yml"; then
        env="$root/.venv" python="$root/.venv/bin/python"
        [ "$base" ] && rm -rf "$env" && quietly "$env" "$base" -m venv "$env" || failed
    fi
}

add() { # GROUPS; which build of PyTorch, pip's settings say, so that it has no hash. What is used is compiled
    # when it is first imported: to compile all of it beforehand took half of the time
    local group locks="$root/requirements"
    local install=("$python" -m pip install --disable-pip-version-check --no-compile)
    # `import adc, companion` works anywhere, also beside a clone called adc; read as ASCII
    "$python" -c 'import sys, sysconfig
with open(sysconfig.get_path("purelib") + "/companion.pth", "w") as pth:
    pth.write("import sys; sys.path += %a\n" % sys.argv[1:])' "$root" "$root/notebooks"
    for group in "$@"; do
        added "$group" && continue
        quietly "requirements/$group.txt" \
            "${install[@]}" --no-deps --require-hashes -r "$locks/$group.txt" || failed
        [ "$group" != run ] ||
            quietly PyTorch "${install[@]}" --no-build-isolation -r "$locks/torch.txt" -e "$root" || failed
        pins "$group" >"$env/.ready-$group"
    done
}

quietly() { # WHAT COMMAND: its words go to the log, of which a failure shows the end
    local log="$root/data/setup.log"
    echo "Setting up: $1 ..."
    "${@:2}" >>"$log" 2>&1 || { tail -n 15 "$log" >&2; return 1; }
}

failed() {
    die "Setting up failed: it takes Python 3.11 or newer (Debian, Ubuntu: python3 python3-venv) or conda." \
        "The same command tries again; the whole log is $root/data/setup.log"
}
