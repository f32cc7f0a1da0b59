# regctl: chunked uploads, artifacts with a subject, copies with everything that refers.
source "$(dirname "$0")/lib.sh"

export REGCTL_CONFIG=$HOME/regctl.json
image=$TLS/clients/regctl

configure() {
  regctl registry set --cacert "$(<"$CA")" --skip-check --blob-chunk 5000000 --blob-max 10000000 "$TLS"
  regctl registry set --tls disabled --skip-check "$PLAIN"
}
login() { regctl registry login --user ada --pass "$TLS_PASSWORD" "$TLS"; }
login_wrongly() {
  refused "unauthorized|401" regctl registry login --user ada --pass wrong "$TLS"
  regctl registry logout "$TLS"
}
push() {
  regctl image copy "ocidir://$IMAGES:one" "$image:one"
  equal "$(regctl image digest "$image:one")" "$(image_digest one)"
}
push_index() {
  regctl image copy "ocidir://$IMAGES:multi" "$image:multi"
  equal "$(regctl manifest head "$image:multi")" "$(image_digest multi)"
  equal "$(regctl image digest --platform linux/arm64 "$image:multi")" \
    "$(member manifests.1.digest <"$(image_file "$(image_digest multi)")")"
}
big() { # in chunks of 5 MB
  regctl image copy "ocidir://$IMAGES:big" "$image:big"
  regctl image copy "$image:big" ocidir://pulled:big
  equal "$(regctl image digest ocidir://pulled:big)" "$(image_digest big)"
}
chunks() { # of a size that is not known before
  head --bytes=23456789 /dev/urandom >random
  equal "$(cat random | regctl blob put "$image" | head -n 1)" "$(digest_of random)"
  regctl blob get "$image" "$(digest_of random)" | cmp - random
  regctl blob head "$image" "$(digest_of random)"
}
artifact() {
  echo "made of" | regctl artifact put --artifact-type application/vnd.example.sbom --subject "$image:one" \
    --file-media-type text/plain --annotation format=words
  echo "signed" | regctl artifact put --artifact-type application/vnd.example.signature --subject "$image:one" --file-media-type text/plain
  equal "$(regctl artifact list "$image:one" --format '{{len .Descriptors}}')" 2
  equal "$(regctl artifact list "$image:one" --filter-artifact-type application/vnd.example.sbom --format '{{range .Descriptors}}{{.Annotations.format}}{{end}}')" words
  equal "$(regctl artifact get --subject "$image:one" --filter-artifact-type application/vnd.example.sbom)" "made of"
  regctl artifact tree "$image:one" | grep signature >/dev/null
}
copy() {
  mounted regctl image copy --referrers "$image:one" "$image/copy:one"
  equal "$(regctl artifact list "$image/copy:one" --format '{{len .Descriptors}}')" 2
}
index() {
  regctl index create "$image:index" --ref "$image:one" --desc-platform linux/amd64
  regctl index add "$image:index" --ref "$image:big" --desc-platform linux/s390x
  equal "$(regctl manifest get "$image:index" --format '{{len .Manifests}}')" 2
}
modify() {
  regctl image mod "$image:one" --create "$image:zstd" --layer-compress zstd --label colour=green
  regctl manifest get "$image:zstd" --format raw-body | grep 'tar+zstd' >/dev/null
  equal "$(regctl image inspect "$image:zstd" --format '{{.Config.Labels.colour}}')" green
}
archives() {
  regctl image export "$image:multi" multi.tar
  regctl image import "$image:imported" multi.tar
  equal "$(regctl manifest head "$image:imported")" "$(image_digest multi)"
}
files() { equal "$(regctl image get-file "$image:one" hello | head -n 1)" "for amd64"; }
tags() {
  equal "$(regctl tag ls "$image" | tr '\n' ' ')" "big imported index multi one zstd "
  equal "$(regctl tag ls --limit 2 --last imported "$image" | tr '\n' ' ')" "index multi "
}
repositories() { regctl repo ls "$TLS" | grep -x clients/regctl/copy >/dev/null; }
delete() {
  regctl tag delete "$image:imported"
  refused "not found|MANIFEST_UNKNOWN" regctl manifest head "$image:imported"
  equal "$(regctl manifest head "$image:multi")" "$(image_digest multi)"
  regctl manifest delete --force-tag-dereference "$image/copy:one"
  refused "not found|MANIFEST_UNKNOWN" regctl manifest head "$image/copy:one"
  regctl blob delete "$image" "$(digest_of random)"
  refused "not found|BLOB_UNKNOWN" regctl blob head "$image" "$(digest_of random)"
}
plain() {
  regctl registry login --user ada --pass "$PLAIN_PASSWORD" "$PLAIN"
  regctl image copy "ocidir://$IMAGES:one" "$PLAIN/clients/regctl:one"
  regctl registry logout "$PLAIN"
  regctl image copy "$PLAIN/clients/regctl:one" ocidir://anonymous:one
  refused "unauthorized|401" regctl image copy "ocidir://$IMAGES:one" "$PLAIN/clients/regctl:two"
}

check "configuration" configure
check "a wrong password is refused" login_wrongly
check "login over TLS" login
check "push" push
check "push of an index for two platforms" push_index
check "push and pull of a layer of 100 MB, in chunks" big
check "a blob in chunks, of a size that is not known before" chunks
check "artifacts with a subject, listed and filtered" artifact
check "copy with referrers between repositories mounts" copy
check "an index that grows" index
check "layers in zstd" modify
check "export and import" archives
check "a file of an image" files
check "tags, and a page of them" tags
check "repositories" repositories
check "delete of a tag, a manifest and a blob" delete
check "plain HTTP: push with a password, pull without" plain
