// Exchange: one request and its answer over a wire.
//
// Thread safety: one thread at a time.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include <slipway/http/transport.hpp>

#include "beast/head_parser.hpp"
#include "beast/incoming_body.hpp"
#include "beast/url.hpp"
#include "beast/wire.hpp"

namespace slipway::beast {

class Exchange {
 public:
  Exchange(Wire& wire, const Url& url, const OutgoingRequest& request, std::string_view user_agent,
           const BodySink& sink, Patience patience);

  /// Errors: those of HttpTransport::send.
  Result<IncomingResponse> run();

  /// After a good run: the wire can carry another exchange.
  [[nodiscard]] bool reusable() const noexcept { return reusable_; }
  /// Something of an answer has come.
  [[nodiscard]] bool answered() const noexcept { return answered_; }

 private:
  Result<void> send();
  Result<void> send_from_source();
  [[nodiscard]] std::string head() const;
  Result<void> receive_head(IncomingResponse& response);
  Result<void> receive_final_head(IncomingResponse& response);
  Result<void> receive_body(IncomingResponse& response);
  Result<void> deliver(IncomingResponse& response, std::span<const char> bytes);
  Result<std::size_t> read(std::span<char> into);
  /// Something moved.
  void restart_clock() {
    patience_.deadline =
        std::min(std::chrono::steady_clock::now() + request_.timeout, patience_.latest);
  }
  /// As much of the answer's body is here as was asked for.
  [[nodiscard]] bool has_prefix(const IncomingResponse& response) const noexcept {
    return request_.body_prefix && response.body.size() >= *request_.body_prefix;
  }

  Wire& wire_;
  const Url& url_;
  const OutgoingRequest& request_;
  const std::string_view user_agent_;
  const BodySink& sink_;
  Patience patience_;

  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;  // [begin_, end_) was read and is not used yet
  std::size_t end_ = 0;
  IncomingBody body_;
  bool keep_alive_ = false;
  bool reusable_ = false;
  bool answered_ = false;
  bool cut_short_ = false;  // the answer came before the whole request had gone out
};

}  // namespace slipway::beast
