// Names, tags, digests, references and what stands in a URL: what is accepted is in the grammar, and
// is the same when it is written and read again.
#include <slipway/core/reference.hpp>
#include <slipway/http/message.hpp>

#include <algorithm>
#include <string>

#include "image/image_layout.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace slipway;

namespace {

bool all_of(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

void check_names(std::string_view text) {
  if (RepositoryName::valid(text)) {
    FUZZ_EXPECT(text.size() <= 255 && all_of(text, "abcdefghijklmnopqrstuvwxyz0123456789._-/"));
    FUZZ_EXPECT(text.front() != '/' && text.back() != '/');
    FUZZ_EXPECT(text.find("//") == std::string_view::npos);
    FUZZ_EXPECT(text.find("..") == std::string_view::npos);
    FUZZ_EXPECT(RepositoryName::parse(text)->str() == text);
  }
  if (const auto reference = parse_reference(text)) {
    FUZZ_EXPECT(to_string(*reference) == text);
    FUZZ_EXPECT(all_of(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:"));
  }
  if (const auto digest = Digest::parse(text)) {
    FUZZ_EXPECT(digest->to_string() == text);
    const std::string path = layout_blob_path(*digest);
    FUZZ_EXPECT(parse_layout_blob_path(path) == *digest);
  }
  if (const auto digest = parse_layout_blob_path(text))
    FUZZ_EXPECT(layout_blob_path(*digest) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  check_names(text);
  if (const auto decoded = percent_decode(text)) {
    check_names(*decoded);
    FUZZ_EXPECT(decoded->find('\0') == std::string::npos);
    FUZZ_EXPECT(percent_decode(percent_encode(*decoded)) == *decoded);
  }
  if (const auto query = parse_query(text)) FUZZ_EXPECT(query->size() <= 256);
  return 0;
}
