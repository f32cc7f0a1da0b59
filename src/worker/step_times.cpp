#include "worker/step_times.hpp"

#include <chrono>
#include <utility>

#include "support/format.hpp"
#include "support/readable_duration.hpp"

namespace slipway {
namespace {

/// A reader of the beginning of a line that may go on.
class LineBegin {
 public:
  explicit LineBegin(std::string_view text) : text_(text) {}

  /// False: something else stands here. At the end of what there is it may still come.
  bool word(std::string_view expected) {
    const std::string_view there = text_.substr(at_, expected.size());
    if (!expected.starts_with(there)) return false;
    at_ += there.size();
    cut_ = cut_ || there.size() < expected.size();
    return true;
  }
  bool number() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && at_ - begin < 6) ++at_;
    cut_ = cut_ || at_ == text_.size();
    return at_ > begin || cut_;
  }
  bool fraction() { return number() && word("/") && number(); }

  [[nodiscard]] bool starts_with(char c) const { return at_ < text_.size() && text_[at_] == c; }
  [[nodiscard]] bool is_cut() const noexcept { return cut_; }
  [[nodiscard]] std::string_view passed() const { return text_.substr(0, at_); }

 private:
  const std::string_view text_;
  std::size_t at_ = 0;
  bool cut_ = false;  // more is needed to tell
};

enum class Kind { other, unknown, step, commit };

struct LineKind {
  Kind kind = Kind::other;
  std::string_view step = {};  // without the colon
};

LineKind kind_of(std::string_view begin) {
  LineBegin line(begin);
  if (line.starts_with('[') && !(line.word("[") && line.fraction() && line.word("] "))) return {};
  if (line.is_cut()) return {Kind::unknown};
  if (line.starts_with('C')) {
    if (!line.word("COMMIT")) return {};
    return {line.is_cut() ? Kind::unknown : Kind::commit};
  }
  if (!line.word("STEP ") || !line.fraction()) return {};
  const std::string_view step = line.passed();
  if (!line.word(": ")) return {};
  return line.is_cut() ? LineKind{Kind::unknown} : LineKind{Kind::step, step};
}

}  // namespace

void StepTimes::pass(std::string_view bytes, MonotonicTime now, const Out& out) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    if (line_begins_) {
      held_.push_back(bytes[at++]);
      const LineKind line = kind_of(held_);
      if (line.kind == Kind::unknown) continue;
      if (line.kind != Kind::other) end_step(now, text);
      if (line.kind == Kind::step) {
        step_ = line.step;
        began_ = now;
      }
      text.append(held_);
      line_begins_ = held_.back() == '\n';
      held_.clear();
      continue;
    }
    const std::size_t end = bytes.find('\n', at);
    const std::size_t size = (end == bytes.npos ? bytes.size() : end + 1) - at;
    text.append(bytes.substr(at, size));
    at += size;
    line_begins_ = end != bytes.npos;
  }
  if (!text.empty()) out(text);
}

void StepTimes::finish(MonotonicTime now, const Out& out) {
  std::string text = std::exchange(held_, {});
  const bool within_line = !text.empty() || !line_begins_;
  if (!step_.empty() && within_line) text.push_back('\n');
  end_step(now, text);
  line_begins_ = text.empty() ? line_begins_ : text.back() == '\n';
  if (!text.empty()) out(text);
}

void StepTimes::end_step(MonotonicTime now, std::string& text) {
  if (step_.empty()) return;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - began_);
  text += slipway::format("==> {} took {}\n", step_, readable_duration(took));
  step_.clear();
}

}  // namespace slipway
