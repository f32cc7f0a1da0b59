# helm: charts as artifacts.
source "$(dirname "$0")/lib.sh"

charts=oci://$TLS/clients/helm
tls=(--ca-file "$CA")

mkdir pulled newest by-digest anonymous

login() { helm registry login "$TLS" "${tls[@]}" --username ada --password-stdin <<<"$TLS_PASSWORD"; }
make() {
  helm create web
  for version in 0.1.0 0.2.0 1.0.0+build.7; do
    helm package web --version "$version"
  done
}
push() {
  for version in 0.1.0 0.2.0 1.0.0+build.7; do
    helm push "web-$version.tgz" "$charts" "${tls[@]}" # the tag has an underscore where the version has a plus
  done
}
pull() {
  helm pull "$charts/web" --version 0.1.0 "${tls[@]}" --destination pulled
  cmp web-0.1.0.tgz pulled/web-0.1.0.tgz
}
newest() { # by the list of tags
  helm pull "$charts/web" "${tls[@]}" --destination newest
  cmp web-1.0.0+build.7.tgz newest/web-1.0.0+build.7.tgz
}
by_digest() {
  local digest
  digest=$(helm push web-0.2.0.tgz "$charts" "${tls[@]}" 2>&1 | sed -n 's/^Digest: //p')
  helm pull "$charts/web@$digest" "${tls[@]}" --destination by-digest
  cmp web-0.2.0.tgz "$(echo by-digest/*.tgz)"
}
show() { equal "$(helm show chart "$charts/web" --version '~0.1' "${tls[@]}" | sed -n 's/^version: //p')" 0.1.0; }
template() { helm template it "$charts/web" --version 0.2.0 "${tls[@]}" | grep '^kind: Deployment' >/dev/null; }
logout() {
  helm registry logout "$TLS"
  refused "unauthorized|401|credential" helm pull "$charts/web" --version 0.1.0 "${tls[@]}"
}
plain() {
  helm registry login "$PLAIN" --plain-http --username ada --password "$PLAIN_PASSWORD"
  helm push web-0.1.0.tgz "oci://$PLAIN/clients/helm" --plain-http
  helm registry logout "$PLAIN"
  helm pull "oci://$PLAIN/clients/helm/web" --version 0.1.0 --plain-http --destination anonymous
  cmp web-0.1.0.tgz anonymous/web-0.1.0.tgz
  refused "unauthorized|401|credential" helm push web-0.2.0.tgz "oci://$PLAIN/clients/helm" --plain-http
}

check "a wrong password is refused" refused "unauthorized|401" \
  helm registry login "$TLS" "${tls[@]}" --username ada --password wrong
check "login over TLS" login
check "charts to push" make
check "push of three versions" push
check "pull" pull
check "pull of the newest" newest
check "pull by digest" by_digest
check "show" show
check "template" template
check "logout" logout
check "plain HTTP: push with a password, pull without" plain
