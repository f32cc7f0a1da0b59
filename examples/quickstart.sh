#!/usr/bin/env bash
# From nothing to a pulled image: builds Slipway, serves a registry, pushes a commit with a signed webhook, watches the build,
# pulls what came of it and builds a second image on top. Asks nothing; stops what it started.
#
#   examples/quickstart.sh                 the tour
#   examples/quickstart.sh --context DIR   ... and builds the folder DIR, which has a Dockerfile
#   examples/quickstart.sh --git URL       ... and builds the default branch of a git repository
#   examples/quickstart.sh --keep          leaves the server running
set -euo pipefail

usage() {
  sed -n '2,9s/^# \{0,1\}//p' "$0"
  exit "$1"
}

keep=false context="" git_url=""
while (($# > 0)); do
  case $1 in
    --keep) keep=true ;;
    --context) context=${2:?"--context needs a folder"} && shift ;;
    --git) git_url=${2:?"--git needs a URL"} && shift ;;
    --help | -h) usage 0 ;;
    *) echo "$0: $1: expected --context DIR, --git URL or --keep" >&2 && exit 2 ;;
  esac
  shift
done
if [[ -n $context ]]; then
  [[ -d $context ]] || { echo "$0: --context $context: expected a folder with a Dockerfile" >&2 && exit 2; }
  context=$(realpath "$context")
fi
cd "$(dirname "$0")/.."

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
field() { python3 -c 'import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1].split("."): value = value[name]
print(value)' "$1"; }

# ---- 1. Install what is missing, build the program. The second time both find nothing to do.
step "building"
cmake/dependencies.sh
[[ -f build/release/build.ninja ]] || cmake --preset release >/dev/null
cmake --build --preset release --target slipway
slipway=$PWD/build/release/bin/slipway

# ---- 2. Serve a registry on a free loopback port, with a data folder of its own.
step "serving"
work=$(mktemp --directory "${TMPDIR:-/tmp}/slipway-quickstart.XXXXXX")
server=""
finish() {
  local status=$?
  if $keep && ((status == 0)); then
    return
  fi
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true
  fi
  if ((status == 0)); then
    rm -rf "$work"
  else
    printf '\nIt failed; the log of the server and all it wrote are in %s\n' "$work" >&2
  fi
}
trap finish EXIT

# Git over the local file system is off unless the operator allows it; here the code repository is a folder.
cat > "$work/config.yaml" <<YAML
listen: 127.0.0.1:0
data: $work/data
builds:
  git_protocols: [https, ssh, file]
YAML
mkfifo "$work/ready"
"$slipway" serve --config "$work/config.yaml" >"$work/ready" 2>"$work/server.log" &
server=$!
exec 3<"$work/ready" # held open: the server may go on printing
read -r -u 3 ready || { cat "$work/server.log" >&2 && exit 1; }
echo "$ready (process $server, data in $work/data)"
export SLIPWAY_URL=${ready#listening on }
SLIPWAY_TOKEN=$(<"$work/data/admin.token")
export SLIPWAY_TOKEN
registry=${SLIPWAY_URL#http://}

# ---- 3. A code repository with a Dockerfile.
step "committing"
code=$work/hello
mkdir "$code"
cp examples/hello/* "$code"
cp "$(command -v busybox)" "$code/busybox"
git -C "$code" init --quiet --initial-branch=main
git -C "$code" add .
git -C "$code" -c user.name="Ada Lovelace" -c user.email="ada@example.com" commit --quiet --message "Say hello"
commit=$(git -C "$code" rev-parse HEAD)
echo "$(git -C "$code" log --oneline -1) in $code"

# ---- 4. A trigger, and the webhook that GitHub would send for this push, signed with the trigger's secret.
step "pushing"
trigger=$("$slipway" trigger create demo/hello --provider github --git "file://$code" --output json)
hook=$(field hook_url <<<"$trigger")
secret=$(field secret <<<"$trigger")
cat > "$work/push.json" <<JSON
{
  "ref": "refs/heads/main", "before": "0000000000000000000000000000000000000000", "after": "$commit", "deleted": false,
  "repository": {"name": "hello", "full_name": "ada/hello", "default_branch": "main", "clone_url": "https://example.com/ada/hello.git"},
  "pusher": {"name": "ada", "email": "ada@example.com"},
  "sender": {"login": "ada", "avatar_url": "https://example.com/ada.png"},
  "head_commit": {
    "id": "$commit", "message": "Say hello", "timestamp": "$(git -C "$code" log -1 --format=%cI)",
    "url": "https://example.com/ada/hello/commit/$commit",
    "author": {"name": "Ada Lovelace", "email": "ada@example.com", "username": "ada"},
    "committer": {"name": "Ada Lovelace", "email": "ada@example.com", "username": "ada"},
    "added": ["Dockerfile"], "modified": [], "removed": []
  },
  "commits": []
}
JSON
signature=$(openssl dgst -sha256 -hmac "$secret" -hex "$work/push.json" | sed 's/.*= //')
answer=$(curl --silent --show-error --fail-with-body --header "Content-Type: application/json" --header "X-GitHub-Event: push" \
  --header "X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958" --header "X-Hub-Signature-256: sha256=$signature" \
  --data-binary "@$work/push.json" "$hook")
build=$(python3 -c 'import json, sys; build = json.load(sys.stdin)["builds"][0]; print(build["id"])' <<<"$answer")
echo "the webhook started build $build"

# ---- 5. Its log while a worker fetches exactly that commit, builds and pushes; then what the API says of it.
step "building the commit"
"$slipway" build logs "$build" --follow
json=$(curl --silent --show-error --fail-with-body --header "Authorization: Bearer $SLIPWAY_TOKEN" \
  "$SLIPWAY_URL/api/v1/builds/$build")
digest=$(field digest <<<"$json") || { echo "the build failed: $json" >&2 && exit 1; }
echo
echo "commit $(field commit.id <<<"$json")"
echo "       \"$(field commit.message <<<"$json")\" by $(field commit.author.name <<<"$json") <$(field commit.author.email <<<"$json")>"
"$slipway" build show "$build"

# ---- 6. Pull with a real client, compare, and build on top of it.
step "pulling"
skopeo copy --quiet --src-tls-verify=false --src-creds "me:$SLIPWAY_TOKEN" "docker://$registry/demo/hello:latest" "dir:$work/pulled"
pulled=sha256:$(sha256sum "$work/pulled/manifest.json" | cut -d' ' -f1)
echo "built  $digest"
echo "pulled $pulled"
[[ $pulled == "$digest" ]] || { echo "the digests differ" >&2 && exit 1; }

step "building a second image from the first"
mkdir "$work/second"
cat > "$work/second/Dockerfile" <<DOCKERFILE
FROM $registry/demo/hello:latest
RUN cat /etc/greeting && echo "standing on it" > /etc/second
CMD ["/bin/cat", "/etc/greeting", "/etc/second"]
DOCKERFILE
"$slipway" build submit demo/second --context "$work/second" --follow

if [[ -n $context ]]; then
  step "building $context"
  "$slipway" build submit demo/yours --context "$context" --follow
fi
if [[ -n $git_url ]]; then
  step "building $git_url"
  "$slipway" build submit demo/yours --git "$git_url" --follow
fi

step "done"
if $keep; then
  disown "$server"
  cat <<TEXT
The server goes on at $SLIPWAY_URL (process $server, log in $work/server.log); stop it with: kill $server
Try next:

  export SLIPWAY_URL=$SLIPWAY_URL SLIPWAY_TOKEN=\$(cat $work/data/admin.token)
  $slipway build list
  $slipway build submit demo/yours --context DIR --follow
  skopeo list-tags --tls-verify=false --creds me:\$SLIPWAY_TOKEN docker://$registry/demo/hello
TEXT
else
  cat <<'TEXT'
Try next:

  examples/quickstart.sh --keep            the same, and leaves the server running
  examples/quickstart.sh --context DIR     builds a folder of yours
  examples/quickstart.sh --git URL         builds a repository of yours
  build/release/bin/slipway serve          a registry with its data in ./slipway-data
TEXT
fi
