#include "registry/operation_json.hpp"

#include <slipway/core/timestamp.hpp>

namespace slipway {

void write_json(json::Writer& json, const Operation& operation) {
  json.begin_object()
      .member("id", operation.id)
      .member("kind", operation.kind)
      .member("state", to_string(operation.state))
      .member("started", to_rfc3339(operation.started));
  if (operation.finished) json.member("finished", to_rfc3339(*operation.finished));
  json.key("progress").begin_object();
  for (const OperationCount& count : operation.progress) {
    json.key(count.name).begin_object().key("done").number(count.done);
    if (count.total) json.key("total").number(*count.total);
    json.end_object();
  }
  json.end_object();
  if (!operation.result.empty()) json.key("result").raw(operation.result);
  if (operation.error)
    json.key("error")
        .begin_object()
        .member("code", to_string(operation.error->code))
        .member("message", operation.error->message)
        .end_object();
  json.end_object();
}

}  // namespace slipway
