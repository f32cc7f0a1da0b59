#include "program/image_name.hpp"

#include "support/format.hpp"

namespace slipway {

Reference ImageName::reference_or_latest() const {
  return reference ? *reference : Reference(*Tag::parse("latest"));
}

Result<ImageName> parse_image_name(std::string_view text) {
  const std::size_t at = text.find('@');
  const std::size_t mark = at != std::string_view::npos ? at : text.find(':');
  const std::string_view name = text.substr(0, mark);
  auto repository = RepositoryName::parse(name);
  if (!repository) return repository.error();
  if (mark == std::string_view::npos) return ImageName{std::move(*repository), std::nullopt};
  const std::string_view rest = text.substr(mark + 1);
  if (at != std::string_view::npos) {
    SLIPWAY_TRY(const Digest digest, Digest::parse(rest));
    return ImageName{std::move(*repository), digest};
  }
  if (rest.find('/') != std::string_view::npos)
    return Error(ErrorCode::invalid_argument,
                 slipway::format("\"{}\": the server is named by --url, an image by REPO:TAG or "
                                 "REPO@DIGEST alone",
                                 text.substr(0, 300)));
  SLIPWAY_TRY(Tag tag, Tag::parse(rest));
  return ImageName{std::move(*repository), Reference(std::move(tag))};
}

std::string image_name(const RepositoryName& repository, const Reference& reference) {
  return slipway::format("{}{}{}", repository.str(),
                         std::holds_alternative<Tag>(reference) ? ':' : '@',
                         to_string(reference));
}

}  // namespace slipway
