#include "program/wait_report.hpp"

#include <cmath>

#include "json/value.hpp"
#include "program/table.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

std::int64_t number(const json::Value& value, std::string_view name) {
  return value.find(name).as_int64().value_or(0);
}

void add_line(std::string& text, std::string_view name, std::string_view value) {
  if (!value.empty()) text += slipway::format("{:<11} {}\n", name, on_one_line(value));
}

/// "3 running of at most 20, 7 queued"
std::string numbers_of(const json::Value& of) {
  const auto cap = of.find("max_running").as_int64();
  return slipway::format("{} running{}, {} queued", number(of, "running"),
                         cap ? slipway::format(" of at most {}", *cap) : std::string(),
                         number(of, "queued"));
}

std::string tenant_line(const json::Value& tenant) {
  const double share = tenant.find("share").as_double().value_or(0);
  return slipway::format("{}: {}; its share of the workers is {}%", tenant.find("name").text(),
                         numbers_of(tenant), std::lround(share * 100));
}

std::string backends_table(const json::Value& backends) {
  Table table{"BACKEND", "FREE", "OF", "RUNNING", "WHY"};
  for (const json::Value backend : backends.elements())
    table.add({std::string(backend.find("name").text()), std::to_string(number(backend, "free")),
               number(backend, "total") > 0 ? std::to_string(number(backend, "total")) : "",
               std::to_string(number(backend, "running")),
               on_one_line(backend.find("why").text())});
  return table.text();
}

}  // namespace

std::string wait_report(const json::Value& explanation) {
  std::string text;
  add_line(text, "build", explanation.find("build").text());
  add_line(text, "state", explanation.find("state").text());
  add_line(text, "why", explanation.find("why").text());
  add_line(text, "starts", explanation.find("starts").text());
  if (explanation.find("state").text() != "queued") return text;
  if (const auto position = explanation.find("position").as_int64())
    add_line(text, "position", slipway::format("{} of its tenant", *position));
  add_line(text, "tenant", tenant_line(explanation.find("tenant")));
  const json::Value repository = explanation.find("repository");
  add_line(text, "repository",
           slipway::format("{}: {}", repository.find("name").text(), numbers_of(repository)));
  return text + backends_table(explanation.find("backends"));
}

}  // namespace slipway
