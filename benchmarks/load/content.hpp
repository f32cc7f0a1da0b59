// What the load pushes: blobs and images, each of them new, put together before the clock starts.
//
// Thread safety: none.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::load {

/// A blob: a beginning of its own before bytes that all blobs of its size share.
struct Blob {
  std::string beginning;
  std::string_view rest;
  std::string digest;

  [[nodiscard]] std::size_t size() const noexcept { return beginning.size() + rest.size(); }
};

/// Blobs of one size.
class BlobMaker {
 public:
  explicit BlobMaker(std::size_t size);
  BlobMaker(const BlobMaker&) = delete;
  BlobMaker& operator=(const BlobMaker&) = delete;

  Blob make();

 private:
  std::size_t own_size_;
  std::mt19937_64 random_;
  std::string rest_;
};

/// A config and layers, and the manifest that names them, to be pushed under a tag.
struct Image {
  std::vector<Blob> blobs;
  std::string manifest;
  std::string tag;
};

class ImageMaker {
 public:
  ImageMaker(std::size_t layers, std::size_t layer_size);

  Image make();

 private:
  const std::size_t layers_;
  BlobMaker config_maker_;
  BlobMaker layer_maker_;
  const std::string run_;  // so that tags of several runs do not meet
  std::size_t made_ = 0;
};

}  // namespace slipway::load
