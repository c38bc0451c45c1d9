# shellcheck shell=bash
# Proofs of deploy/image/verify, which sources this file: what runs.
# shellcheck disable=SC2154 # work is its folder

limit=64m # MEMORY of the containers: less than a sixth of what the manifests give; GOMEMLIMIT is 90% of it

# demo is "make run", with the image in the place of bin/worker.
demo() { # NAME FLAG…
  NAME=$1 MEMORY=$limit WORKER_MAX_HELD_BYTES=10MiB WORKER_STATE_BYTES=4MiB NO_COLOR=1 exec \
    "$work/demo" --worker deploy/image/run-worker --addr 127.0.0.1:0 "${@:2}" >"$work/$1.log" 2>&1
}

# clouds builds the local cloud, alone and with the demo around it.
clouds() { go build -o "$work/" ./cmd/localcloud ./cmd/localcloud/demo; }

field() { podman_here inspect --format "{{.State.$2}}" "$1"; } # NAME FIELD

# until_runs waits until the worker in a container is well.
until_runs() { # NAME
  local try
  for ((try = 0; try < 300; try++)); do
    podman_here exec "$1" worker health --admin-addr "$(admin_of "$1")" >"$work/health" 2>/dev/null && return
    sleep 0.1
  done
  cat "$work/$1.log"
  fails "$1: the worker is not well after 30 s"
}

# admin_of is the address that demo chose for the worker.
admin_of() { podman_here logs "$1" 2>&1 | jq -rR 'fromjson? | select(.msg == "started").admin'; }

# peak_of is the most memory that a container has had so far, in bytes. It cannot be
# asked any more when the container has ended.
peak_of() { # NAME
  local group
  group=$(field "$1" CgroupPath)
  [ -n "$group" ] || return 1
  cat "/sys/fs/cgroup/memory$group/memory.max_usage_in_bytes" 2>/dev/null || cat "/sys/fs/cgroup$group/memory.peak" 2>/dev/null
}

# ended_well waits for the demo, and holds the container's end against what it should be.
ended_well() { # NAME PROCESS PEAK
  wait "$2" || { cat "$work/$1.log"; fails "$1: the demo's sums do not add up"; }
  [ "$(field "$1" ExitCode) $(field "$1" OOMKilled)" = "0 false" ] ||
    fails "$1: exit code $(field "$1" ExitCode), killed for its memory: $(field "$1" OOMKilled)"
  last_line "$1" stopped | jq -e '.stranded == 0 and .polls_cut == 0' >/dev/null || fails "$1: $(last_line "$1" stopped)"
  [ -n "$3" ] || fails "$1: no memory was measured"
}

last_line() { podman_here logs "$1" 2>&1 | jq -cR --arg m "$2" 'fromjson? | select(.msg | startswith($m))'; } # NAME MESSAGE

prove_worked() {
  local process status peak='' now
  clouds
  GOMEMLIMIT=57MiB demo worked --messages 400 &
  process=$!
  until_runs worked
  status=/proc/$(field worked Pid)
  [ "$(awk '/^(Uid|Gid):/ { print $2, $3, $4, $5 }' "$status/status" | sort -u)" = "65532 65532 65532 65532" ] || fails "the worker is another user"
  [ "$(awk '/^Cap(Inh|Prm|Eff|Bnd|Amb):/ { print $2 }' "$status/status" | sort -u)" = 0000000000000000 ] || fails "the worker has capabilities"
  grep -q '^NoNewPrivs:[[:space:]]*1$' "$status/status" || fails "the worker may gain privileges"
  [ "$(awk '$5 == "/" { print substr($6, 1, 3) }' "$status/mountinfo")" = "ro," ] || fails "the worker's root file system can be written to"
  says "runs read-only, without a capability or a way to one, as user 65532, with 1024 files and processes; worker health says: $(cat "$work/health")"
  while kill -0 $process 2>/dev/null; do
    now=$(peak_of worked) && peak=$now
    sleep 0.2
  done
  ended_well worked $process "$peak"
  says "works the queue of make run (400 messages, all accounted for, every thing as its newest event says) in $limit with GOMEMLIMIT=57MiB and 10MiB held, 4MiB of state: at most $((peak / 1024)) KiB"
}

# prove_drained stops the worker in the middle of a backlog. It has no GOMEMLIMIT here.
prove_drained() {
  local process peak held began
  clouds
  demo drained --things 20 --rate 50 & # few things: many updates share calls, so many are held
  process=$!
  until_runs drained
  sleep 8 # what is sent runs ahead of the quota
  peak=$(peak_of drained)
  kill -TERM $process
  began=$SECONDS
  ended_well drained $process "$peak"
  held=$(last_line drained stopping | jq .held)
  [ "$held" -gt 10 ] || fails "drained: there was nothing to drain, $held messages were held"
  says "SIGTERM with $held messages held: drained in $((SECONDS - began))s, nothing stranded, all accounted for, exit code 0; at most $((peak / 1024)) KiB without GOMEMLIMIT"
}

# prove_quick measures from just before the runtime is told to start a container that
# stands ready, to the first 200 of /readyz: the runtime's own part is in it.
prove_quick() {
  local try took=() median
  clouds
  "$work/localcloud" --addr 127.0.0.1:0 --queue updates >"$work/cloud.log" &
  until grep -q WORKER_QUEUE_URL "$work/cloud.log"; do sleep 0.05; done
  for ((try = 0; try < 20; try++)); do
    took+=("$(start_to_ready "quick$try")") || fails "quick: the worker is not ready after 10 s"
    podman_here rm --force --time 0 "quick$try" >/dev/null
  done
  median=$(printf '%s\n' "${took[@]}" | sort -n | sed -n 10p)
  [ "$median" -lt 200 ] || fails "quick: $median ms from started to ready, of: ${took[*]}; was the machine busy?"
  says "from started to ready in $median ms (median of 20; $(printf '%s\n' "${took[@]}" | sort -n | sed -n '1p;$p' | paste -sd- | sed 's/-/ to /'))"
}

start_to_ready() ( # NAME; prints milliseconds
  port=$((20000 + RANDOM % 10000))
  # shellcheck disable=SC1091 # settings for a shell
  . "$work/cloud.log"
  WORKER_ADMIN_ADDR=127.0.0.1:$port NAME=$1 deploy/image/run-worker --create >/dev/null
  podman_here init "$1" >/dev/null
  id=$(podman_here inspect --format '{{.Id}}' "$1")
  began=${EPOCHREALTIME/./}
  runc start "$id"
  while ! is_ready "$port"; do
    [ $((${EPOCHREALTIME/./} - began)) -lt 10000000 ] || exit 1
    sleep 0.002
  done
  echo $(((${EPOCHREALTIME/./} - began) / 1000))
)

is_ready() { # PORT
  local line
  { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
  printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3
  read -r line <&3
  exec 3>&-
  [[ $line == *" 200 "* ]]
}
