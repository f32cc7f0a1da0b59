#include "tests/crash/world.hpp"

#include <array>
#include <random>
#include <utility>

#include <slipway/support/hasher.hpp>

namespace slipway::crash {

namespace {

std::string descriptor(std::string_view type, const Content& content) {
  return "{\"mediaType\":\"" + std::string(type) + "\",\"digest\":\"" + content.digest.to_string() +
         "\",\"size\":" + std::to_string(content.bytes.size()) + "}";
}

}  // namespace

RegistryOptions registry_options() {
  RegistryOptions options;
  options.lease = lease;
  options.upload_lifetime = upload_lifetime;
  return options;
}

RetentionRule retention_rule() {
  return {.repositories = "app/web",
          .tags = {"v2"},
          .keep_for = lease.promised * 2,
          .untagged_after = lease.promised * 3};
}

Content make_content(std::uint64_t seed, std::size_t size) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  const Digest digest = digest_of(bytes);
  return {std::move(bytes), digest};
}

Image make_image(const std::vector<Content>& blobs, std::vector<std::size_t> used,
                 std::uint64_t number, const Image* subject) {
  std::string json = "{\"schemaVersion\":2,\"mediaType\":\"" + std::string(image_type) +
                     "\",\"config\":" +
                     descriptor("application/vnd.oci.image.config.v1+json", blobs[used.front()]) +
                     ",\"layers\":[";
  for (std::size_t i = 1; i < used.size(); ++i)
    json += (i == 1 ? "" : ",") +
            descriptor("application/vnd.oci.image.layer.v1.tar", blobs[used[i]]);
  json += "],\"annotations\":{\"number\":\"" + std::to_string(number) + "\"}";
  if (subject != nullptr) json += ",\"subject\":" + descriptor(image_type, subject->manifest);
  json += "}";
  const Digest digest = digest_of(json);
  return {{std::move(json), digest}, std::move(used)};
}

World::World(std::uint64_t seed)
    : seed_(seed), clock_(*parse_rfc3339("2026-11-24T09:05:03.007Z")) {
  for (const char* name : {"app/web", "app/api", "base"})
    repositories_.push_back(*RepositoryName::parse(name));
  for (const char* name : {"latest", "v1", "v2"}) tags_.push_back(*Tag::parse(name));
  constexpr std::array<std::size_t, 14> sizes = {0,    2,    511,  1024, 1990, 2500,  4000,
                                                 4096, 4097, 5120, 8191, 9000, 12288, 17000};
  for (const std::size_t size : sizes)
    blobs_.push_back(make_content(seed_ + 1000 * blobs_.size(), size));
  std::mt19937_64 random(seed_);
  for (std::uint64_t number = 0; number < 8; ++number) {
    std::vector<std::size_t> used = {number % 4 + 1};
    for (std::uint64_t layer = 0; layer <= number % 3; ++layer)
      used.push_back(random() % blobs_.size());
    images_.push_back(make_image(blobs_, std::move(used), number,
                                 number % 3 == 2 ? &images_.back() : nullptr));
  }
}

void World::let_pass(std::chrono::minutes time) {
  const std::lock_guard lock(time_);
  clock_.advance(time);
}

std::uint64_t World::add(Action action) {
  action.at = clock_.now();
  const std::lock_guard lock(mutex_);
  actions_.push_back(std::move(action));
  return actions_.size() - 1;
}

void World::set_effects(std::uint64_t action, std::vector<Effect> effects) {
  const std::lock_guard lock(mutex_);
  actions_[action].effects = std::move(effects);
}

void World::put_upload(Upload upload) {
  const std::lock_guard lock(mutex_);
  uploads_.push_back(std::move(upload));
}

std::optional<Upload> World::take_upload(std::uint64_t random) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < uploads_.size(); ++i) {
    const std::size_t index = (random + i) % uploads_.size();
    if (uploads_[index].ended) continue;
    Upload upload = std::move(uploads_[index]);
    uploads_.erase(uploads_.begin() + static_cast<std::ptrdiff_t>(index));
    return upload;
  }
  return std::nullopt;
}

void World::forget_unanswered(const History& history) {
  std::erase_if(uploads_, [&](const Upload& u) { return !history.acknowledged(u.opened); });
  for (Upload& upload : uploads_) {
    std::erase_if(upload.turns,
                  [&](const Upload::Turn& turn) { return !history.acknowledged(turn.action); });
    const auto ends =
        history.allowed({Fact::Kind::upload, upload.repository.str(), upload.id});
    upload.ended = !ends.contains(Value());
    upload.was_ending = ends.size() > 1;
  }
}

void World::complain(std::string problem) {
  const std::lock_guard lock(mutex_);
  problems_.push_back(std::move(problem));
}

}  // namespace slipway::crash
