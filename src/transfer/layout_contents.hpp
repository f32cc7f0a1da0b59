// What a pass over an image's files found: the documents themselves, and of everything else the
// name, the size and how it begins.
//
// Documents are what decides: oci-layout, index.json, manifest.json, manifests among the blobs, and
// JSON files of Docker's archives. All of them together may have so many bytes; a document that
// stands under a digest is only kept when it has that digest.
//
// Thread safety: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>

#include "archive/byte_stream.hpp"
#include "archive/tar_writer.hpp"
#include "transfer/layout_source.hpp"

namespace slipway {

inline constexpr std::size_t most_document_bytes = std::size_t{64} << 20U;

struct LayoutFile {
  std::uint64_t size = 0;
  Compression compression = Compression::none;  // as its first bytes say
};

struct LayoutContents {
  std::map<std::string, LayoutFile, std::less<>> files;
  std::map<std::string, std::string, std::less<>> links;      // to the name that they lead to
  std::map<std::string, std::string, std::less<>> documents;  // bytes, of files too

  /// The name of the file that a name means, by way of links. Errors: not_found (the message names
  /// what is missing), invalid_argument (links in a circle).
  [[nodiscard]] Result<std::string> find(std::string_view name) const;
  /// nullptr: it is not there, or is no document.
  [[nodiscard]] const std::string* document(std::string_view name) const;
};

/// Is given each file that is no document: all of its bytes, as far as it wants them.
using LayoutFileTaker =
    std::function<Result<void>(const std::string& name, const LayoutFile&, const ByteSource&)>;

/// One whole pass. Errors: those of LayoutEntries; invalid_argument (a name comes twice),
/// digest_mismatch (a document among the blobs), too_large (documents), the taker's.
Result<LayoutContents> scan_layout(LayoutEntries& entries, const LayoutFileTaker& take = {});

}  // namespace slipway
