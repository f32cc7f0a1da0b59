// --secret id=ID,src=FILE, as with `docker build`: a file's bytes under an id. Also `source` for
// `src`, and `env=NAME` for a variable of this command's environment.
#pragma once

#include <slipway/build/build_secrets.hpp>
#include <slipway/core/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

/// Reads what each option names. Errors: invalid_argument (an option that makes no sense, or two of
/// one id), not_found (the file or the variable).
Result<BuildSecrets> read_secret_options(const std::vector<std::string>& options);

}  // namespace slipway
