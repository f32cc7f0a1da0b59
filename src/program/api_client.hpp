// ApiClient: the command's side of the server's API.
//
// An answer that is not 2xx is an error with the server's own words (RFC 9457's detail) and code.
//
// Thread safety: any thread.
#pragma once

#include <slipway/build/build.hpp>
#include <slipway/core/result.hpp>
#include <slipway/http/transport.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "program/client_options.hpp"
#include "transfer/registry_client.hpp"

namespace slipway {

class ApiClient {
 public:
  /// Errors: invalid_argument (no URL, or none that is one), corrupt (the authorities' file).
  static Result<ApiClient> make(const ClientOptions& options);

  /// `path` begins with a slash. Answers the body. Errors: the server's; those of
  /// HttpTransport::send.
  Result<std::string> get(std::string_view path, const BodySink& sink = {}) const;
  /// A list's pages, one body after the other, as long as each names a next one. Errors also: the
  /// function's.
  Result<void> get_pages(std::string_view path,
                         const std::function<Result<void>(const std::string&)>& take) const;
  Result<std::string> post(std::string_view path, std::string_view json) const;
  Result<std::string> remove(std::string_view path) const;

  struct Upload {
    std::string content_type;
    std::function<Result<std::size_t>(std::span<std::byte>)> source;
    std::optional<std::uint64_t> size;  // bytes, when it is known
  };
  Result<std::string> post(std::string_view path, Upload upload) const;

  /// Errors: as get; invalid_argument (an answer that is no build).
  Result<Build> build(std::string_view id) const;

  /// A repository by the distribution API. This client must outlive it.
  [[nodiscard]] RegistryClient registry(RepositoryName repository) const;

  /// Without a slash behind.
  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  ApiClient(std::string url, std::string token, std::unique_ptr<HttpTransport> transport);

  [[nodiscard]] OutgoingRequest request(HttpMethod method, std::string_view path) const;
  [[nodiscard]] Result<IncomingResponse> exchange(const OutgoingRequest& request,
                                                  const BodySink& sink = {}) const;
  [[nodiscard]] Result<std::string> send(const OutgoingRequest& request,
                                         const BodySink& sink = {}) const;

  std::string url_;
  std::string token_;
  std::unique_ptr<HttpTransport> transport_;
};

/// A name or an id as a part of a path.
std::string path_part(std::string_view text);

/// Runs with a client and reports what went wrong: a mistake in the options that name the server is
/// wrong usage, anything else is a failure.
ExitStatus with_client(const ClientOptions& options,
                       const std::function<Result<ExitStatus>(const ApiClient&)>& run);

}  // namespace slipway
