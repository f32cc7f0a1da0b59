// Heads of HTTP/1.1 messages: Beast's parser over a buffer of the caller's, recording views.
//
// What Beast leaves to its callers is refused here: line folding, a missing or second Host, a
// transfer coding other than chunked, both kinds of framing at once (RFC 9112 sections 3.2, 5.2,
// 6.1 and 6.3).
//
// Thread safety: none; a parser belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/beast/http/basic_parser.hpp>

#include <slipway/http/message.hpp>

#include "beast/asio.hpp"

namespace slipway::beast {

struct HeadLimits {
  std::size_t bytes = std::size_t{16} * 1024;
  std::size_t fields = 100;
};

/// Why a head was refused: the status that says so, and what was wrong.
struct Refusal {
  int status = 400;
  std::string_view detail;
};

/// What both kinds of heads have in common: their fields, and how the body is framed.
class FieldRecorder {
 public:
  explicit FieldRecorder(std::vector<HttpField>& fields, std::size_t most) noexcept
      : fields_(fields), most_(most) {}

  /// False: refused.
  bool record(boost::beast::http::field id, std::string_view name, std::string_view value);

  bool chunked = false;
  bool has_length = false;
  std::size_t hosts = 0;
  std::string_view host;
  std::string_view expect;
  std::optional<Refusal> refusal;

 private:
  bool refuse(int status, std::string_view detail);
  bool record_coding(std::string_view value);

  std::vector<HttpField>& fields_;
  const std::size_t most_;
};

/// Beast's parser without what it calls for bodies: it is never given one.
template <bool isRequest>
class HeadOnlyParser : public boost::beast::http::basic_parser<isRequest> {
 protected:
  using Text = boost::beast::string_view;
  using Code = boost::beast::error_code;

  void on_request_impl(boost::beast::http::verb, Text, Text, int, Code& code) override {
    code = {};
  }
  void on_response_impl(int, Text, int, Code& code) override { code = {}; }
  void on_header_impl(Code& code) override { code = {}; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code& code) override { code = {}; }
  std::size_t on_body_impl(Text, Code& code) override { return code = {}, 0; }
  void on_chunk_header_impl(std::uint64_t, Text, Code& code) override { code = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, Text, Code& code) override { return code = {}, 0; }
  void on_finish_impl(Code& code) override { code = {}; }
};

enum class HeadState { incomplete, complete, refused };

/// One request's head. The bytes that are given must stay where they are: the request refers to
/// them.
class RequestHeadParser final : public HeadOnlyParser<true> {
 public:
  /// Fills `request` and, as its fields, `fields`.
  RequestHeadParser(HttpRequest& request, std::vector<HttpField>& fields, const HeadLimits& limits);

  /// What came behind the bytes that were consumed so far. Adds to `consumed`.
  HeadState parse(std::string_view bytes, std::size_t& consumed);

  [[nodiscard]] const Refusal& refusal() const noexcept { return *recorder_.refusal; }
  [[nodiscard]] bool chunked() const noexcept { return recorder_.chunked; }
  [[nodiscard]] bool is_http_1_1() const noexcept { return version_ == 11; }
  [[nodiscard]] bool expects_continue() const noexcept { return expects_continue_; }

 private:
  HeadState refuse(int status, std::string_view detail);
  HeadState refuse(const Code& code);
  HeadState refuse_version(std::string_view bytes);
  HeadState finish();
  bool take_target(std::string_view target);

  void on_request_impl(boost::beast::http::verb, Text method, Text target, int version,
                       Code& code) override;
  void on_field_impl(boost::beast::http::field id, Text name, Text value, Code& code) override;

  HttpRequest& request_;
  std::vector<HttpField>& fields_;
  FieldRecorder recorder_;
  int version_ = 11;
  bool expects_continue_ = false;
};

/// One response's head, for the client.
class ResponseHeadParser final : public HeadOnlyParser<false> {
 public:
  ResponseHeadParser(std::vector<HttpField>& fields, const HeadLimits& limits);

  HeadState parse(std::string_view bytes, std::size_t& consumed);

  [[nodiscard]] int status() const noexcept { return status_; }
  [[nodiscard]] bool chunked() const noexcept { return recorder_.chunked; }

 private:
  void on_response_impl(int status, Text reason, int version, Code& code) override;
  void on_field_impl(boost::beast::http::field id, Text name, Text value, Code& code) override;

  FieldRecorder recorder_;
  int status_ = 0;
};

}  // namespace slipway::beast
