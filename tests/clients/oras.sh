# oras: artifacts, and what refers to them.
source "$(dirname "$0")/lib.sh"

image=$TLS/clients/oras
tls=(--ca-file "$CA")

login() { oras login "${tls[@]}" --username ada --password-stdin "$TLS" <<<"$TLS_PASSWORD"; }
push() {
  echo '{"colour": "green"}' >config.json
  echo "some words" >words.txt
  oras push "${tls[@]}" "$image:thing,also" --artifact-type application/vnd.example.thing \
    --annotation colour=green --config config.json:application/vnd.example.config words.txt:text/plain
  equal "$(oras manifest fetch "${tls[@]}" "$image:thing" | member layers.0.mediaType)" text/plain
  equal "$(oras resolve "${tls[@]}" "$image:thing")" "$(oras resolve "${tls[@]}" "$image:also")"
}
pull() {
  oras pull "${tls[@]}" --output pulled "$image:thing"
  cmp words.txt pulled/words.txt
}
attach() {
  echo "signed" >signature
  echo "made of" >parts
  oras attach "${tls[@]}" --artifact-type application/vnd.example.signature "$image:thing" signature:text/plain
  oras attach "${tls[@]}" --artifact-type application/vnd.example.sbom "$image:thing" parts:text/plain
  oras attach "${tls[@]}" --artifact-type application/vnd.example.sbom --annotation of=arm64 "$image:thing" parts:text/plain
}
discover() {
  equal "$(oras discover "${tls[@]}" --format json "$image:thing" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["referrers"]))')" 3
  equal "$(oras discover "${tls[@]}" --format json --artifact-type application/vnd.example.signature "$image:thing" |
    python3 -c 'import json, sys; print(*[entry["artifactType"] for entry in json.load(sys.stdin)["referrers"]])')" \
    application/vnd.example.signature
  # With the referrers API there is no index under a tag that stands for it.
  refused "not found" oras resolve "${tls[@]}" "$image:$(oras resolve "${tls[@]}" "$image:thing" | tr : -)"
}
copy() {
  mounted oras cp "${tls[@]/--ca-file/--from-ca-file}" --to-ca-file "$CA" --recursive "$image:thing" "$image/copy:thing"
  equal "$(oras discover "${tls[@]}" --format json "$image/copy:thing" | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["referrers"]))')" 3
}
images() {
  oras cp --from-oci-layout --to-ca-file "$CA" "$IMAGES:multi" "$image:multi"
  equal "$(oras resolve "${tls[@]}" "$image:multi")" "$(image_digest multi)"
  oras pull "${tls[@]}" --output layers "$image:multi" --platform linux/arm64
}
index() {
  oras manifest index create "${tls[@]}" "$image:index" multi thing
  equal "$(oras manifest fetch "${tls[@]}" "$image:index" | member manifests.1.digest)" "$(oras resolve "${tls[@]}" "$image:thing")"
}
blob() {
  head --bytes=20000000 /dev/urandom >random
  oras blob push "${tls[@]}" "$image" random
  oras blob fetch "${tls[@]}" --output fetched "$image@$(digest_of random)"
  cmp random fetched
  oras blob delete "${tls[@]}" --force "$image@$(digest_of random)"
  refused "not found" oras blob fetch "${tls[@]}" --output - "$image@$(digest_of random)"
}
big() {
  oras cp --from-oci-layout --to-ca-file "$CA" "$IMAGES:big" "$image:big"
  oras cp --from-ca-file "$CA" --to-oci-layout "$image:big" big:big
  equal "$(oras resolve --oci-layout big:big)" "$(image_digest big)"
}
tags() {
  oras tag "${tls[@]}" "$image:thing" again
  equal "$(oras repo tags "${tls[@]}" "$image" | tr '\n' ' ')" "again also big index multi thing "
}
repositories() { oras repo ls "${tls[@]}" "$TLS/clients/oras/" | grep -x copy >/dev/null; }
delete() {
  oras manifest delete "${tls[@]}" --force "$image/copy@$(oras resolve "${tls[@]}" "$image/copy:thing")"
  refused "not found" oras resolve "${tls[@]}" "$image/copy:thing"
}
plain() {
  oras push --plain-http --username ada --password "$PLAIN_PASSWORD" "$PLAIN/clients/oras:thing" words.txt:text/plain
  oras pull --plain-http --output anonymous "$PLAIN/clients/oras:thing"
  cmp words.txt anonymous/words.txt
  refused "unauthorized|credential not found" \
    oras push --plain-http "$PLAIN/clients/oras:more" words.txt:text/plain
}

check "a wrong password is refused" refused "unauthorized|401" \
  oras login "${tls[@]}" --username ada --password wrong "$TLS"
check "login over TLS" login
check "push of an artifact with types of its own" push
check "pull" pull
check "attach of three artifacts" attach
check "discover, whole and filtered" discover
check "copy with referrers between repositories mounts" copy
check "images and their platforms" images
check "an index of what is there" index
check "push, fetch and delete of a blob" blob
check "push and pull of a layer of 100 MB" big
check "tags" tags
check "repositories" repositories
check "delete" delete
check "plain HTTP: push with a password, pull without" plain
