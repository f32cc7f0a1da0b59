#include "beast/exchange.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "http/status.hpp"

namespace slipway::beast {
namespace {

constexpr std::size_t buffer_size = std::size_t{128} * 1024;
constexpr std::size_t most_head_bytes = std::size_t{64} * 1024;
constexpr std::size_t most_kept_body = std::size_t{16} * 1024 * 1024;
constexpr std::size_t source_piece = std::size_t{128} * 1024;
/// A body up to here goes out in one write with its head.
constexpr std::size_t joined_body = std::size_t{64} * 1024;
constexpr HeadLimits head_limits{.bytes = most_head_bytes, .fields = 256};

bool has_field(const OutgoingRequest& request, std::string_view name) {
  return std::any_of(request.fields.begin(), request.fields.end(),
                     [&](const auto& field) { return equal_ignoring_case(field.first, name); });
}

bool usually_has_body(HttpMethod method) noexcept {
  return method == HttpMethod::post || method == HttpMethod::put || method == HttpMethod::patch;
}

}  // namespace

Exchange::Exchange(Wire& wire, const Url& url, const OutgoingRequest& request,
                   std::string_view user_agent, const BodySink& sink, Patience patience)
    : wire_(wire),
      url_(url),
      request_(request),
      user_agent_(user_agent),
      sink_(sink),
      patience_(std::move(patience)),
      buffer_(std::make_unique_for_overwrite<char[]>(buffer_size)) {}

Result<IncomingResponse> Exchange::run() {
  if (const auto sent = send(); !sent) {
    // A server that refuses a body answers and closes; its answer says more than the broken pipe.
    if (sent.error().code != ErrorCode::unavailable) return sent.error();
    cut_short_ = true;
    IncomingResponse response;
    if (!receive_final_head(response) || !receive_body(response)) return sent.error();
    return response;
  }
  IncomingResponse response;
  SLIPWAY_CHECK(receive_final_head(response));
  SLIPWAY_CHECK(receive_body(response));
  reusable_ = keep_alive_ && !cut_short_ && body_.done() && begin_ == end_;
  return response;
}

// ---- the request ----

std::string Exchange::head() const {
  std::string head(to_string(request_.method));
  head.append(" ").append(url_.target).append(" HTTP/1.1\r\n");
  const auto add = [&](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  if (!has_field(request_, "Host")) add("Host", url_.authority);
  if (!has_field(request_, "User-Agent")) add("User-Agent", user_agent_);
  for (const auto& [name, value] : request_.fields) add(name, value);
  if (request_.body_source && !request_.body_size)
    add("Transfer-Encoding", "chunked");
  else if (request_.body_source)
    add("Content-Length", std::to_string(*request_.body_size));
  else if (!request_.body.empty() || usually_has_body(request_.method))
    add("Content-Length", std::to_string(request_.body.size()));
  head.append("\r\n");
  return head;
}

Result<void> Exchange::send() {
  std::string bytes = head();
  if (request_.body_source) {
    SLIPWAY_CHECK(wire_.write(bytes, patience_));
    return send_from_source();
  }
  if (request_.body.size() <= joined_body) {
    bytes.append(request_.body);
    return wire_.write(bytes, patience_);
  }
  SLIPWAY_CHECK(wire_.write(bytes, patience_));
  for (std::string_view rest = request_.body; !rest.empty() && !cut_short_;) {
    const std::string_view piece = rest.substr(0, source_piece);
    SLIPWAY_CHECK(wire_.write(piece, patience_));
    rest.remove_prefix(piece.size());
    restart_clock();
    cut_short_ = wire_.has_news();
  }
  return {};
}

Result<void> Exchange::send_from_source() {
  constexpr std::size_t prefix = 18;  // sixteen digits of a chunk's size and a line break
  const bool chunked = !request_.body_size;
  std::uint64_t left = request_.body_size.value_or(0);
  std::string piece;
  for (;;) {
    piece.resize(prefix + source_piece + 2);
    const std::span<char> space(piece.data() + prefix, source_piece);
    SLIPWAY_TRY(const std::size_t size, request_.body_source(std::as_writable_bytes(space)));
    restart_clock();
    cut_short_ = wire_.has_news();
    if (cut_short_) return {};
    if (!chunked && (size > left || (size == 0 && left > 0)))
      return Error(ErrorCode::invalid_argument,
                   url_.origin.text() + ": the request's body is not as long as was said");
    if (!chunked && size == 0) return {};
    if (!chunked) {
      left -= size;
      SLIPWAY_CHECK(wire_.write({piece.data() + prefix, size}, patience_));
      if (left == 0) return {};
      continue;
    }
    std::array<char, 16> digits{};
    const char* const digits_end =
        std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
    const auto digit_count = static_cast<std::size_t>(digits_end - digits.data());
    const std::size_t begin = prefix - 2 - digit_count;
    std::copy_n(digits.data(), digit_count, piece.data() + begin);
    std::copy_n("\r\n", 2, piece.data() + prefix - 2);
    std::copy_n("\r\n", 2, piece.data() + prefix + size);  // after the last chunk: no trailers
    SLIPWAY_CHECK(wire_.write({piece.data() + begin, prefix + size + 2 - begin}, patience_));
    if (size == 0) return {};
  }
}

// ---- the answer ----

Result<std::size_t> Exchange::read(std::span<char> into) {
  SLIPWAY_TRY(const std::size_t size, wire_.read_some(into, patience_));
  answered_ = answered_ || size > 0;
  return size;
}

/// Interim answers (1xx) are read over.
Result<void> Exchange::receive_final_head(IncomingResponse& response) {
  constexpr int most_interim = 16;
  for (int i = 0; i < most_interim; ++i) {
    SLIPWAY_CHECK(receive_head(response));
    if (response.status >= 200) return {};
  }
  return Error(ErrorCode::io, url_.origin.text() + ": too many interim answers");
}

Result<void> Exchange::receive_head(IncomingResponse& response) {
  std::vector<HttpField> fields;
  std::optional<ResponseHeadParser> parser(std::in_place, fields, head_limits);
  parser->skip(request_.method == HttpMethod::head);  // its length is of a body that does not come
  std::copy(buffer_.get() + begin_, buffer_.get() + end_, buffer_.get());
  end_ -= std::exchange(begin_, 0);
  for (;;) {
    if (begin_ < end_) {
      const HeadState state = parser->parse({buffer_.get() + begin_, end_ - begin_}, begin_);
      if (state == HeadState::complete) break;
      if (state == HeadState::refused || end_ == buffer_size)
        return Error(ErrorCode::io, url_.origin.text() + ": the answer's head is malformed");
    }
    SLIPWAY_TRY(const std::size_t size, read({buffer_.get() + end_, buffer_size - end_}));
    if (size == 0)
      return Error(ErrorCode::unavailable,
                   url_.origin.text() + ": the connection was closed before an answer");
    end_ += size;
  }
  response.status = parser->status();
  response.fields.clear();
  for (const HttpField& field : fields)
    response.fields.emplace_back(std::string(field.name), std::string(field.value));
  keep_alive_ = parser->keep_alive();
  if (request_.method == HttpMethod::head || status_forbids_body(response.status))
    body_ = IncomingBody();
  else if (parser->chunked())
    body_ = IncomingBody::chunked();
  else if (const auto length = parser->content_length())
    body_ = IncomingBody::of_length(*length);
  else
    body_ = IncomingBody::until_close();
  return {};
}

Result<void> Exchange::receive_body(IncomingResponse& response) {
  for (;;) {
    const ChunkedDecoder::Step step = body_.take({buffer_.get() + begin_, end_ - begin_});
    if (body_.malformed())
      return Error(ErrorCode::io, url_.origin.text() + ": the answer's chunked body is malformed");
    SLIPWAY_CHECK(deliver(response, {buffer_.get() + begin_, step.payload}));
    begin_ += step.consumed;
    if (body_.done() || has_prefix(response)) return {};
    begin_ = end_ = 0;
    restart_clock();
    SLIPWAY_TRY(end_, read({buffer_.get(), buffer_size}));
    if (end_ > 0) continue;
    if (body_.close()) return {};
    return Error(ErrorCode::io,
                 url_.origin.text() + ": the connection was closed in the middle of the answer");
  }
}

Result<void> Exchange::deliver(IncomingResponse& response, std::span<const char> bytes) {
  if (bytes.empty()) return {};
  if (sink_ && response.status / 100 == 2) return sink_(std::as_bytes(bytes));
  if (request_.body_prefix)
    bytes = bytes.first(std::min(bytes.size(), *request_.body_prefix - response.body.size()));
  if (bytes.size() > most_kept_body - response.body.size())
    return Error(ErrorCode::too_large,
                 url_.origin.text() + ": the answer is larger than " +
                     std::to_string(most_kept_body) + " bytes; take it with a sink");
  response.body.append(bytes.data(), bytes.size());
  return {};
}

}  // namespace slipway::beast
