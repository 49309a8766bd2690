#!/usr/bin/env bash
# tests/slurm/start.sh FOLDER [CPUS]   start a Slurm of one node on this machine, with all its files in FOLDER
#                                      (an absolute path without spaces); prints the line after which Slurm's
#                                      commands find it
# tests/slurm/start.sh stop FOLDER     end its jobs and daemons
#
# For Debian and Ubuntu, also in a container: needs `apt-get install slurm-wlm munge`, no systemd, no cgroups,
# root. Jobs run as the user who started it. It is for trying things out: be alone on the machine.

set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)"
export PATH="$PATH:/usr/sbin:/sbin"

main() {
    if [ "${1:-}" = stop ]; then
        place="$2"
        stop
        return
    fi
    place="${1:?a folder is needed, see the head of this script}"
    for tool in munged slurmctld slurmd; do
        command -v "$tool" >/dev/null && continue
        echo "$tool is missing: apt-get install slurm-wlm munge" >&2
        exit 1
    done
    mkdir -p "$place/state" "$place/spool"
    chmod 711 "$place" # munged wants its socket within everybody's reach
    configure "${2:-$(nproc)}"
    export SLURM_CONF="$place/slurm.conf"
    trap stop ERR
    start munge munged --key-file="$place/munge.key" --socket="$place/munge.socket" \
        --pid-file="$place/munge.pid" --log-file="$place/munge.log" --seed-file="$place/munge.seed"
    start slurmctld slurmctld -c
    start slurmd slurmd
    wait_for_node
    echo "export SLURM_CONF=$place/slurm.conf PATH=$place/bin:\$PATH"
}

configure() {
    local host ports memory
    host="$(hostname -s)"
    memory="$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)"
    ports="$(free_ports)"
    [ -s "$place/munge.key" ] || (umask 077 && head -c 128 /dev/urandom >"$place/munge.key")
    sed -e "s|@PLACE@|$place|g; s|@HOST@|$host|g; s|@USER@|$(id -un)|g; s|@CPUS@|$1|g" \
        -e "s|@PORT1@|${ports% *}|; s|@PORT2@|${ports#* }|; s|@MEMORY@|$memory|" \
        "$here/slurm.conf" >"$place/slurm.conf"
    # Snakemake's plugin (2.8.0) keeps SLURM_CONF from the srun in its jobs
    mkdir -p "$place/bin"
    printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$place/slurm.conf" "$(command -v srun)" \
        >"$place/bin/srun"
    chmod 755 "$place/bin/srun"
}

free_ports() {
    python3 -c 'import socket
both = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(each.getsockname()[1] for each in both))'
}

start() {
    echo "starting $1" >&2
    "${@:2}" >>"$place/$1.out" 2>&1 || { tail -n 5 "$place/$1.out" >&2; return 1; }
}

wait_for_node() {
    for _ in $(seq 60); do
        [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ] && return
        sleep 0.5
    done
    echo "The node did not come up; see $place/slurmctld.log and $place/slurmd.log." >&2
    return 1
}

stop() {
    export SLURM_CONF="$place/slurm.conf"
    timeout 10 scancel --user="$(id -un)" 2>/dev/null || true
    for _ in $(seq 40); do # until its jobs have ended
        [ -n "$(timeout 10 squeue --noheader 2>/dev/null)" ] || break
        sleep 0.5
    done
    for name in slurmd slurmctld munge; do
        if pid="$(cat "$place/$name.pid" 2>/dev/null)"; then
            kill "$pid" 2>/dev/null || true
            for _ in $(seq 40); do kill -0 "$pid" 2>/dev/null || break; sleep 0.25; done
            kill -9 "$pid" 2>/dev/null || true
        fi
    done
}

main "$@"
