// ObjectSender: the bytes of an object, piece by piece, for an I/O thread that must not wait for a
// disk. PieceSender is what a connection knows of it; parts_sender.hpp is another.
//
// Whether a piece is in the page cache is asked first: preadv2 with RWF_NOWAIT for pieces that are
// copied, cachestat or mincore for those that are sent from a mapping. What is not is brought in by `warm` on a
// thread that may block.
//
// Thread safety: none; `next` and `warm` are never called at once.
#pragma once

#include <cstddef>
#include <memory>

#include <boost/asio/buffer.hpp>

#include <slipway/http/message.hpp>

namespace slipway::beast {

class PieceSender {
 public:
  enum class Next {
    ready,   // `piece` is the next one, valid until the next call
    cold,    // call warm on a thread that may block, then next again
    end,     // everything was handed out
    broken,  // it cannot be read: the answer cannot be completed
  };

  virtual ~PieceSender() = default;

  virtual Next next(boost::asio::const_buffer& piece) = 0;
  virtual void warm() = 0;
};

class ObjectSender final : public PieceSender {
 public:
  /// `may_map`: pieces may refer to the page cache itself. False where they are copied anyway (TLS).
  ObjectSender(ObjectBody body, bool may_map);
  ~ObjectSender() override;
  ObjectSender(const ObjectSender&) = delete;
  ObjectSender& operator=(const ObjectSender&) = delete;

  Next next(boost::asio::const_buffer& piece) override;
  void warm() override;

 private:
  Next next_mapped(boost::asio::const_buffer& piece);
  Next next_copied(boost::asio::const_buffer& piece);
  Next hand_out(const char* data, std::size_t size, boost::asio::const_buffer& piece);
  [[nodiscard]] std::size_t piece_size(std::size_t most) const noexcept;
  [[nodiscard]] bool resident(std::size_t size);
  void map();
  void allocate();

  const ObjectBody body_;
  std::uint64_t offset_;  // of the next piece
  char* mapping_ = nullptr;
  std::uint64_t mapping_offset_ = 0;
  std::size_t mapping_size_ = 0;
  std::unique_ptr<char[]> buffer_;
  std::size_t read_ahead_ = 0;  // bytes of the next piece that lie in buffer_
  bool broken_ = false;
  bool warmed_ = false;
};

}  // namespace slipway::beast
