// Courier: what carries one kind of things from the outbox to where they go.
//
// Thread safety: from many threads at once.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include <slipway/core/result.hpp>
#include <slipway/http/transport.hpp>
#include <slipway/storage/metadata_store.hpp>

#include "notify/outbox.hpp"

namespace slipway {

/// What became of one attempt.
struct Attempt {
  enum class Outcome {
    done,     // sent, or there is nothing to be sent any more
    refused,  // for good: another attempt would be refused too
    failed,   // the other side is not well or cannot be reached: again later
  };

  Outcome outcome = Outcome::done;
  bool silent = false;  // the other side did not answer at all
  std::chrono::seconds wait{0};  // it asks to be left alone for so long
  std::string why;      // unless it is done

  /// Runs in the transaction that takes the item out of the outbox or postpones it, after that; may
  /// be empty.
  std::function<Result<void>(WriteTransaction&)> record = {};
};

class Courier {
 public:
  virtual ~Courier() = default;

  /// Errors: those of the store; the item then stays as it is.
  virtual Result<Attempt> carry(const OutboxItem& item, const std::stop_token& stop) = 0;
};

/// What every request to others has: no more than 10 s in all, no more than 64 KiB of an answer.
OutgoingRequest bounded_post(std::string url);

/// What the operator does not allow: for good.
Attempt refuse(const Error& why);

/// 2xx is done; no answer, 5xx, 408, 425, 429, and 403 with Retry-After (GitHub's way to limit rates)
/// are failures that pass; the rest refuses, redirects too.
Attempt judge(const Result<IncomingResponse>& answer);

}  // namespace slipway
