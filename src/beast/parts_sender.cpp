#include "beast/parts_sender.hpp"

namespace slipway::beast {

PieceSender::Next PartsSender::next(boost::asio::const_buffer& piece) {
  for (;;) {
    if (part_) {
      const Next next = part_->next(piece);
      if (next != Next::end) return next;
      part_.reset();
    }
    if (following_ == body_.parts.size()) return Next::end;
    const auto& [text, range] = body_.parts[following_++];
    if (range.length > 0) part_.emplace(ObjectBody{body_.object, range}, may_map_);
    if (text.empty()) continue;
    piece = boost::asio::const_buffer(text.data(), text.size());
    return Next::ready;
  }
}

}  // namespace slipway::beast
