#include "program/operation_progress.hpp"

#include <algorithm>

#include "program/progress_line.hpp"
#include "program/table.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

std::string readable_count(std::string_view name, std::uint64_t number) {
  return name.ends_with("bytes") ? megabytes(number) : std::to_string(number);
}

}  // namespace

void OperationProgress::set(std::string_view name, std::uint64_t done,
                            std::optional<std::uint64_t> total) {
  const auto found = std::find_if(counts_.begin(), counts_.end(),
                                  [name](const Count& count) { return count.name == name; });
  if (found == counts_.end())
    counts_.push_back({std::string(name), done, total});
  else
    *found = {std::string(name), done, total};
}

std::string OperationProgress::text(std::string_view kind) const {
  std::string text(kind);
  std::string_view separator = ": ";
  for (const Count& count : counts_) {
    std::string name = count.name;
    std::replace(name.begin(), name.end(), '_', ' ');
    text += slipway::format("{}{} {}", separator, name, readable_count(count.name, count.done));
    if (count.total) text += slipway::format(" of {}", readable_count(count.name, *count.total));
    separator = ", ";
  }
  return on_one_line(text);
}

}  // namespace slipway
