#include "transfer/layer_files.hpp"

#include <optional>
#include <string_view>

namespace slipway {

Result<void> list_layer_files(const ByteSource& layer, const LayerFileSink& sink,
                              const TarLimits& limits) {
  SLIPWAY_TRY(TarReader reader, TarReader::open(layer, limits));
  while (true) {
    SLIPWAY_TRY(const std::optional<TarEntry> entry, reader.next());
    if (!entry) return {};
    SLIPWAY_CHECK(sink(*entry));
  }
}

std::string mode_text(const TarEntry& entry) {
  constexpr std::string_view letters = "rwxrwxrwx";
  std::string text = "-";
  if (entry.type == TarEntry::Type::folder) text = "d";
  if (entry.type == TarEntry::Type::symlink) text = "l";
  if (entry.type == TarEntry::Type::hard_link) text = "h";
  if (entry.type == TarEntry::Type::other) text = "?";
  for (std::size_t i = 0; i < letters.size(); ++i)
    text += (entry.mode & (0400U >> i)) != 0 ? letters[i] : '-';
  const auto special = [&](unsigned bit, std::size_t at, char with, char without) {
    if ((entry.mode & bit) != 0) text[at] = text[at] == 'x' ? with : without;
  };
  special(04000, 3, 's', 'S');
  special(02000, 6, 's', 'S');
  special(01000, 9, 't', 'T');
  return text;
}

}  // namespace slipway
