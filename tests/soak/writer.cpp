#include "tests/soak/writer.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace slipway::soak {
namespace {

constexpr std::size_t most_images = 6;
const std::string image_type = "application/vnd.oci.image.manifest.v1+json";
const std::string index_type = "application/vnd.oci.image.index.v1+json";

std::string descriptor(std::string_view type, const Digest& digest, std::size_t size) {
  return "{\"mediaType\":\"" + std::string(type) + "\",\"digest\":\"" + digest.to_string() +
         "\",\"size\":" + std::to_string(size) + "}";
}

std::string path(const std::string& repository, std::string_view kind, const std::string& what) {
  return "/v2/" + repository + "/" + std::string(kind) + "/" + what;
}

}  // namespace

Writer::Writer(const Plan& plan, const Contents& contents, Report& report, std::size_t number,
               std::uint64_t seed)
    : plan_(plan),
      contents_(contents),
      report_(report),
      name_("w" + std::to_string(number)),
      random_(seed),
      client_(plan.url, plan.token) {}

std::string Writer::any_repository() {
  return "soak/r" + std::to_string(random_() % plan_.repositories);
}

Writer::Image& Writer::any_image() {
  return images_[random_() % images_.size()];
}

/// Not long, mostly; now and then for more than half of the lease.
void Writer::wait_within_the_lease() {
  if (!chance(3)) return;
  std::this_thread::sleep_for(plan_.lease * (random_() % 60) / 100);
}

void Writer::expect(int status, int wanted, const std::string& what) {
  if (status != wanted)
    report_.violation(name_ + ": " + what + ": " + std::to_string(status) + ", not " +
                      std::to_string(wanted));
}

bool Writer::has(const std::string& repository, const Digest& blob) {
  const auto head = client_.send(HttpMethod::head, path(repository, "blobs", blob.to_string()));
  report_.count("HEAD of a blob");
  if (head.status != 200 && head.status != 404) expect(head.status, 200, "HEAD " + blob.to_string());
  report_.note(head.status == 200 ? "HEADs that hit" : "HEADs that missed");
  return head.status == 200;
}

Writer::Layer Writer::upload(const std::string& repository, const Content& content) {
  const Time began = std::chrono::steady_clock::now();
  const bool in_steps = chance(50);
  const int status = in_steps
                         ? client_.push_blob_in_steps(repository, content.digest, content.bytes)
                         : client_.push_blob(repository, content.digest, content.bytes);
  report_.count(in_steps ? "blob pushed in steps" : "blob pushed at once");
  const bool late = std::chrono::steady_clock::now() - began > plan_.upload_lifetime;
  if (status == 404 && in_steps && late) {
    report_.note("uploads that took too long");
    return upload(repository, content);
  }
  expect(status, 201, "push of a blob");
  return {&content, began};
}

Writer::Layer Writer::mount(const std::string& repository, const Content& content) {
  const Time began = std::chrono::steady_clock::now();
  const auto mounted =
      client_.send(HttpMethod::post, "/v2/" + repository + "/blobs/uploads/?mount=" +
                                         content.digest.to_string() + "&from=" + any_repository());
  report_.count("mount");
  report_.note(mounted.status == 201 ? "mounts that hit" : "mounts that missed");
  if (mounted.status == 201) return {&content, began};
  expect(mounted.status, 202, "a mount that finds nothing");
  const int status = client_.push_into(mounted, content.digest, content.bytes);
  const bool late = std::chrono::steady_clock::now() - began > plan_.upload_lifetime;
  if (status == 404 && late) return upload(repository, content);
  expect(status, 201, "push after a mount that found nothing");
  return {&content, began};
}

Writer::Layer Writer::bring(const std::string& repository, const Content& content) {
  if (chance(60)) {
    const Time asked = std::chrono::steady_clock::now();
    if (has(repository, content.digest)) return {&content, asked};
  }
  return chance(40) ? mount(repository, content) : upload(repository, content);
}

/// `oldest` is when the first of what it names was known to be there.
bool Writer::put_manifest(const Image& image, const std::string& reference, Time oldest) {
  const auto put = client_.send(HttpMethod::put, path(image.repository, "manifests", reference),
                                image.json, image.type);
  report_.count("push of a manifest");
  if (put.status == 201) return true;
  if (std::chrono::steady_clock::now() - oldest > plan_.lease) {
    report_.note("manifests that came after the lease");
    return false;
  }
  report_.violation(name_ + ": unknown blob? push of a manifest: " + std::to_string(put.status) +
                    " " + put.body);
  return false;
}

void Writer::push_image() {
  Image image;
  image.repository = any_repository();
  image.type = image_type;
  Time oldest = std::chrono::steady_clock::now();
  std::string layers;
  for (std::uint64_t i = 1 + random_() % 3; i > 0; --i) {
    const Content& content = contents_.pick(random_);
    image.layers.push_back(bring(image.repository, content));
    oldest = std::min(oldest, image.layers.back().told);
    layers += (layers.empty() ? "" : ",") + descriptor("application/vnd.oci.image.layer.v1.tar",
                                                       content.digest, content.bytes.size());
    wait_within_the_lease();
  }
  const std::string config =
      "{\"author\":\"" + name_ + "\",\"comment\":\"" + std::to_string(++made_) + "\"}";
  const Content own{config, digest_of(config)};
  upload(image.repository, own);
  wait_within_the_lease();
  image.json = "{\"schemaVersion\":2,\"mediaType\":\"" + image_type + "\",\"config\":" +
               descriptor("application/vnd.oci.image.config.v1+json", own.digest, config.size()) +
               ",\"layers\":[" + layers + "]}";
  image.digest = digest_of(image.json);
  const std::string tag = name_ + "-" + std::to_string(made_);
  const bool tagged = chance(70);
  if (!put_manifest(image, tagged ? tag : image.digest.to_string(), oldest)) return;
  if (tagged) image.tags.push_back(tag);
  images_.push_back(std::move(image));
}

/// Over one of its images; it is kept as an image of its own for a while.
void Writer::push_index() {
  const Image& child = any_image();
  const auto head = client_.send(HttpMethod::head, path(child.repository, "manifests",
                                                        child.digest.to_string()));
  report_.count("HEAD of a manifest");
  expect(head.status, 200, "HEAD of a manifest");
  Image index;
  index.repository = child.repository;
  index.type = index_type;
  index.json = "{\"schemaVersion\":2,\"mediaType\":\"" + index_type + "\",\"manifests\":[" +
               descriptor(child.type, child.digest, child.json.size()) +
               "],\"annotations\":{\"by\":\"" + name_ + "-" + std::to_string(++made_) + "\"}}";
  index.digest = digest_of(index.json);
  if (put_manifest(index, index.digest.to_string(), std::chrono::steady_clock::now()))
    images_.push_back(std::move(index));
}

void Writer::retag() {
  Image& image = any_image();
  Image& other = any_image();
  // A tag of another image of the repository moves here, or there is a new one.
  const bool moves = &image != &other && image.repository == other.repository && !other.tags.empty();
  const std::string tag = moves ? other.tags.back() : name_ + "-" + std::to_string(++made_);
  if (!put_manifest(image, tag, std::chrono::steady_clock::now())) return;
  report_.note(moves ? "tags moved" : "tags added");
  if (moves) other.tags.pop_back();
  image.tags.push_back(tag);
}

void Writer::delete_tag() {
  Image& image = any_image();
  if (image.tags.empty()) return;
  const auto gone =
      client_.send(HttpMethod::delete_, path(image.repository, "manifests", image.tags.back()));
  report_.count("delete of a tag");
  expect(gone.status, 202, "delete of a tag");
  image.tags.pop_back();
  read(image);  // by its digest still
}

void Writer::delete_image(std::size_t at) {
  const Image& image = images_[at];
  const std::string target = path(image.repository, "manifests", image.digest.to_string());
  const auto gone = client_.send(HttpMethod::delete_, target);
  report_.count("delete of a manifest");
  expect(gone.status, 202, "delete of a manifest");
  expect(client_.send(HttpMethod::get, target).status, 404, "GET of a deleted manifest");
  images_.erase(images_.begin() + static_cast<std::ptrdiff_t>(at));
}

void Writer::push_and_delete_a_blob() {
  const std::string repository = any_repository();
  const std::string bytes = random_bytes(random_, chance(50) ? 100 : 40'000);
  const Content own{bytes, digest_of(bytes)};
  const Time told = upload(repository, own).told;
  if (!has(repository, own.digest) && std::chrono::steady_clock::now() - told < plan_.lease)
    report_.violation(name_ + ": unknown blob: it was pushed just now");
  const std::string target = path(repository, "blobs", own.digest.to_string());
  const int gone = client_.send(HttpMethod::delete_, target).status;
  report_.count("delete of a blob");
  if (std::chrono::steady_clock::now() - told < plan_.lease) expect(gone, 202, "delete of a blob");
  if (chance(30)) upload(repository, own);  // the same again
  else if (has(repository, own.digest)) report_.violation(name_ + ": a deleted blob is there");
}

void Writer::begin_and_cancel_an_upload() {
  const auto opened = client_.send(HttpMethod::post, "/v2/" + any_repository() + "/blobs/uploads/");
  expect(opened.status, 202, "begin of an upload");
  const auto sent = client_.send(HttpMethod::patch, std::string(opened.field("Location")),
                                 random_bytes(random_, 50'000), "application/octet-stream");
  expect(sent.status, 202, "a chunk");
  expect(client_.send(HttpMethod::delete_, std::string(sent.field("Location"))).status, 204,
         "cancel of an upload");
  report_.count("upload cancelled");
}

void Writer::read_layer(const Image& image, const Content& content) {
  const auto got =
      client_.send(HttpMethod::get, path(image.repository, "blobs", content.digest.to_string()));
  report_.count("GET of a blob");
  if (got.status != 200 || got.body != content.bytes)
    report_.violation(name_ + ": unknown blob: " + content.digest.to_string() + " of image " +
                      image.digest.to_string() + " in " + image.repository + ": " +
                      std::to_string(got.status));
}

void Writer::read(const Image& image) {
  const bool by_tag = !image.tags.empty() && chance(50);
  const auto got = client_.send(
      HttpMethod::get, path(image.repository, "manifests",
                            by_tag ? image.tags[random_() % image.tags.size()]
                                   : image.digest.to_string()));
  report_.count("GET of a manifest");
  expect(got.status, 200, "GET of manifest " + image.digest.to_string());
  if (got.status == 200 && got.body != image.json)
    report_.violation(name_ + ": another manifest than was pushed");
  if (!image.layers.empty())
    read_layer(image, *image.layers[random_() % image.layers.size()].content);
}

void Writer::step() {
  const std::uint64_t dice = random_() % 100;
  if (images_.size() < 2 || dice < 35) {
    push_image();
    // The oldest go; an index before what it names, since it came later, may outlive it.
    while (images_.size() > most_images) delete_image(random_() % images_.size());
  } else if (dice < 60) {
    read(any_image());
  } else if (dice < 70) {
    retag();
  } else if (dice < 77) {
    delete_tag();
  } else if (dice < 82) {
    delete_image(random_() % images_.size());
  } else if (dice < 88) {
    push_index();
  } else if (dice < 94) {
    push_and_delete_a_blob();
  } else if (dice < 97) {
    begin_and_cancel_an_upload();
  } else {
    (void)has(any_repository(), contents_.pick(random_).digest);
  }
}

void Writer::finish() {
  for (const Image& image : images_) {
    read(image);
    for (const Layer& layer : image.layers) read_layer(image, *layer.content);
  }
  while (!images_.empty()) delete_image(0);
}

}  // namespace slipway::soak
