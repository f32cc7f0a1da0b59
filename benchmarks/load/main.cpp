// registry_load: what compare.sh measures that common load generators cannot do.
//
//   registry_load HOST:PORT head TARGET      [--connections C] --seconds S
//   registry_load HOST:PORT push REPOSITORY  [--connections C] --count N --size BYTES
//   registry_load HOST:PORT image REPOSITORY [--connections C] --count N
//
// A push of a blob is what clients do: POST .../blobs/uploads/, then PUT to the Location that came
// back, with the whole blob and its digest (OCI distribution specification 1.1.1, "POST then PUT").
// A push of an image is that for a config and three layers of 4 KiB, then the manifest under a tag.
// All of it is new, and put together before the clock starts.
//
// Prints one line: how many a second, and the latency of one (all its requests) in milliseconds.
// Exits 1 when any answer is not the expected one.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/media_type.hpp>

#include "load/content.hpp"
#include "load/driver.hpp"

namespace slipway::load {
namespace {

using Time = std::chrono::steady_clock;

struct Options {
  Address address;
  std::string work;
  std::string subject;  // a target or a repository
  std::size_t connections = 16;
  std::size_t seconds = 1;
  std::size_t count = 1000;
  std::size_t size = 4096;
};

/// The latency of each thing that was done, in milliseconds.
class Latencies {
 public:
  void add(Time::time_point started) {
    all_.push_back(std::chrono::duration<double, std::milli>(Time::now() - started).count());
  }
  void report(double seconds) {
    std::sort(all_.begin(), all_.end());
    std::printf("per_second=%.1f p50_ms=%.3f p99_ms=%.3f\n",
                static_cast<double>(all_.size()) / seconds, percentile(0.50), percentile(0.99));
  }

 private:
  [[nodiscard]] double percentile(double share) const {
    if (all_.empty()) return 0;
    return all_[static_cast<std::size_t>(share * static_cast<double>(all_.size() - 1))];
  }

  std::vector<double> all_;
};

void expect(const Answer& answer, std::string_view status, std::string_view what) {
  if (answer.status == status) return;
  fail(std::string(what) + " was answered with " + std::string(answer.status));
}

class HeadClient final : public Client {
 public:
  HeadClient(const Options& options, Latencies& latencies)
      : latencies_(latencies),
        head_("HEAD " + options.subject + " HTTP/1.1\r\nHost: " + options.address.host +
              "\r\n\r\n"),
        end_(Time::now() + std::chrono::seconds(options.seconds)) {}

  bool next(Request& request) override {
    started_ = Time::now();
    if (started_ >= end_) return false;
    request.head = head_;
    request.head_only = true;
    return true;
  }
  void answered(const Answer& answer) override {
    expect(answer, "200", "HEAD");
    latencies_.add(started_);
  }

 private:
  Latencies& latencies_;
  const std::string head_;
  const Time::time_point end_;
  Time::time_point started_;
};

/// Takes images off a common heap and pushes them; a blob alone is an image without a manifest.
class PushClient final : public Client {
 public:
  PushClient(const Options& options, std::deque<Image>& images, Latencies& latencies)
      : path_("/v2/" + options.subject),
        host_(" HTTP/1.1\r\nHost: " + options.address.host + "\r\n"),
        images_(images),
        latencies_(latencies) {}

  bool next(Request& request) override {
    switch (step_) {
      case Step::none:
        if (images_.empty()) return false;
        image_ = std::move(images_.front());
        images_.pop_front();
        blob_ = 0;
        started_ = Time::now();
        [[fallthrough]];
      case Step::closed:
        if (blob_ == image_.blobs.size()) return put_manifest(request);
        step_ = Step::opening;
        request.head = "POST " + path_ + "/blobs/uploads/" + host_ + "Content-Length: 0\r\n\r\n";
        return true;
      case Step::opening:
      case Step::closing: return put_blob(request);
      case Step::manifest: break;
    }
    return false;
  }

  void answered(const Answer& answer) override {
    switch (step_) {
      case Step::opening:
        expect(answer, "202", "POST of an upload");
        take_location(answer.location);
        step_ = Step::closing;
        return;
      case Step::closing:
        expect(answer, "201", "PUT of an upload");
        step_ = Step::closed;
        if (++blob_ == image_.blobs.size() && image_.manifest.empty()) finish();
        return;
      case Step::manifest:
        expect(answer, "201", "PUT of a manifest");
        finish();
        return;
      case Step::none:
      case Step::closed: return;
    }
  }

 private:
  /// What was asked last, or that nothing is under way.
  enum class Step { none, opening, closing, closed, manifest };

  void finish() {
    latencies_.add(started_);
    step_ = Step::none;
  }

  void take_location(std::string_view location) {
    target_ = location;
    if (const std::size_t scheme = target_.find("://"); scheme != std::string::npos)
      target_.erase(0, target_.find('/', scheme + 3));
    target_ += target_.find('?') == std::string::npos ? "?digest=" : "&digest=";
  }

  bool put_blob(Request& request) {
    const Blob& blob = image_.blobs[blob_];
    request.head = "PUT " + target_ + blob.digest + host_ +
                   "Content-Type: application/octet-stream\r\nContent-Length: " +
                   std::to_string(blob.size()) + "\r\n\r\n" + blob.beginning;
    request.tail = blob.rest;
    return true;
  }

  bool put_manifest(Request& request) {
    step_ = Step::manifest;
    request.head = "PUT " + path_ + "/manifests/" + image_.tag + host_ +
                   "Content-Type: " + std::string(media_type::oci_manifest) +
                   "\r\nContent-Length: " + std::to_string(image_.manifest.size()) + "\r\n\r\n";
    request.tail = image_.manifest;
    return true;
  }

  const std::string path_;
  const std::string host_;  // the rest of the request line too
  std::deque<Image>& images_;
  Latencies& latencies_;
  Step step_ = Step::none;
  Image image_;
  std::size_t blob_ = 0;
  std::string target_;
  Time::time_point started_;
};

void push(const Options& options, std::deque<Image> images) {
  Latencies latencies;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < std::min(options.connections, options.count); ++i)
    clients.push_back(std::make_unique<PushClient>(options, images, latencies));
  latencies.report(drive(options.address, clients));
}

void push_blobs(const Options& options) {
  BlobMaker maker(options.size);
  std::deque<Image> images(options.count);
  for (Image& image : images) image.blobs.push_back(maker.make());
  push(options, std::move(images));
}

void push_images(const Options& options) {
  ImageMaker maker(3, 4096);
  std::deque<Image> images;
  for (std::size_t i = 0; i < options.count; ++i) images.push_back(maker.make());
  push(options, std::move(images));
}

void head(const Options& options) {
  Latencies latencies;
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < options.connections; ++i)
    clients.push_back(std::make_unique<HeadClient>(options, latencies));
  latencies.report(drive(options.address, clients));
}

std::size_t parse_number(std::string_view name, std::string_view text) {
  std::size_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size() || value == 0)
    fail(std::string(name) + ": expected a whole number above 0");
  return value;
}

Options parse_options(const std::vector<std::string_view>& words) {
  Options options;
  if (words.size() < 3) fail("expected HOST:PORT head|push|image SUBJECT");
  const std::size_t colon = words[0].find(':');
  if (colon == std::string_view::npos) fail("expected HOST:PORT first");
  options.address.host = words[0].substr(0, colon);
  options.address.port =
      static_cast<std::uint16_t>(parse_number("port", words[0].substr(colon + 1)));
  options.work = words[1];
  options.subject = words[2];
  for (std::size_t i = 3; i < words.size(); ++i) {
    const std::string_view name = words[i];
    if (++i == words.size()) fail(std::string(name) + ": expected a value");
    if (name == "--connections")
      options.connections = parse_number(name, words[i]);
    else if (name == "--seconds")
      options.seconds = parse_number(name, words[i]);
    else if (name == "--count")
      options.count = parse_number(name, words[i]);
    else if (name == "--size")
      options.size = parse_number(name, words[i]);
    else
      fail(std::string(name) + ": unknown option");
  }
  return options;
}

}  // namespace
}  // namespace slipway::load

int main(int argc, char** argv) {
  using namespace slipway::load;
  const Options options = parse_options({argv + 1, argv + argc});
  if (options.work == "head")
    head(options);
  else if (options.work == "push")
    push_blobs(options);
  else if (options.work == "image")
    push_images(options);
  else
    fail(options.work + ": expected head, push or image");
  return 0;
}
