# buildah: commits images of its own and pushes them.
source "$(dirname "$0")/lib.sh"

certs=$HOME/certs
mkdir -p "$certs"
cp "$CA" "$certs/ca.crt"
image=$TLS/clients/buildah

b() { buildah --root "$HOME/storage" --runroot "$HOME/run" --storage-driver vfs "$@"; }

login() { b login --cert-dir "$certs" --username ada --password "$TLS_PASSWORD" "$TLS"; }
make() {
  local container
  echo "made by buildah" >hello
  container=$(b from scratch)
  b copy "$container" hello /hello
  b config --cmd /hello --label by=slipway "$container"
  b commit --quiet --rm "$container" made
}
push() {
  b push --quiet --cert-dir "$certs" --digestfile digest made "docker://$image:one"
  b rmi --force made
  equal "$(b pull --quiet --cert-dir "$certs" "$image@$(<digest)")" "$(b images --quiet --no-trunc | sed 's/^sha256://')"
  b tag "$image@$(<digest)" made
}
push_docker() { b push --quiet --cert-dir "$certs" --format v2s2 made "docker://$image:docker"; }
push_zstd() { # of a layer that has not been pushed in another form
  local container
  head --bytes=100000 /dev/urandom >random
  container=$(b from scratch)
  b copy "$container" random /random
  b commit --quiet --rm "$container" zstd
  b push --quiet --cert-dir "$certs" --format oci --compression-format zstd zstd "docker://$image:zstd"
  equal "$(skopeo inspect --cert-dir "$certs" --raw "docker://$image:zstd" | member layers.0.mediaType)" \
    application/vnd.oci.image.layer.v1.tar+zstd
  b rmi --force zstd
  b pull --quiet --cert-dir "$certs" "$image:zstd"
}
build_on_top() {
  printf 'FROM %s:one\nCOPY hello /again\n' "$image" >Dockerfile
  b build --quiet --cert-dir "$certs" --pull-always --tag again .
  b push --quiet --cert-dir "$certs" again "docker://$image:again"
}
index() {
  b manifest create both
  b manifest add --arch amd64 both containers-storage:localhost/made
  b manifest add --arch arm64 both containers-storage:localhost/again
  b manifest push --quiet --all --cert-dir "$certs" both "docker://$image:both"
  equal "$(skopeo inspect --cert-dir "$certs" --raw "docker://$image:both" | member manifests.1.platform.architecture)" arm64
}
plain() {
  b push --quiet --tls-verify=false --creds "ada:$PLAIN_PASSWORD" made "docker://$PLAIN/clients/buildah:one"
  echo '{}' >nobody.json
  b pull --quiet --tls-verify=false --authfile nobody.json "$PLAIN/clients/buildah:one"
}

check "a wrong password is refused" refused "unauthorized|invalid username/password" \
  b login --cert-dir "$certs" --username ada --password wrong "$TLS"
check "login over TLS" login
check "commit of an image" make
check "push, and pull by digest" push
check "push in Docker's format" push_docker
check "push and pull of layers in zstd" push_zstd
check "build on top of what is in the registry" build_on_top
check "push of an index" index
check "plain HTTP: push with a password, pull without" plain
