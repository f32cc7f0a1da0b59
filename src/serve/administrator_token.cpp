#include "serve/administrator_token.hpp"

#include <system_error>

#include "support/file.hpp"
#include "support/private_file.hpp"

namespace slipway {

namespace fs = std::filesystem;

Result<std::optional<fs::path>> ensure_administrator_token(TokenStore& tokens,
                                                           const fs::path& folder) {
  const fs::path file = folder / "admin.token";
  const fs::path unfinished = folder / "admin.token.new";
  std::error_code ignored;
  SLIPWAY_TRY(const bool empty, tokens.empty());
  if (!empty && !fs::exists(unfinished, ignored)) return std::optional<fs::path>();

  // Whatever an unfinished start left was shown to nobody.
  SLIPWAY_TRY(const std::vector<Token> left, tokens.list());
  if (!fs::exists(unfinished, ignored))
    SLIPWAY_CHECK(write_private_file(unfinished, "", Flush::yes));
  SLIPWAY_CHECK(files::sync_folder(folder));
  for (const Token& token : left) SLIPWAY_CHECK(tokens.revoke(token.id));

  SLIPWAY_TRY(const TokenStore::Created created,
              tokens.create("administrator", {Grant{"**", Actions::all()}}));
  SLIPWAY_CHECK(replace_private_file(file, folder / "admin.token.draft", created.secret + "\n",
                                     Flush::yes));
  std::error_code error;
  fs::remove(unfinished, error);
  if (error) return files::file_error(error.value(), "remove", unfinished);
  SLIPWAY_CHECK(files::sync_folder(folder));
  return std::optional<fs::path>(file);
}

}  // namespace slipway
