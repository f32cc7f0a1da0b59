// Whether the registry's rows lead to something that is there, and are led to by what should.
//
// Thread safety: functions of a view of the caller's.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

#include "storage/key_space.hpp"

namespace slipway {

/// The kinds of rows that check_row knows, in the order of their keys.
inline constexpr std::array checked_rows{
    key_space::blob,     key_space::blob_link,       key_space::tag_of_manifest,
    key_space::content_holder, key_space::manifest,  key_space::named_by,
    key_space::referrer, key_space::tag};

/// nullopt: the row is as it should be. Else what is wrong with it, for people. Blobs that are in
/// quarantine count as there: it is known what is wrong with those. Errors: io.
Result<std::optional<std::string>> check_row(const ReadView& view, std::string_view key,
                                             std::string_view value);

}  // namespace slipway
