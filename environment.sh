# For run_all.sh: `set_up` leaves in $python the Python of an environment of the versions in requirements.txt,
# and makes that where it is missing: .env by micromamba, mamba or conda, else .venv by Python 3.11 or newer.

set_up() {
    ready && return
    mkdir -p "$root/data" && lock "$root/data/.setup.lock"
    ready || make_environment # another call may have made it meanwhile
    exec 9>&-
}

ready() { # .ready is written last; an environment does not survive being moved either
    pins="$(cat "$root"/{requirements.txt,pyproject.toml,environment.yml} | cksum) $root"
    for env in "$root/.env" "$root/.venv"; do
        python="$env/bin/python"
        [ "$(cat "$env/.ready" 2>/dev/null)" = "$pins" ] && return
    done
    return 1
}

make_environment() {
    local log="$root/data/setup.log" conda base
    for conda in micromamba "mamba env" "conda env" ""; do
        command -v "${conda% *}" >/dev/null && break
    done
    for base in python3.11 python3.12 python3.13 python3.14 python3 python ""; do
        "$base" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
    done
    env="$root/.env" python="$root/.env/bin/python"
    if [ ! "$conda" ] || [ -f "$env" ] || ! rm -rf "$env" ||
        ! quietly $conda create --prefix "$env" --file "$root/environment.yml"; then
        env="$root/.venv" python="$root/.venv/bin/python"
        [ "$base" ] && rm -rf "$env" && quietly "$base" -m venv "$env" &&
            quietly "$python" -m pip install -r "$root/requirements.txt" -e "$root" ||
            die "Setting up failed: it takes Python 3.11 or newer (Debian, Ubuntu: python3 python3-venv) or" \
                "conda. The same command tries again; the whole log is $log"
    fi
    # `import adc, companion` works anywhere, also beside a clone called adc; the file may be read as ASCII
    "$python" -c 'import sys, sysconfig
with open(sysconfig.get_path("purelib") + "/companion.pth", "w") as pth:
    pth.write("import sys; sys.path += %a\n" % sys.argv[1:])' "$root" "$root/notebooks"
    echo "$pins" >"$env/.ready"
}

quietly() { # its words go to the log, of which a failure shows the end
    echo "Setting up: $* ..." | cut -c 1-110
    "$@" >>"$log" 2>&1 || { tail -n 15 "$log" >&2; return 1; }
}
