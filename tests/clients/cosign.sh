# cosign: signs and verifies with a key of its own; no transparency log and no network.
source "$(dirname "$0")/lib.sh"

export COSIGN_PASSWORD="" SSL_CERT_FILE=$CA
image=$TLS/clients/cosign
signing=(--key cosign.key --tlog-upload=false --yes)
verifying=(--key cosign.pub --insecure-ignore-tlog=true --offline=true)

login() { cosign login "$TLS" --username ada --password "$TLS_PASSWORD"; }
login_wrongly() {
  cosign login "$TLS" --username ada --password wrong # writes it down; it is not tried until then
  refused "unauthorized|UNAUTHORIZED|401" cosign tree "$image:one"
}
prepare() {
  skopeo copy --quiet --dest-cert-dir "$(dirname "$CA")" --dest-creds "ada:$TLS_PASSWORD" "oci:$IMAGES:one" "docker://$image:one"
  skopeo copy --quiet --all --dest-cert-dir "$(dirname "$CA")" --dest-creds "ada:$TLS_PASSWORD" "oci:$IMAGES:multi" "docker://$image:multi"
  cosign generate-key-pair
  cosign generate-key-pair --output-key-prefix other
}
sign() {
  cosign sign "${signing[@]}" "$image@$(image_digest one)"
  equal "$(cosign triangulate "$image:one")" "$image:$(image_digest one | tr : -).sig"
}
verify() { equal "$(cosign verify "${verifying[@]}" "$image:one" | member 0.critical.image.docker-manifest-digest)" "$(image_digest one)"; }
verify_wrongly() {
  refused "no matching signatures|no signatures found|invalid signature" \
    cosign verify --key other.pub --insecure-ignore-tlog=true --offline=true "$image:one"
}
sign_all() {
  cosign sign "${signing[@]}" --recursive "$image@$(image_digest multi)"
  cosign verify "${verifying[@]}" "$image@$(member manifests.1.digest <"$(image_file "$(image_digest multi)")")"
}
sign_referrer() {
  COSIGN_EXPERIMENTAL=1 cosign sign "${signing[@]}" --registry-referrers-mode oci-1-1 "$image@$(image_digest multi)"
  COSIGN_EXPERIMENTAL=1 cosign verify "${verifying[@]}" --experimental-oci11 "$image@$(image_digest multi)"
}
attest() {
  echo '{"tested": true}' >predicate.json
  cosign attest "${signing[@]}" --predicate predicate.json --type custom "$image@$(image_digest one)"
  cosign verify-attestation "${verifying[@]}" --type custom "$image:one"
}
tree() { cosign tree "$image:one" | grep '\.sig' >/dev/null; }
copy() {
  mounted cosign copy "$image:one" "$image/copy:one"
  cosign verify "${verifying[@]}" "$image/copy:one"
}
clean() {
  cosign clean --force "$image/copy:one"
  refused "no signatures found" cosign verify "${verifying[@]}" "$image/copy:one"
}

check "a wrong password is refused" login_wrongly
check "login over TLS" login
check "images and keys" prepare
check "sign" sign
check "verify" verify
check "verify with another key is refused" verify_wrongly
check "sign an index and all in it" sign_all
check "sign by a referrer" sign_referrer
check "attest and verify it" attest
check "tree" tree
check "copy with signatures mounts" copy
check "clean" clean
