// BuildSecrets on their way: taken out of a request, kept in a sealed row, told to the worker.
//
// Thread safety: pure functions, some over a view.
#pragma once

#include <string_view>

#include <slipway/build/build.hpp>
#include <slipway/build/build_secrets.hpp>
#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>
#include <slipway/support/sealer.hpp>

namespace slipway {

namespace json {
class ObjectReader;
class Writer;
}  // namespace json

/// The request without anything secret: its git URL loses user name and password to the secrets,
/// and it names the secrets' ids. Errors: invalid_argument (an id, or too much).
Result<void> take_secrets(BuildRequest& request, BuildSecrets& secrets);

/// Errors: as WriteTransaction::put.
Result<void> write_secrets(WriteTransaction& transaction, const Sealer& sealer,
                           std::string_view build, const BuildSecrets& secrets);

/// Of a build that has not ended. Errors: io, corrupt (they are not there, or cannot be opened).
Result<BuildSecrets> read_secrets(const ReadView& view, const Sealer& sealer, const Build& build);

/// Errors: io.
Result<void> erase_secrets(WriteTransaction& transaction, const Build& build);

/// Members of an object: secrets (an array of {"id", "value": base64}), git_url. Left out when they
/// are empty.
void write_members(json::Writer& out, const BuildSecrets& secrets);
void read_members(json::ObjectReader& reader, BuildSecrets& secrets);
/// `secrets` alone, as people write it.
void read_secret_files(json::ObjectReader& reader, BuildSecrets& secrets);

}  // namespace slipway
