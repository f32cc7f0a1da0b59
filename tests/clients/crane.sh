# crane: moves images and looks into them.
source "$(dirname "$0")/lib.sh"

export SSL_CERT_FILE=$CA
image=$TLS/clients/crane

# layout_of TAG: a layout in a folder of that name, whose index.json is the tag's index: what crane pushes.
layout_of() {
  mkdir "$1"
  cp -r "$IMAGES/blobs" "$IMAGES/oci-layout" "$1"
  cp "$(image_file "$(image_digest "$1")")" "$1/index.json"
}
login() { crane auth login "$TLS" --username ada --password "$TLS_PASSWORD"; }
login_wrongly() {
  crane auth login "$TLS" --username ada --password wrong # writes it down; it is not tried until then
  refused "unauthorized|UNAUTHORIZED" crane catalog "$TLS"
}
push() {
  skopeo copy --quiet "oci:$IMAGES:one" oci:one
  crane push one "$image:one"
  equal "$(crane digest "$image:one")" "$(image_digest one)"
  equal "$(crane config "$image:one" | member config.Labels.by)" slipway
}
push_index() {
  layout_of multi
  crane push --index multi "$image:multi"
  equal "$(crane digest "$image:multi")" "$(image_digest multi)"
  equal "$(crane digest --platform linux/arm64 "$image:multi")" "$(member manifests.1.digest <"$(image_file "$(image_digest multi)")")"
}
validate() { crane validate --remote "$image:multi"; }
append() {
  tar --create --file layer.tar --directory /etc hostname
  crane append --base "$image:one" --new_layer layer.tar --new_tag "$image:appended"
  crane export "$image:appended" - | tar --list | grep -x hostname >/dev/null
}
mutate() {
  crane mutate "$image:one" --label colour=green --tag "$image:green"
  equal "$(crane config "$image:green" | member config.Labels.colour)" green
}
make_index() {
  crane index append --manifest "$image:one" --manifest "$image:green" --tag "$image:index"
  equal "$(crane manifest "$image:index" | member manifests.1.digest)" "$(crane digest "$image:green")"
}
pull() {
  crane pull --format oci "$image:multi" pulled
  crane validate --remote "$image:appended"
  crane pull --format tarball "$image:one" one.tar
  crane validate --tarball one.tar
}
blob() {
  local digest
  digest=$(crane manifest "$image:one" | member layers.0.digest)
  crane blob "$image@$digest" >blob
  equal "$(digest_of blob)" "$digest"
}
big() {
  skopeo copy --quiet "oci:$IMAGES:big" oci:big
  crane push big "$image:big"
  crane validate --remote "$image:big"
}
tag() {
  crane tag "$image:one" stable
  equal "$(crane ls "$image" | tr '\n' ' ')" "appended big green index multi one stable "
}
copy() {
  mounted crane copy "$image:multi" "$image/copy:multi"
  equal "$(crane digest "$image/copy:multi")" "$(crane digest "$image:multi")"
  crane copy --all-tags "$image" "$image/mirror"
  equal "$(crane ls "$image/mirror")" "$(crane ls "$image")"
}
catalog() { crane catalog "$TLS" | grep -x clients/crane/copy >/dev/null; }
delete() {
  crane delete "$image/copy:multi"
  refused "MANIFEST_UNKNOWN" crane digest "$image/copy:multi"
  crane delete "$image@$(crane digest "$image:green")"
  refused "MANIFEST_UNKNOWN" crane manifest "$image:green"
}
plain() {
  crane auth login "$PLAIN" --username ada --password "$PLAIN_PASSWORD"
  crane push --insecure one "$PLAIN/clients/crane:one"
  crane auth logout "$PLAIN"
  crane validate --insecure --remote "$PLAIN/clients/crane:one"
  refused "UNAUTHORIZED|unauthorized" crane push --insecure one "$PLAIN/clients/crane:two"
}

check "a wrong password is refused" login_wrongly
check "login over TLS" login
check "push" push
check "push of an index for two platforms" push_index
check "every layer of every image is what it says" validate
check "a layer on top of an image in the registry" append
check "another config" mutate
check "an index of what is there" make_index
check "pull" pull
check "a blob" blob
check "push and pull of a layer of 100 MB" big
check "tags" tag
check "copy between repositories mounts" copy
check "catalog" catalog
check "delete by tag and by digest" delete
check "plain HTTP: push with a password, pull without" plain
