// One writer of the soak: pushes, mounts, asks before it names, retags, deletes, reads, and checks
// that everything that was acknowledged to it is so.
//
// Tags and manifests are a writer's own; the layers of its images are everybody's. Nobody deletes a
// layer: only garbage collection takes those away. So whenever a writer was told that a layer is in a
// repository, a manifest that names it must be taken within the lease.
//
// Thread safety: one thread.
#pragma once

#include <chrono>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "tests/soak/client.hpp"
#include "tests/soak/contents.hpp"
#include "tests/soak/report.hpp"

namespace slipway::soak {

struct Plan {
  std::string url;
  std::string token;
  std::chrono::milliseconds lease{0};
  std::chrono::milliseconds upload_lifetime{0};
  std::size_t repositories = 6;
};

class Writer {
 public:
  Writer(const Plan& plan, const Contents& contents, Report& report, std::size_t number,
         std::uint64_t seed);

  /// One of the things that it does, chosen at random.
  void step();

  /// Reads everything that is its own, and deletes it.
  void finish();

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Layer {
    const Content* content;
    Time told;  // that it is there; its lease begins no earlier
  };
  struct Image {
    std::string repository;
    std::string json;
    std::string type;
    Digest digest = digest_of("");
    std::vector<Layer> layers;
    std::vector<std::string> tags;
  };

  std::string any_repository();
  Image& any_image();
  bool chance(unsigned percent) { return random_() % 100 < percent; }
  void wait_within_the_lease();

  Layer bring(const std::string& repository, const Content& content);
  Layer upload(const std::string& repository, const Content& content);
  Layer mount(const std::string& repository, const Content& content);
  bool has(const std::string& repository, const Digest& blob);

  void push_image();
  void push_index();
  bool put_manifest(const Image& image, const std::string& reference, Time oldest);
  void retag();
  void delete_tag();
  void delete_image(std::size_t at);
  void push_and_delete_a_blob();
  void begin_and_cancel_an_upload();
  void read(const Image& image);
  void read_layer(const Image& image, const Content& content);
  void expect(int status, int wanted, const std::string& what);

  const Plan& plan_;
  const Contents& contents_;
  Report& report_;
  const std::string name_;
  std::mt19937_64 random_;
  Client client_;
  std::deque<Image> images_;
  std::uint64_t made_ = 0;
};

}  // namespace slipway::soak
