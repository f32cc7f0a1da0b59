# For scripts that test or measure a running server; to be sourced.

# start_server PROGRAM ARGUMENT...: `PROGRAM serve` on a free loopback port, with a folder of its own. Sets $server (the process),
# $server_folder (data/, log) and $url, and returns once it answers. It ends, and the folder goes, with the script.
start_server() {
  local program=$1 ready
  shift
  server_folder=$(mktemp -d)
  trap end_server EXIT
  mkfifo "$server_folder/ready"
  "$program" serve --data "$server_folder/data" --listen 127.0.0.1:0 "$@" >"$server_folder/ready" 2>"$server_folder/log" &
  server=$!
  exec {server_output}<"$server_folder/ready" # held open: the server may go on printing
  read -r -u "$server_output" ready || { cat "$server_folder/log"; exit 1; }
  url=${ready#listening on }
}

end_server() {
  if [[ -n ${server:-} ]]; then
    kill "$server" 2>/dev/null && wait "$server" || true
  fi
  rm -rf "$server_folder"
}
