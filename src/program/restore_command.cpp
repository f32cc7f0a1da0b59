#include <slipway/registry/scrub.hpp>

#include "program/client_options.hpp"
#include "program/operation_progress.hpp"
#include "program/progress_line.hpp"
#include "program/scrub_report.hpp"
#include "serve/restore.hpp"

namespace slipway {
namespace {

struct RestoreOptions {
  std::string folder;
  std::string data = "./slipway-data";
  bool json = false;
};

/// Shows on standard error how far it has come.
class ShownRun final : public OperationRun {
 public:
  void count(std::string_view name, std::uint64_t done,
             std::optional<std::uint64_t> total) override {
    progress_.set(name, done, total);
    if (line_.is_due()) line_.show(progress_.text("restore"), false);
  }
  [[nodiscard]] std::stop_token stop_token() const noexcept override { return {}; }
  void end() const { line_.show(progress_.text("restore"), true); }

 private:
  OperationProgress progress_;
  ProgressLine line_;
};

ExitStatus restore_folder(const RestoreOptions& options) {
  ShownRun run;
  const auto report = restore(options.folder, options.data, run);
  if (!report) return report_failure(report.error());
  run.end();
  const std::string json = to_json(report->scrub);
  const auto document = json::Document::parse(json);
  if (!document) return report_failure(document.error());
  const OperationOutcome outcome = describe_scrub(document->root());
  if (options.json)
    print(json + "\n");
  else
    print(slipway::format("{}restored to {}: {} objects linked, {} copied\n"
                          "it opens with the key of the folder that was backed up (secret.key)\n",
                          outcome.text, options.data, report->copied.linked,
                          report->copied.objects - report->copied.linked));
  return outcome.status;
}

}  // namespace

void add_restore_command(CLI::App& parent, Command& command) {
  const auto [app, options] = add_command(parent, "restore", "Make a data folder of a backup",
                                          command, restore_folder);
  app->add_option("FOLDER", options->folder, "The backup")->required();
  app->add_option("--data", options->data,
                  "Data folder to make, empty or not there yet (default ./slipway-data)")
      ->type_name("DIR");
  add_output_option(*app, options->json);
}

}  // namespace slipway
