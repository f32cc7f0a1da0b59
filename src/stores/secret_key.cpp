#include "stores/secret_key.hpp"

#include <fcntl.h>

#include <algorithm>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include <slipway/support/hasher.hpp>

#include "stores/data_folder.hpp"
#include "support/file.hpp"
#include "support/format.hpp"
#include "support/private_file.hpp"

namespace slipway {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_file = 128;

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<Sealer::Key> parse_key(std::string_view text) {
  Sealer::Key key{};
  if (text.size() == key.size()) {
    std::copy(text.begin(), text.end(), key.begin());
    return key;
  }
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  if (text.size() != 2 * key.size()) return std::nullopt;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    key[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return key;
}

/// nullopt: there is no such file. Follows links, as files of mounted secrets are.
/// Errors: denied (malformed), io.
Result<std::optional<Sealer::Key>> read_key(const fs::path& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error == std::errc::no_such_file_or_directory) return std::optional<Sealer::Key>();
  if (error) return files::file_error(error.value(), "find", path);
  SLIPWAY_TRY(const files::Descriptor file, files::open_file(real, O_RDONLY));
  std::string text(longest_file, '\0');
  SLIPWAY_TRY(const std::size_t count,
              files::read_at(file, real, 0, std::as_writable_bytes(std::span(text))));
  text.resize(count);
  const auto key = parse_key(text);
  if (!key)
    return Error(ErrorCode::denied,
                 slipway::format("{} is no key: expected 32 bytes, or 64 hexadecimal digits",
                                 path.native()));
  return key;
}

/// Errors: denied (missing, malformed), io.
Result<Sealer::Key> read_configured_key(const fs::path& path) {
  SLIPWAY_TRY(const auto key, read_key(path));
  if (!key)
    return Error(ErrorCode::denied,
                 slipway::format("the key file {} is missing; put it there, or make a new one for "
                                 "a new server: head -c 32 /dev/urandom > FILE",
                                 path.native()));
  return *key;
}

}  // namespace

Result<SecretKey> SecretKey::load(const DataFolder& folder, const SecretOptions& options) {
  SecretKey loaded;
  Sealer::Key current{};
  std::vector<Sealer::Key> previous;
  for (const fs::path& file : options.previous_key_files) {
    SLIPWAY_TRY(const Sealer::Key key, read_configured_key(file));
    previous.push_back(key);
  }
  if (!options.key_file.empty()) {
    loaded.file_ = options.key_file;
    SLIPWAY_TRY(current, read_configured_key(options.key_file));
  } else {
    loaded.file_ = folder.path() / secret_key_file_name;
    loaded.own_ = true;
    SLIPWAY_TRY(const auto own, read_key(loaded.file_));
    if (own) {
      current = *own;
    } else if (folder.seals_secrets()) {
      return Error(ErrorCode::denied,
                   slipway::format("{} is missing: without it the secrets in {} cannot be read; put "
                                   "it back from where you keep it, or name it as secrets.key_file",
                                   loaded.file_.native(), folder.path().native()));
    } else {
      fill_random(current);
      loaded.made_ = current;
    }
  }
  loaded.sealer_ = std::make_shared<const Sealer>(current, previous);
  return loaded;
}

Result<void> SecretKey::keep() {
  if (!own_) return {};
  if (!made_) {
    SLIPWAY_TRY(const files::Descriptor file, files::open_file(file_, O_RDONLY));
    SLIPWAY_CHECK(files::sync_file(file, file_));
    return files::sync_folder(file_.parent_path());
  }
  const fs::path temporary = file_.parent_path() / new_secret_key_file_name;
  const std::string_view key(reinterpret_cast<const char*>(made_->data()), made_->size());
  SLIPWAY_CHECK(replace_private_file(file_, temporary, key, Flush::yes));
  made_.reset();
  return {};
}

Error SecretKey::does_not_fit(const Error& why) const {
  if (made_)
    return Error(ErrorCode::denied,
                 slipway::format("{} is missing, and secrets are sealed with it; put it back from "
                                 "where you keep it, or name it as secrets.key_file",
                                 file_.native()));
  return Error(ErrorCode::denied,
               slipway::format("the key in {} is not the one that the data folder was sealed with: "
                               "{}; name the right one as secrets.key_file, or the old one in "
                               "secrets.previous_key_files",
                               file_.native(), why.message));
}

}  // namespace slipway
