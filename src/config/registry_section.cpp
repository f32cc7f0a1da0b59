#include "config/registry_section.hpp"

#include <charconv>
#include <utility>

#include <slipway/core/quantity.hpp>

#include "support/format.hpp"

namespace slipway {
namespace {

using yaml::Node;

/// Durations of which there are more are mistakes, and sums of them stay countable.
constexpr std::chrono::milliseconds longest_duration = std::chrono::days(36'500);

std::optional<std::chrono::milliseconds> parse_span(std::string_view text) {
  const auto duration = parse_duration(text);
  return duration && *duration <= longest_duration ? duration : std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_long_enough(std::string_view text) {
  const auto duration = parse_span(text);
  return duration && *duration >= std::chrono::seconds(1) ? duration : std::nullopt;
}

constexpr std::string_view expected_span = "a duration such as 12h or 30d, at most 36500d";

Result<void> read_gc(const Node& node, const ConfigPlace& place,
                     GarbageCollectionConfiguration& out) {
  using Interval = std::optional<std::chrono::milliseconds>;
  Section section(node, place);
  section.read_parsed<Interval>(
      "interval", "a duration of 1s or more such as 1h, or off",
      [](std::string_view text) -> std::optional<Interval> {
        if (text == "off") return Interval();
        const auto interval = parse_long_enough(text);
        return interval ? std::optional<Interval>(interval) : std::nullopt;
      },
      out.interval);
  section.read_parsed<std::chrono::milliseconds>("lease", "a duration of 1s or more such as 24h",
                                                 parse_long_enough, out.lease.promised);
  section.read_parsed<unsigned>(
      "load", "a whole number from 1 to 100",
      [](std::string_view text) -> std::optional<unsigned> {
        unsigned percent = 0;
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, percent);
        if (error != std::errc() || stop != end || percent < 1 || percent > 100)
          return std::nullopt;
        return percent;
      },
      out.load);
  return section.finish();
}

Result<void> read_scrub(const Node& node, const ConfigPlace& place, ScrubConfiguration& out) {
  Section section(node, place);
  section.read_parsed<std::chrono::milliseconds>(
      "interval", "a duration above 0 such as 7d",
      [](std::string_view text) -> std::optional<std::chrono::milliseconds> {
        const auto interval = parse_duration(text);
        return interval && interval->count() > 0 ? interval : std::nullopt;
      },
      out.interval);
  section.read_parsed<std::uint64_t>("rate", "bytes a second such as 10MiB, or 0B for no scrub",
                                     parse_byte_size, out.bytes_per_second);
  return section.finish();
}

Result<void> read_pattern(const Node& node, const ConfigPlace& place,
                          std::vector<std::string>& out) {
  if (node.kind != Node::Kind::scalar || node.scalar.empty())
    return config_mistake(place, node, "a pattern such as v*");
  out.push_back(node.scalar);
  return {};
}

Result<void> read_retention_rule(const Node& node, const ConfigPlace& place,
                                 std::vector<RetentionRule>& out) {
  RetentionRule rule;
  unsigned keep_last = 0;
  const auto read_span = [](Section& section, std::string_view key,
                            std::optional<std::chrono::milliseconds>& span) {
    using Span = std::optional<std::chrono::milliseconds>;
    section.read_parsed<Span>(
        key, expected_span,
        [](std::string_view text) -> std::optional<Span> {
          const auto parsed = parse_span(text);
          return parsed ? std::optional<Span>(parsed) : std::nullopt;
        },
        span);
  };
  Section section(node, place);
  section.read("repositories", rule.repositories);
  section.read("tags", [&](const Node& patterns, const ConfigPlace& patterns_place) {
    return read_items(patterns, patterns_place, [&](const Node& item, const ConfigPlace& item_place) {
      return read_pattern(item, item_place, rule.tags);
    });
  });
  section.read_count("keep_last", keep_last);
  read_span(section, "keep_for", rule.keep_for);
  read_span(section, "untagged_after", rule.untagged_after);
  SLIPWAY_CHECK(section.finish());
  if (keep_last > most_kept_tags)
    return config_mistake(place.member("keep_last"), node,
                          slipway::format("at most {}", most_kept_tags));
  if (keep_last > 0) rule.keep_last = keep_last;
  if (rule.tags.empty() && !rule.keep_last && !rule.keep_for && !rule.untagged_after)
    return config_mistake(place, node, "keep_last, keep_for, untagged_after or tags");
  out.push_back(std::move(rule));
  return {};
}

}  // namespace

Result<void> read_registry(const Node& node, const ConfigPlace& place,
                           RegistryConfiguration& out) {
  Section section(node, place);
  section.read_parsed<bool>(
      "sparse_images", "true or false",
      [](std::string_view text) -> std::optional<bool> {
        if (text == "true") return true;
        if (text == "false") return false;
        return std::nullopt;
      },
      out.sparse_images);
  section.read_parsed<std::chrono::milliseconds>("upload_lifetime",
                                                 "a duration of 1s or more such as 7d",
                                                 parse_long_enough, out.upload_lifetime);
  section.read("gc", [&](const Node& gc, const ConfigPlace& gc_place) {
    return read_gc(gc, gc_place, out.gc);
  });
  section.read("scrub", [&](const Node& scrub, const ConfigPlace& scrub_place) {
    return read_scrub(scrub, scrub_place, out.scrub);
  });
  section.read("retention", [&](const Node& rules, const ConfigPlace& rules_place) {
    out.retention.clear();
    return read_items(rules, rules_place, [&](const Node& item, const ConfigPlace& item_place) {
      return read_retention_rule(item, item_place, out.retention);
    });
  });
  return section.finish();
}

}  // namespace slipway
