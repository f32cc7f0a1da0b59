#include "http/build_routes.hpp"

#include <utility>

#include <slipway/core/byte_range.hpp>

#include "build/build_json.hpp"
#include "http/log_stream.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

constexpr std::size_t usual_builds = 50;
constexpr std::size_t most_builds = 1000;
/// Pages that one request reads for someone who may see few of the builds in them.
constexpr unsigned most_pages = 20;

Result<void> respond_with_build(int status, const Build& build, HttpResponse& response) {
  respond_with_json(status, to_json(build), response);
  return {};
}

/// Errors: invalid_argument.
Result<BuildFilter> filter_of(const HttpRequest& request) {
  const auto parameter = [&](std::string_view name) {
    return query_parameter(request.query(), name).value_or("");
  };
  BuildFilter filter;
  filter.repository = parameter("repository");
  filter.after = parameter("after");
  SLIPWAY_TRY(filter.limit, limit_of(request, usual_builds, most_builds));
  if (const std::string state = parameter("state"); !state.empty()) {
    filter.state = parse_build_state(state);
    if (!filter.state)
      return Error(ErrorCode::invalid_argument,
                   "state \"" + state +
                       "\": expected queued, starting, running, succeeded, failed or cancelled");
  }
  return filter;
}

bool may_see(const ApiCall& call, std::string_view repository, std::string_view build) {
  return call.parts().policy.decide(call.need, call.identity, {repository, build}) ==
         AccessDecision::allowed;
}

/// What the caller may see of the queue's list: a page that may be short although more follow.
Result<BuildPage> visible_page(const ApiCall& call, BuildFilter filter, std::string& last_read) {
  const std::size_t wanted = filter.limit;
  BuildPage visible;
  if (!filter.repository.empty() && !may_see(call, filter.repository, {})) return visible;
  for (unsigned pages = 0; pages < most_pages; ++pages) {
    filter.limit = wanted - visible.builds.size();
    SLIPWAY_TRY(BuildPage page, call.parts().queue.list(filter));
    visible.more = page.more;
    if (page.builds.empty()) break;
    last_read = filter.after = page.builds.back().id;
    for (Build& build : page.builds)
      if (may_see(call, build.request.repository.str(), build.id))
        visible.builds.push_back(std::move(build));
    if (!page.more || visible.builds.size() == wanted) break;
  }
  return visible;
}

Result<void> respond_with_list(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const BuildFilter filter, filter_of(call.request));
  std::string last_read;
  SLIPWAY_TRY(const BuildPage page, visible_page(call, filter, last_read));
  if (page.more) add_next_link(call.request, {{"after", last_read}}, response);
  json::Writer json;
  json.begin_object().key("builds").begin_array();
  for (const Build& build : page.builds) write_json(json, build);
  json.end_array().end_object();
  respond_with_json(200, json.str(), response);
  return {};
}

/// RFC 9110 section 12.5.3, as far as one coding needs it.
bool accepts_gzip(const HttpRequest& request) {
  std::string_view rest = request.field("accept-encoding");
  while (!rest.empty()) {
    std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    while (item.starts_with(' ')) item.remove_prefix(1);
    if (!equal_ignoring_case(item.substr(0, item.find_first_of(" ;")), "gzip")) continue;
    const std::size_t weight = item.find("q=");
    return weight == item.npos || item.find_first_of("123456789", weight) != item.npos;
  }
  return false;
}

/// Every build that has ended has lines in its log: without any it was removed. Errors: not_found,
/// io.
Result<void> check_log_is_kept(const LogStore& logs, const Build& build) {
  if (!is_final(build.state)) return {};
  SLIPWAY_TRY(const std::uint64_t size, logs.size(build.id));
  if (size > 0) return {};
  return Error(ErrorCode::not_found, "the log of build " + build.id +
                                         " is not kept any more (builds.retention.logs)");
}

Result<void> respond_with_log(const ApiCall& call, HttpResponse& response) {
  SLIPWAY_TRY(const Build build, visible_build(call, call.parameters.front()));
  const std::string_view query = call.request.query();
  const std::string offset_text = query_parameter(query, "offset").value_or("0");
  const auto offset = detail::parse_decimal(offset_text);
  if (!offset)
    return Error(ErrorCode::invalid_argument,
                 "offset \"" + offset_text + "\": expected a whole number of bytes");
  SLIPWAY_TRY(const bool follow, wants_to_follow(call.request));
  const BuildHandlerParts& parts = call.parts();
  SLIPWAY_CHECK(check_log_is_kept(parts.logs, build));
  response.add("Content-Type", "text/plain; charset=utf-8");
  response.add("Vary", "Accept-Encoding");
  response.add("X-Content-Type-Options", "nosniff");
  response.add("Cache-Control", "no-store");
  if (*offset == 0 && accepts_gzip(call.request)) {
    SLIPWAY_TRY(auto compressed, parts.logs.open_compressed(build.id));
    if (compressed) {
      response.add("Content-Encoding", "gzip");
      fill_body(std::move(*compressed), response);
      return {};
    }
  }
  response.body() = follow ? make_live_log_stream(*call.api.live_logs, build.id, *offset)
                           : make_log_stream(parts.logs, build.id, *offset);
  return {};
}

}  // namespace

HttpAction list_builds(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, respond_with_list);
}

HttpAction show_build_log(const ApiCallPointer& call, HttpResponse& response) {
  return answer_point_read(call, respond_with_log, response);
}

HttpAction cancel_build(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, [](const ApiCall& asked, HttpResponse& answer) -> Result<void> {
    SLIPWAY_TRY(const Build build, visible_build(asked, asked.parameters.front()));
    SLIPWAY_TRY(const Build cancelled, asked.parts().queue.cancel(build.id, "requested"));
    asked.parts().log.info("build cancelled", {{"build", build.id}, {"by", asked.identity.name}});
    return respond_with_build(202, cancelled, answer);
  });
}

HttpAction retry_build(const ApiCallPointer& call, HttpResponse&) {
  return answer_blocking(call, [](const ApiCall& asked, HttpResponse& answer) -> Result<void> {
    SLIPWAY_TRY(const Build build, visible_build(asked, asked.parameters.front()));
    if (const auto* context = std::get_if<ContextSource>(&build.request.source))
      SLIPWAY_CHECK(check_context_access(asked, *context));
    SLIPWAY_TRY(const Build again, asked.parts().queue.retry(build.id));
    answer.add("Location", "/api/v1/builds/" + again.id);
    return respond_with_build(202, again, answer);
  });
}

}  // namespace slipway
