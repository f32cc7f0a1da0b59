#include "http/operation_stream.hpp"

#include <optional>
#include <utility>

#include "registry/operation_json.hpp"

namespace slipway {
namespace {

class OperationStream final : public BodyStream {
 public:
  OperationStream(Maintenance& maintenance, std::string id)
      : maintenance_(maintenance), id_(std::move(id)) {}

  State next(std::string& out) override {
    if (ended_) return State::end;
    const auto operation = maintenance_.find(id_);
    if (!operation) return State::end;  // forgotten: many have ended since
    if (told_ == operation->revision) return State::waiting;
    told_ = operation->revision;
    ended_ = operation->state != OperationState::running;
    json::Writer json;
    write_json(json, *operation);
    out.append(json.str()).append("\n");
    return State::more;
  }

  void on_ready(std::function<void()> wake) override {
    subscription_ = maintenance_.subscribe(id_, std::move(wake));
  }

 private:
  Maintenance& maintenance_;
  const std::string id_;
  std::optional<std::uint64_t> told_;
  bool ended_ = false;
  std::unique_ptr<Subscription> subscription_;
};

}  // namespace

std::unique_ptr<BodyStream> make_operation_stream(Maintenance& maintenance, std::string id) {
  return std::make_unique<OperationStream>(maintenance, std::move(id));
}

}  // namespace slipway
