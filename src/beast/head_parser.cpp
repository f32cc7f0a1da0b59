#include "beast/head_parser.hpp"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>

namespace slipway::beast {
namespace {

namespace http = boost::beast::http;

std::string_view view(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

/// Beast joins folded lines into a buffer of its own, or begins the value behind the fold.
bool is_folded(std::string_view name, std::string_view value) noexcept {
  if (value.empty()) return false;
  const std::less<const char*> before;
  const char* behind_name = name.data() + name.size();
  if (before(value.data(), behind_name)) return true;
  const auto gap = static_cast<std::size_t>(value.data() - behind_name);
  constexpr std::size_t most_gap = std::size_t{64} * 1024;
  return gap > most_gap || std::string_view(behind_name, gap).find('\n') != std::string_view::npos;
}

/// RFC 3986 section 3.2: what may stand in an authority, without user information.
bool valid_host(std::string_view host) noexcept {
  for (const char c : host) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f || std::string_view("/?#@\\\"<>^`{|},").find(c) != std::string_view::npos)
      return false;
  }
  return true;
}

}  // namespace

bool FieldRecorder::refuse(int status, std::string_view detail) {
  refusal = Refusal{status, detail};
  return false;
}

bool FieldRecorder::record_coding(std::string_view value) {
  if (chunked) return refuse(400, "Transfer-Encoding is repeated");
  if (!equal_ignoring_case(value, "chunked"))
    return refuse(501, "the only transfer coding that is known is chunked");
  chunked = true;
  return true;
}

bool FieldRecorder::record(http::field id, std::string_view name, std::string_view value) {
  if (fields_.size() == most_) return refuse(431, "the head has too many fields");
  if (is_folded(name, value)) return refuse(400, "a field is folded over several lines");
  fields_.push_back({name, value});
  switch (id) {
    case http::field::transfer_encoding:
      if (!record_coding(value)) return false;
      break;
    case http::field::content_length: has_length = true; break;
    case http::field::host:
      ++hosts;
      host = value;
      break;
    case http::field::expect: expect = value; break;
    default: return true;
  }
  if (chunked && has_length)
    return refuse(400, "the request has both Content-Length and Transfer-Encoding");
  return true;
}

// ---- requests ----

RequestHeadParser::RequestHeadParser(HttpRequest& request, std::vector<HttpField>& fields,
                                     const HeadLimits& limits)
    : request_(request), fields_(fields), recorder_(fields, limits.fields) {
  header_limit(static_cast<std::uint32_t>(limits.bytes));
  body_limit(boost::none);
  fields_.clear();
}

HeadState RequestHeadParser::parse(std::string_view bytes, std::size_t& consumed) {
  Code code;
  consumed += put(asio::const_buffer(bytes.data(), bytes.size()), code);
  if (recorder_.refusal) return HeadState::refused;
  if (code == http::error::need_more) return HeadState::incomplete;
  if (code == http::error::bad_version) return refuse_version(bytes);
  if (code) return refuse(code);
  return is_header_done() ? finish() : HeadState::incomplete;
}

HeadState RequestHeadParser::refuse(int status, std::string_view detail) {
  recorder_.refusal = Refusal{status, detail};
  return HeadState::refused;
}

HeadState RequestHeadParser::refuse(const Code& code) {
  if (code == http::error::header_limit) return refuse(431, "the head is too large");
  if (code == http::error::bad_method) return refuse(400, "the method is malformed");
  if (code == http::error::bad_target) return refuse(400, "the request target is malformed");
  if (code == http::error::bad_field) return refuse(400, "a field name is malformed");
  if (code == http::error::bad_value) return refuse(400, "a field value is malformed");
  if (code == http::error::bad_content_length || code == http::error::multiple_content_length)
    return refuse(400, "Content-Length is malformed or contradicts itself");
  if (code == http::error::bad_transfer_encoding)
    return refuse(400, "Transfer-Encoding is malformed or contradicts Content-Length");
  return refuse(400, "the head is malformed");
}

/// Beast says so of the request line's end too.
HeadState RequestHeadParser::refuse_version(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find('\n'));
  if (line.find(" HTTP/1.1") != std::string_view::npos ||
      line.find(" HTTP/1.0") != std::string_view::npos)
    return refuse(400, "the request line is malformed");
  return refuse(505, "the version must be HTTP/1.1 or HTTP/1.0");
}

HeadState RequestHeadParser::finish() {
  if (recorder_.hosts > 1 || (recorder_.hosts == 0 && version_ == 11) ||
      !valid_host(recorder_.host))
    return refuse(400, "a request needs exactly one valid Host field");
  if (recorder_.chunked && version_ == 10)
    return refuse(400, "HTTP/1.0 knows no Transfer-Encoding");
  if (!recorder_.expect.empty()) {
    if (!equal_ignoring_case(recorder_.expect, "100-continue"))
      return refuse(417, "the only expectation that is known is 100-continue");
    expects_continue_ = version_ == 11;
  }
  request_.fields = fields_;
  request_.content_length.reset();
  if (recorder_.has_length) request_.content_length = content_length().value();
  request_.has_body = recorder_.chunked || (recorder_.has_length && *request_.content_length > 0);
  return HeadState::complete;
}

/// RFC 9112 section 3.2: a path, `*` for OPTIONS, or an absolute form whose authority is dropped.
bool RequestHeadParser::take_target(std::string_view target) {
  if (!target.starts_with('/') && target != "*") {
    const std::size_t scheme = target.find("://");
    if (scheme == std::string_view::npos) return refuse(400, "the target is no path"), false;
    const std::size_t path = target.find_first_of("/?", scheme + 3);
    target = path == std::string_view::npos ? "/" : target.substr(path);
    if (!target.starts_with('/')) return refuse(400, "the target has no path"), false;
  }
  request_.target = target;
  return true;
}

void RequestHeadParser::on_request_impl(http::verb, Text method, Text target, int version,
                                        Code& code) {
  version_ = version;
  request_.method_text = view(method);
  request_.method = parse_http_method(request_.method_text);
  code = take_target(view(target)) ? Code() : make_error_code(http::error::bad_target);
}

void RequestHeadParser::on_field_impl(http::field id, Text name, Text value, Code& code) {
  code = recorder_.record(id, view(name), view(value)) ? Code()
                                                       : make_error_code(http::error::bad_field);
}

// ---- responses ----

ResponseHeadParser::ResponseHeadParser(std::vector<HttpField>& fields, const HeadLimits& limits)
    : recorder_(fields, limits.fields) {
  header_limit(static_cast<std::uint32_t>(limits.bytes));
  body_limit(boost::none);
  fields.clear();
}

HeadState ResponseHeadParser::parse(std::string_view bytes, std::size_t& consumed) {
  Code code;
  consumed += put(asio::const_buffer(bytes.data(), bytes.size()), code);
  if (code == http::error::need_more) return HeadState::incomplete;
  if (code || recorder_.refusal) return HeadState::refused;
  return is_header_done() ? HeadState::complete : HeadState::incomplete;
}

void ResponseHeadParser::on_response_impl(int status, Text, int, Code& code) {
  status_ = status;
  code = {};
}

void ResponseHeadParser::on_field_impl(http::field id, Text name, Text value, Code& code) {
  code = recorder_.record(id, view(name), view(value)) ? Code()
                                                       : make_error_code(http::error::bad_field);
}

}  // namespace slipway::beast
