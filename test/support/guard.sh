#!/usr/bin/env bash
# guard.sh FOLDER CONTAINER COMMAND…
#
# Runs one server for as long as our stdin stays open, then ends it with every process that it started and removes FOLDER. The
# test runner holds the other end of that pipe, so that however it ends (Ctrl-C, kill -9, a crash), nothing is left behind.
# A line "keep" before the end of stdin keeps the folder: the server will be started again on it. CONTAINER, when not empty, is the
# container that COMMAND runs in; killing the client would leave it.
set -m # a process group for each background job
folder=$1 container=$2
shift 2
"$@" 3>&- </dev/null &
server=$!
# Nobody may be left to read what this shell itself says; writing to a closed pipe would end it before its work is done.
exec 3<&0 >/dev/null 2>&1
{
  read -r word <&3
  [ "$word" = keep ] && touch "$folder/.keep"
  [ -n "$container" ] && docker rm --force "$container"
  kill -KILL -- "-$server"
} &
watcher=$!
wait "$server"
status=$?
# The shell takes a server that a test stops (SIGSTOP) for one that has ended.
while kill -0 "$server"; do
  sleep 0.2
  wait "$server"
  status=$?
done
kill -KILL -- "-$server" "-$watcher"
if [ -e "$folder/.keep" ]; then rm "$folder/.keep"; else rm -rf "$folder"; fi
exit "$status"
