# skopeo: copies images in every form it knows.
source "$(dirname "$0")/lib.sh"

certs=$HOME/certs
mkdir -p "$certs"
cp "$CA" "$certs/ca.crt"
layout=oci:$IMAGES
image=docker://$TLS/clients/skopeo
from=(--src-cert-dir "$certs")
to=(--dest-cert-dir "$certs")

remote_digest() { skopeo inspect --cert-dir "$certs" --format '{{.Digest}}' "$image:$1"; }

login() { skopeo login --cert-dir "$certs" --username ada --password "$TLS_PASSWORD" "$TLS"; }
push() {
  skopeo copy --quiet "${to[@]}" "$layout:one" "$image:one"
  equal "$(remote_digest one)" "$(image_digest one)"
}
push_index() {
  skopeo copy --quiet --all "${to[@]}" "$layout:multi" "$image:multi"
  skopeo inspect --cert-dir "$certs" --raw "$image:multi" >raw
  equal "$(digest_of raw)" "$(image_digest multi)"
}
pull_platform() {
  skopeo --override-arch arm64 copy --quiet "${from[@]}" "$image:multi" oci:arm64:it
  equal "$(skopeo inspect oci:arm64:it | member Architecture)" arm64
}
push_docker() { # schema 2, from which a digest of its own follows
  skopeo copy --quiet --format v2s2 "${to[@]}" "$layout:one" "$image:docker"
  equal "$(skopeo inspect --cert-dir "$certs" --raw "$image:docker" | member mediaType)" \
    application/vnd.docker.distribution.manifest.v2+json
}
push_docker_list() {
  skopeo copy --quiet --all --format v2s2 "${to[@]}" "$layout:multi" "$image:docker-list"
  equal "$(skopeo inspect --cert-dir "$certs" --raw "$image:docker-list" | member mediaType)" \
    application/vnd.docker.distribution.manifest.list.v2+json
}
push_schema1() {
  skopeo copy --quiet "$layout:one" docker-archive:docker.tar:one:one
  refused "schema 1 is not supported; push it with" \
    skopeo copy --format v2s1 "${to[@]}" docker-archive:docker.tar "$image:schema1"
}
push_zstd() {
  skopeo copy --quiet --format oci --dest-compress-format zstd "${to[@]}" "$layout:fresh" "$image:zstd"
  equal "$(skopeo inspect --cert-dir "$certs" --raw "$image:zstd" | member layers.0.mediaType)" \
    application/vnd.oci.image.layer.v1.tar+zstd
  skopeo copy --quiet "${from[@]}" "$image:zstd" dir:zstd
}
big() {
  skopeo copy --quiet "${to[@]}" "$layout:big" "$image:big"
  skopeo copy --quiet "${from[@]}" "$image:big" dir:big
  equal "$(digest_of big/manifest.json)" "$(image_digest big)"
}
tags() {
  equal "$(skopeo list-tags --cert-dir "$certs" "$image" | python3 -c 'import json, sys; print(*json.load(sys.stdin)["Tags"])')" \
    "big docker docker-list multi one zstd"
}
copy() {
  skopeo copy --quiet --all "${from[@]}" "${to[@]}" "$image:multi" "$image/copy:multi"
  skopeo inspect --cert-dir "$certs" --raw "$image/copy:multi" >raw
  equal "$(digest_of raw)" "$(image_digest multi)"
}
delete() {
  skopeo delete --cert-dir "$certs" "$image/copy:multi"
  refused "manifest unknown|MANIFEST_UNKNOWN" skopeo inspect --cert-dir "$certs" "$image/copy:multi"
}
sync() {
  skopeo sync --src docker --dest dir --all --src-cert-dir "$certs" "$TLS/clients/skopeo" synced
  equal "$(digest_of synced/skopeo:multi/manifest.json)" "$(image_digest multi)"
}
logout() {
  skopeo logout "$TLS"
  refused "unauthorized|authentication required" skopeo inspect --cert-dir "$certs" "$image:one"
}
plain() {
  skopeo copy --quiet --dest-tls-verify=false --dest-creds "ada:$PLAIN_PASSWORD" "$layout:one" "docker://$PLAIN/clients/skopeo:one"
  skopeo copy --quiet --src-tls-verify=false --src-no-creds "docker://$PLAIN/clients/skopeo:one" dir:anonymous
  equal "$(digest_of anonymous/manifest.json)" "$(image_digest one)"
  refused "unauthorized|authentication required" \
    skopeo copy --dest-tls-verify=false --dest-no-creds "$layout:one" "docker://$PLAIN/clients/skopeo:two"
}

check "without its authority, the certificate is refused" refused "certificate signed by unknown authority" \
  skopeo inspect --creds "ada:$TLS_PASSWORD" "$image:one"
check "a wrong password is refused" refused "unauthorized|invalid username/password" \
  skopeo login --cert-dir "$certs" --username ada --password wrong "$TLS"
check "login over TLS" login
check "push" push
check "push of an index for two platforms" push_index
check "pull of one platform" pull_platform
check "push in Docker's format" push_docker
check "push of a Docker manifest list" push_docker_list
check "Docker schema 1 is refused, and why" push_schema1
check "push and pull of layers in zstd" push_zstd
check "push and pull of a layer of 100 MB" big
check "list of tags" tags
check "copy between repositories" copy
check "delete" delete
check "sync of a repository to a folder" sync
check "logout" logout
check "plain HTTP: push with a password, pull without" plain
