// What the functions behind the build system's routes share.
//
// Each answers one row of a route table (build_handler.cpp, worker_handler.cpp). It runs on an I/O
// thread, once it is decided that the caller has what the route needs, and answers there, on a
// thread that may block, or after the body.
//
// Thread safety: the functions run on many threads at once; an ApiCall belongs to one request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/auth/identity.hpp>
#include <slipway/core/reference.hpp>
#include <slipway/core/result.hpp>
#include <slipway/http/build_handler.hpp>
#include <slipway/http/handler.hpp>
#include <slipway/storage/blob_store.hpp>

#include "http/live_logs.hpp"
#include "http/route_table.hpp"

namespace slipway {

/// Larger than any JSON that people send to the API.
inline constexpr std::uint64_t max_json_bytes = std::uint64_t{1} << 20U;

/// What a handler owns. Outlives its calls.
struct Api {
  BuildHandlerParts parts;
  BuildHandlerOptions options;
  std::unique_ptr<LiveLogs> live_logs = nullptr;  // of the handler whose routes follow logs
};

struct ApiCall {
  const Api& api;
  const HttpRequest& request;  // valid until the response was sent
  Identity identity;
  std::vector<std::string> parameters;  // of the route
  AccessNeed need;                      // of the route

  [[nodiscard]] const BuildHandlerParts& parts() const noexcept { return api.parts; }
};

/// The calls of one request share it, since what they hand out is copied.
using ApiCallPointer = std::shared_ptr<const ApiCall>;

/// Fills the response or answers the error to be told as a problem.
using ApiAnswer = std::function<Result<void>(const ApiCall&, HttpResponse&)>;
using ApiBodyAnswer =
    std::function<Result<void>(const ApiCall&, std::string&& body, HttpResponse&)>;

/// Answers a request on a route of the table, if the caller has what the route needs; strangers are
/// told nothing of the others.
HttpAction answer_route(const Api& api, const HttpRequest& request, RouteLookup lookup,
                        HttpResponse& response);

/// Runs it on this thread.
HttpAction answer_now(const ApiCallPointer& call, const ApiAnswer& answer, HttpResponse& response);
/// Runs it on a thread that may block.
HttpAction answer_blocking(const ApiCallPointer& call, ApiAnswer answer);
/// Point reads: here where they are memory reads, else on a thread that may block.
HttpAction answer_point_read(const ApiCallPointer& call, ApiAnswer answer, HttpResponse& response);
/// Runs it with the whole body, of at most `limit` bytes.
HttpAction answer_body(const ApiCallPointer& call, std::uint64_t limit, ApiBodyAnswer answer);

/// A problem; one of 401 also asks for a token (RFC 9110 section 11.6.1).
void respond_with_error(const Error& error, HttpResponse& response);

void respond_with_json(int status, std::string_view json, HttpResponse& response);

/// The blob's bytes, from memory or from its object, as the body.
void fill_body(Blob&& blob, HttpResponse& response);

/// The repository that the route begins with. Errors: invalid_argument.
Result<RepositoryName> repository_of(const ApiCall& call);

/// The build of that id, when the caller may see it. Errors: not_found (also: may not), io.
Result<Build> visible_build(const ApiCall& call, std::string_view id);

/// May the caller pull what a build is to be made of, where it lies in a repository that was named?
/// Errors: not_found (may not, as if there were none).
Result<void> check_context_access(const ApiCall& call, const ContextSource& context);

/// May the server be made to send something to this URL, which the member says? Errors:
/// invalid_argument.
Result<void> check_destination(const ApiCall& call, std::string_view member, std::string_view url);

/// The trigger that the route names, if it belongs to the route's repository. Errors: not_found, io,
/// corrupt.
Result<Trigger> trigger_of_route(const ApiCall& call);

/// `limit` of the query, from 1 to `most`; `usual` without one. Errors: invalid_argument.
Result<std::size_t> limit_of(const HttpRequest& request, std::size_t usual, std::size_t most);

/// `follow` of the query, false without one. Errors: invalid_argument.
Result<bool> wants_to_follow(const HttpRequest& request);

/// A Link to the next page: the request's path and query with these parameters replaced.
void add_next_link(const HttpRequest& request, std::initializer_list<QueryParameter> replaced,
                   HttpResponse& response);

}  // namespace slipway
