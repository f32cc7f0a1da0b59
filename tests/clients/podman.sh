# podman: pulls, tags, pushes and looks. It runs nothing: that is not the registry's.
source "$(dirname "$0")/lib.sh"

certs=$HOME/certs
mkdir -p "$certs"
cp "$CA" "$certs/ca.crt"
image=$TLS/clients/podman

p() { podman --root "$HOME/storage" --runroot "$HOME/run" --storage-driver vfs --events-backend none "$@"; }

login() { p login --cert-dir "$certs" --username ada --password "$TLS_PASSWORD" "$TLS"; }
load() {
  skopeo copy --quiet "oci:$IMAGES:one" docker-archive:one.tar:localhost/one:latest
  p load --quiet --input one.tar
  p tag localhost/one "$image:one"
}
push() {
  p push --quiet --cert-dir "$certs" --digestfile digest "$image:one"
  p rmi --force --all
  p pull --quiet --cert-dir "$certs" "$image@$(<digest)"
  equal "$(p inspect --type image --format '{{.Digest}}' "$image@$(<digest)")" "$(<digest)"
  equal "$(p inspect --type image --format '{{.Config.Labels.by}}' "$image@$(<digest)")" slipway
}
push_formats() {
  p pull --quiet --cert-dir "$certs" "$image:one"
  p push --quiet --cert-dir "$certs" --format v2s2 "$image:one" "$image:docker"
  p push --quiet --cert-dir "$certs" --format oci --compression-format zstd "$image:one" "$image:zstd"
  p pull --quiet --cert-dir "$certs" "$image:docker" "$image:zstd"
}
index() {
  p manifest create all
  p manifest add --cert-dir "$certs" --arch amd64 all "docker://$image:one"
  p manifest add --cert-dir "$certs" --arch arm64 all "docker://$image:zstd"
  p manifest push --quiet --all --cert-dir "$certs" all "docker://$image:all"
  equal "$(skopeo inspect --cert-dir "$certs" --raw "docker://$image:all" | member manifests.1.platform.architecture)" arm64
  p pull --quiet --cert-dir "$certs" --arch arm64 "$image:all"
}
big() {
  skopeo copy --quiet --dest-cert-dir "$certs" "oci:$IMAGES:big" "docker://$image:big"
  p pull --quiet --cert-dir "$certs" "$image:big"
  p rmi --force "$image:big"
}
logout() {
  p logout "$TLS"
  refused "unauthorized|authentication required" p pull --cert-dir "$certs" "$image:one"
}
plain() {
  p push --quiet --tls-verify=false --creds "ada:$PLAIN_PASSWORD" "$image:one" "docker://$PLAIN/clients/podman:one"
  p rmi --force --all
  p pull --quiet --tls-verify=false "$PLAIN/clients/podman:one"
  p tag "$PLAIN/clients/podman:one" "$PLAIN/clients/podman:two"
  p push --quiet --tls-verify=false --creds "ada:$PLAIN_PASSWORD" "$PLAIN/clients/podman:two"
}
tags() {
  equal "$(p search --tls-verify=false --list-tags --no-trunc "$PLAIN/clients/podman" | awk 'NR > 1 { print $2 }' | tr '\n' ' ')" "one two "
}

check "a wrong password is refused" refused "unauthorized|invalid username/password" \
  p login --cert-dir "$certs" --username ada --password wrong "$TLS"
check "login over TLS" login
check "an image to push" load
check "push, pull by digest and inspect" push
check "push in Docker's format and with layers in zstd" push_formats
check "push and pull of an index" index
check "pull of a layer of 100 MB" big
check "logout" logout
check "plain HTTP: push with a password, pull without" plain
check "plain HTTP: list of tags" tags
