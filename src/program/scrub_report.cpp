#include "program/scrub_report.hpp"

#include "program/progress_line.hpp"
#include "program/table.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

std::uint64_t number(json::Value report, std::string_view name) {
  return report.find(name).as_uint64().value_or(0);
}

std::string damaged_line(json::Value blob) {
  const std::string_view kept_as = blob.find("kept_as").text();
  std::string line = slipway::format("{} {}: {}", kept_as.empty() ? "damaged" : "quarantined",
                                     blob.find("digest").text(), blob.find("why").text());
  if (!kept_as.empty()) line += slipway::format("; its bytes are kept as quarantine/{}", kept_as);
  std::string_view separator = "; in ";
  for (const json::Value repository : blob.find("repositories").elements()) {
    line.append(separator).append(repository.text());
    separator = ", ";
  }
  return on_one_line(line) + "\n";
}

}  // namespace

OperationOutcome describe_scrub(json::Value report) {
  OperationOutcome outcome;
  for (const json::Value blob : report.find("damaged").elements())
    outcome.text += damaged_line(blob);
  for (const json::Value row : report.find("broken").elements())
    outcome.text += on_one_line(slipway::format("broken row: {}", row.text())) + "\n";
  const std::uint64_t quarantined = number(report, "quarantined");
  const std::uint64_t unreadable = number(report, "unreadable");
  const std::uint64_t broken = number(report, "broken_rows");
  outcome.text += slipway::format("read {} blobs ({}) and {} rows: ", number(report, "blobs"),
                                  megabytes(number(report, "bytes")), number(report, "rows"));
  if (quarantined + unreadable + broken == 0) {
    outcome.text += "all sound\n";
    return outcome;
  }
  outcome.text += slipway::format(
      "{} blobs in quarantine, {} unreadable, {} broken rows; what is pushed again is healed\n",
      quarantined, unreadable, broken);
  outcome.status = ExitStatus::failed;
  return outcome;
}

}  // namespace slipway
