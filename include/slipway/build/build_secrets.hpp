// BuildSecrets: what the worker of a build gets that nobody else may see.
//
// They come with the request, are sealed in the store while the build waits and runs (every try of
// it needs them), go to its worker with the answer to its registration, and are removed in the
// transaction that ends the build. They are in no build's JSON, no log and no list.
//
// Thread safety: plain values.
#pragma once

#include <map>
#include <string>

namespace slipway {

struct BuildSecrets {
  /// By id: what `RUN --mount=type=secret,id=ID` reads. Any bytes, 512 KiB in all.
  std::map<std::string, std::string> files;
  /// The git URL with its user name and password; empty when the request's has none.
  std::string git_url;

  [[nodiscard]] bool empty() const noexcept { return files.empty() && git_url.empty(); }
  friend bool operator==(const BuildSecrets&, const BuildSecrets&) = default;
};

}  // namespace slipway
