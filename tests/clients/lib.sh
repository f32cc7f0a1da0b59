# What the clients' scripts share; tests/ci/clients.sh runs them and sets:
#   TLS, TLS_PASSWORD      HOST:PORT of the server over TLS, where nothing goes without a token, and a token for clients/**
#   PLAIN, PLAIN_PASSWORD  the same over plain HTTP, where everyone may pull
#   CA                     the certificate of the authority that signed the server's
#   IMAGES                 an OCI layout: make_images.py says what is in it
# HOME is a folder of the client's own, and the working folder.
set -euo pipefail
client=$(basename "$0" .sh)
cd "$HOME"

# check WHAT COMMAND...: one piece of work. It passes when the command does.
check() {
  local what=$1 status=0
  shift
  (
    set -euo pipefail
    "$@"
  ) >check.log 2>&1 &
  wait $! || status=$?
  if ((status == 0)); then
    echo "ok   $client: $what"
  else
    echo "FAIL $client: $what"
    tail -n 25 check.log | sed 's/^/       /'
  fi
}

# refused PATTERN COMMAND...: it fails, and what it prints matches.
refused() {
  local pattern=$1 output
  shift
  if output=$("$@" 2>&1); then
    printf 'this went through: %s\n%s\n' "$*" "$output"
    return 1
  fi
  grep -Eiq -- "$pattern" <<<"$output" || {
    printf 'it does not say "%s":\n%s\n' "$pattern" "$output"
    return 1
  }
}

# equal GOT EXPECTED
equal() {
  [[ $1 == "$2" ]] || {
    printf 'got:      %s\nexpected: %s\n' "$1" "$2"
    return 1
  }
}

# digest_of FILE
digest_of() {
  echo "sha256:$(sha256sum "$1" | cut -d' ' -f1)"
}

# image_digest TAG: of the manifest or index in IMAGES.
image_digest() {
  python3 - "$IMAGES/index.json" "$1" <<'PYTHON'
import json, sys
for entry in json.load(open(sys.argv[1], encoding="utf-8"))["manifests"]:
    if entry["annotations"]["org.opencontainers.image.ref.name"] == sys.argv[2]:
        print(entry["digest"])
PYTHON
}

# image_file DIGEST: where its bytes are in IMAGES.
image_file() {
  echo "$IMAGES/blobs/${1/:/\/}"
}

# member PATH: a member of the JSON on standard input, such as manifests.0.digest.
member() {
  python3 -c '
import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    value = value[int(key)] if isinstance(value, list) else value[key]
print(value)' "$1"
}

# mounts: how many blobs the server over TLS has mounted so far.
mounts() {
  curl --silent --fail --cacert "$CA" "https://$TLS/metrics" |
    awk '$1 == "slipway_blobs_mounted_total" { print int($2) }'
}

# mounted COMMAND...: it succeeds, and blobs were mounted rather than sent again.
mounted() {
  local before after
  before=$(mounts)
  "$@"
  after=$(mounts)
  ((after > before)) || { echo "no blob was mounted"; return 1; }
}

command -v "$client" >/dev/null || {
  echo "FAIL $client: is not installed"
  exit 0
}
