#include "build/delivery_json.hpp"

#include <map>
#include <utility>

#include "json/object_reader.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

void write_result(json::Writer& out, const DeliveryResult& result) {
  out.begin_object().key("status").number(result.status);
  if (!result.builds.empty()) {
    out.key("builds").begin_array();
    for (const std::string& build : result.builds) out.string(build);
    out.end_array();
  }
  out.member_if("ignored", result.ignored);
  if (result.error)
    out.key("error")
        .begin_object()
        .member("code", result.error->code)
        .member("message", result.error->message)
        .end_object();
  out.end_object();
}

Result<void> read_error(json::Value value, const std::string& path, std::optional<DeliveryError>& out) {
  DeliveryError read;
  json::ObjectReader error(value, path);
  error.require("code", read.code);
  error.read("message", read.message);
  SLIPWAY_CHECK(error.finish());
  out = std::move(read);
  return {};
}

Result<void> read_result(json::Value value, const std::string& path, DeliveryResult& out) {
  json::ObjectReader result(value, path);
  result.require("status", out.status);
  result.read("builds", out.builds);
  result.read("ignored", out.ignored);
  result.read("error", [&](json::Value error, const std::string& error_path) {
    return read_error(error, error_path, out.error);
  });
  return result.finish();
}

}  // namespace

void write_members(json::Writer& out, const Delivery& delivery) {
  out.member("id", delivery.id).member("trigger", delivery.trigger);
  out.member_if("delivery", delivery.delivery).member_if("event", delivery.event);
  out.member("received", to_rfc3339(delivery.received));
  out.key("took_ms").number(static_cast<std::int64_t>(delivery.took.count()));
  out.key("fields").begin_object();
  for (const auto& [name, value] : delivery.fields) out.member(name, value);
  out.end_object();
  out.key("body_size").number(delivery.body_size);
  out.member_if("replay_of", delivery.replay_of);
  out.key("result");
  write_result(out, delivery.result);
}

Result<Delivery> parse_delivery(std::string_view text) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(text));
  Delivery delivery;
  std::int64_t took = 0;
  std::map<std::string, std::string> fields;
  json::ObjectReader object(document.root(), "");
  object.require("id", delivery.id);
  object.require("trigger", delivery.trigger);
  object.read("delivery", delivery.delivery);
  object.read("event", delivery.event);
  object.require("received", json::time_into(delivery.received));
  object.read("took_ms", took);
  object.read("fields", fields);
  object.require("body_size", delivery.body_size);
  object.read("replay_of", delivery.replay_of);
  object.require("result", [&](json::Value value, const std::string& path) {
    return read_result(value, path, delivery.result);
  });
  SLIPWAY_CHECK(object.finish());
  delivery.took = std::chrono::milliseconds(took);
  delivery.fields.assign(fields.begin(), fields.end());
  return delivery;
}

}  // namespace slipway
