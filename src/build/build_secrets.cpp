#include "build/build_secrets.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include <slipway/support/hasher.hpp>

#include "build/git_url.hpp"
#include "json/object_reader.hpp"
#include "json/writer.hpp"
#include "storage/key_space.hpp"
#include "storage/sealed_rows.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

using key_space::Key;

constexpr std::size_t most_secrets = 64;
constexpr std::size_t most_bytes = std::size_t{512} * 1024;
constexpr std::size_t longest_id = 128;

/// A word that can be no option and, where it becomes a file's name, no hidden one.
bool is_secret_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= longest_id && id.front() != '-' && id.front() != '.' &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

Result<void> check_files(const std::map<std::string, std::string>& files) {
  std::size_t sum = 0;
  for (const auto& [id, value] : files) {
    if (!is_secret_id(id))
      return Error(ErrorCode::invalid_argument,
                   slipway::format("secrets: expected an id of 1 to 128 letters, digits, '.', '_' "
                                   "and '-', got \"{}\"",
                                   id.substr(0, 64)));
    sum += value.size();
  }
  if (files.size() <= most_secrets && sum <= most_bytes) return {};
  return Error(ErrorCode::too_large,
               slipway::format("secrets: {} of {} bytes; at most {} of {} bytes in all",
                               files.size(), sum, most_secrets, most_bytes));
}

bool has_secrets(const Build& build) noexcept {
  const auto* git = std::get_if<GitSource>(&build.request.source);
  return !build.request.secrets.empty() || (git != nullptr && git->credentials);
}

std::string row_of(std::string_view build) {
  return Key(key_space::build_secrets).text(build).str();
}

}  // namespace

Result<void> take_secrets(BuildRequest& request, BuildSecrets& secrets) {
  SLIPWAY_CHECK(check_files(secrets.files));
  request.secrets.clear();
  for (const auto& [id, value] : secrets.files) request.secrets.push_back(id);
  auto* git = std::get_if<GitSource>(&request.source);
  if (git == nullptr) return {};
  std::string bare = without_credentials(git->url);
  if (bare != git->url) secrets.git_url = std::exchange(git->url, std::move(bare));
  git->credentials = !secrets.git_url.empty();
  return {};
}

Result<void> write_secrets(WriteTransaction& transaction, const Sealer& sealer,
                           std::string_view build, const BuildSecrets& secrets) {
  json::Writer out;
  out.begin_object();
  write_members(out, secrets);
  out.end_object();
  return sealed_rows::put(transaction, sealer, row_of(build), out.str());
}

Result<BuildSecrets> read_secrets(const ReadView& view, const Sealer& sealer, const Build& build) {
  BuildSecrets secrets;
  if (!has_secrets(build)) return secrets;
  SLIPWAY_TRY(const auto row, sealed_rows::get(view, sealer, row_of(build.id)));
  if (!row)
    return Error(ErrorCode::corrupt,
                 slipway::format("build {}: the secrets that it was given are not there", build.id));
  SLIPWAY_TRY(const json::Document document, json::Document::parse(*row));
  json::ObjectReader reader(document.root(), "");
  read_members(reader, secrets);
  SLIPWAY_CHECK(reader.finish());
  return secrets;
}

Result<void> erase_secrets(WriteTransaction& transaction, const Build& build) {
  if (has_secrets(build)) SLIPWAY_CHECK(transaction.erase(row_of(build.id)));
  return {};
}

void write_members(json::Writer& out, const BuildSecrets& secrets) {
  if (!secrets.files.empty()) {
    out.key("secrets").begin_array();
    for (const auto& [id, value] : secrets.files)
      out.begin_object().member("id", id).member("value", base64_encode(value)).end_object();
    out.end_array();
  }
  out.member_if("git_url", secrets.git_url);
}

void read_members(json::ObjectReader& reader, BuildSecrets& secrets) {
  read_secret_files(reader, secrets);
  reader.read("git_url", secrets.git_url);
}

void read_secret_files(json::ObjectReader& reader, BuildSecrets& secrets) {
  reader.read_each("secrets", [&](json::Value value, const std::string& path) -> Result<void> {
    json::ObjectReader member(value, path);
    std::string id, text, bytes;
    member.require("id", id);
    member.require("value", text);
    SLIPWAY_CHECK(member.finish(json::ObjectReader::Unknown::refused));
    if (!base64_decode(text, bytes))
      return Error(ErrorCode::invalid_argument,
                   slipway::format("{}: the value of secret \"{}\" is not base64", path,
                                   id.substr(0, 64)));
    if (!secrets.files.emplace(std::move(id), std::move(bytes)).second)
      return Error(ErrorCode::invalid_argument,
                   slipway::format("{}: there are two secrets of this id", path));
    return {};
  });
}

}  // namespace slipway
