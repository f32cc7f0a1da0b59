#!/usr/bin/env bash
# Real clients, unmodified, doing real work against `slipway serve`: skopeo, buildah and podman of Debian; crane, oras, regctl, helm
# and cosign, built by `go install` at the versions below. One line for each piece of work, and "N passed, N failed" at the end. A
# client that is missing has failed.
#
# What each client does is in tests/clients/<client>.sh; names as arguments run those alone. There are two servers: one over TLS, with
# a certificate of an authority that the clients are told of, where nobody does anything without a token; and one over plain HTTP,
# where everyone may pull. SLIPWAY_PROGRAM names another program than the release build's.
set -euo pipefail
cd "$(dirname "$0")/../.."

clients=(skopeo buildah podman crane oras regctl helm cosign)
if (($# > 0)); then
  clients=("$@")
fi
packages=(skopeo buildah podman)
tools=(
  crane v0.22.1 github.com/google/go-containerregistry/cmd/crane
  oras v1.3.6 oras.land/oras/cmd/oras
  regctl v0.11.7 github.com/regclient/regclient/cmd/regctl
  helm v3.22.0 helm.sh/helm/v3/cmd/helm
  cosign v2.6.5 github.com/sigstore/cosign/v2/cmd/cosign
)
# A client that hangs must not take the others' time.
longest=300

# ---- The program and the clients.
program=${SLIPWAY_PROGRAM:-}
if [[ -z $program ]]; then
  cmake --preset release
  cmake --build --preset release --target slipway
  program=$PWD/build/release/bin/slipway
fi

missing=()
for package in "${packages[@]}"; do
  command -v "$package" >/dev/null || missing+=("$package")
done
if ((${#missing[@]} > 0)); then
  install=(apt-get --option DPkg::Lock::Timeout=600 install --yes --quiet --no-install-recommends "${missing[@]}")
  export DEBIAN_FRONTEND=noninteractive
  "${install[@]}" || { apt-get update --quiet && "${install[@]}"; } || echo "apt could not install ${missing[*]}"
fi
command -v go >/dev/null || echo "there is no Go; the clients that need it fail"
for ((i = 0; i < ${#tools[@]}; i += 3)); do
  name=${tools[i]} version=${tools[i + 1]}
  [[ " ${clients[*]} " == *" $name "* ]] || continue
  folder=$PWD/build/clients/$name-$version
  if [[ ! -x $folder/$name ]]; then
    started=$SECONDS
    GOBIN=$folder go install -buildvcs=false "${tools[i + 2]}@$version" || echo "$name $version could not be built"
    echo "built $name $version in $((SECONDS - started)) s"
  fi
  PATH=$folder:$PATH
done

# ---- The servers, and what the clients push.
work=$(mktemp -d)
servers=()
finish() {
  for server in "${servers[@]}"; do
    kill "$server" 2>/dev/null && wait "$server" || true
  done
  rm -rf "$work"
}
trap finish EXIT

# serve NAME ARGUMENT...: starts a server and writes "HOST:PORT" to $work/NAME.address.
serve() {
  local name=$1 ready
  shift
  mkfifo "$work/$name.ready"
  "$program" serve --data "$work/$name" --listen 127.0.0.1:0 "$@" >"$work/$name.ready" 2>"$work/$name.log" &
  servers+=($!)
  exec {held}<"$work/$name.ready" # held open: the server may go on printing
  read -r -u "$held" ready || { cat "$work/$name.log" && exit 1; }
  echo "${ready#listening on http*://}" >"$work/$name.address"
}

# password NAME URL [ARGUMENT...]: a token for the clients' repositories, of this server.
password() {
  local name=$1 url=$2
  shift 2
  SLIPWAY_TOKEN=$(<"$work/$name/admin.token") "$program" token create clients --url "$url" "$@" --output json \
    --grant 'clients/**=pull,push,delete' | python3 -c 'import json, sys; print(json.load(sys.stdin)["secret"])'
}

mkdir "$work/certificates"
export CA=$work/certificates/ca.crt
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=Clients' own authority" \
  -keyout "$work/ca.key" -out "$CA" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj "/CN=registry" -keyout "$work/server.key" -out "$work/server.csr" 2>/dev/null
openssl x509 -req -in "$work/server.csr" -CA "$CA" -CAkey "$work/ca.key" -CAcreateserial -days 2 -out "$work/server.crt" \
  -extfile <(echo "subjectAltName=IP:127.0.0.1,DNS:localhost") 2>/dev/null
cat >"$work/tls.yaml" <<YAML
tls: {certificate: $work/server.crt, key: $work/server.key}
YAML

serve tls --config "$work/tls.yaml"
serve plain --anonymous pull
TLS=$(<"$work/tls.address")
PLAIN=$(<"$work/plain.address")
TLS_PASSWORD=$(password tls "https://$TLS" --ca "$CA")
PLAIN_PASSWORD=$(password plain "http://$PLAIN")
python3 -B tests/clients/make_images.py "$work/images"
export TLS PLAIN TLS_PASSWORD PLAIN_PASSWORD IMAGES=$work/images

# ---- The work.
for client in "${clients[@]}"; do
  echo "=== $client"
  mkdir -p "$work/homes/$client"
  status=0
  env HOME="$work/homes/$client" XDG_RUNTIME_DIR="$work/homes/$client" DOCKER_CONFIG="$work/homes/$client/docker" \
    REGISTRY_AUTH_FILE="$work/homes/$client/auth.json" \
    timeout --kill-after=10 "$longest" bash "tests/clients/$client.sh" | tee -a "$work/lines" || status=$?
  if ((status != 0)); then
    echo "FAIL $client: ended with status $status" | tee -a "$work/lines"
  fi
done

for name in tls plain; do
  if grep -E '^[^ ]+ (error|critical) ' "$work/$name.log"; then
    echo "FAIL server $name: its log tells of errors" | tee -a "$work/lines"
  else
    echo "ok   server $name: its log tells of no error" | tee -a "$work/lines"
  fi
done
passed=$(grep -c '^ok ' "$work/lines" || true)
failed=$(grep -c '^FAIL ' "$work/lines" || true)
echo "$passed passed, $failed failed"
((passed > 0 && failed == 0))
