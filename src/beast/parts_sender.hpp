// PartsSender: texts and parts of an object in turn, for an I/O thread that must not wait for a disk.
//
// One part at a time has a mapping or a buffer (see ObjectSender), however many there are.
//
// Thread safety: none; `next` and `warm` are never called at once.
#pragma once

#include <cstddef>
#include <optional>

#include "beast/object_sender.hpp"

namespace slipway::beast {

class PartsSender final : public PieceSender {
 public:
  /// As ObjectSender's.
  PartsSender(ObjectPartsBody body, bool may_map) : body_(std::move(body)), may_map_(may_map) {}

  Next next(boost::asio::const_buffer& piece) override;
  /// REQUIRES: next answered cold.
  void warm() override { part_->warm(); }

 private:
  const ObjectPartsBody body_;
  const bool may_map_;
  std::size_t following_ = 0;         // the part whose text comes next
  std::optional<ObjectSender> part_;  // the bytes behind the text that was handed out last
};

}  // namespace slipway::beast
