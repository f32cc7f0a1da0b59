#include "serve/courier.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "support/format.hpp"
#include "support/one_line.hpp"

namespace slipway {
namespace {

constexpr std::chrono::seconds patience{10};
constexpr std::size_t most_of_an_answer = std::size_t{64} << 10U;
constexpr std::size_t most_quoted = 300;
constexpr std::chrono::hours longest_wait{1};

/// In seconds (RFC 9110 section 10.2.3); a date is not understood. 0: it does not say.
std::chrono::seconds retry_after(const IncomingResponse& answer) {
  const std::string_view text = answer.field("Retry-After");
  unsigned seconds = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || stop != text.data() + text.size()) return {};
  return std::min<std::chrono::seconds>(std::chrono::seconds(seconds), longest_wait);
}

}  // namespace

OutgoingRequest bounded_post(std::string url) {
  OutgoingRequest request;
  request.method = HttpMethod::post;
  request.url = std::move(url);
  request.timeout = patience;
  request.whole_timeout = patience;
  request.body_prefix = most_of_an_answer;
  return request;
}

Attempt refuse(const Error& why) {
  Attempt attempt;
  attempt.outcome = Attempt::Outcome::refused;
  attempt.why = why.message;
  return attempt;
}

Attempt judge(const Result<IncomingResponse>& answer) {
  Attempt attempt;
  if (!answer) {
    attempt.outcome = Attempt::Outcome::failed;
    attempt.silent = true;
    attempt.why = answer.error().message;
    return attempt;
  }
  const int status = answer->status;
  if (status >= 200 && status < 300) return attempt;
  attempt.wait = retry_after(*answer);
  const bool passing = status >= 500 || status == 408 || status == 425 || status == 429 ||
                       (status == 403 && attempt.wait.count() > 0);
  attempt.outcome = passing ? Attempt::Outcome::failed : Attempt::Outcome::refused;
  attempt.why = slipway::format("it answered {}: {}", status,
                                one_line(answer->body.substr(0, most_quoted), ' '));
  return attempt;
}

}  // namespace slipway
