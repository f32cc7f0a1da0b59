// slipway._slipway: the compiled half of the Python package; slipway/__init__.py is the other.
//
// Every call that takes a lock or does I/O runs without the interpreter's lock. Errors become
// exceptions of the package, by code.
#include <pybind11/chrono.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/reference.hpp>
#include <slipway/support/hasher.hpp>
#include <slipway/support/log.hpp>
#include <slipway/support/metrics.hpp>

#include "build/build_json.hpp"
#include "config/configuration.hpp"
#include "serve/embedded_builds.hpp"
#include "serve/engine.hpp"
#include "serve/server.hpp"

namespace {

namespace py = pybind11;
using namespace slipway;

/// A failed Result on its way to becoming a Python exception.
struct Failure {
  Error error;
};

/// Runs without the interpreter's lock; throws the error.
template <class Function>
auto blocking(Function&& function) {
  auto result = [&] {
    const py::gil_scoped_release unlocked;
    return function();
  }();
  if (!result) throw Failure{result.error()};
  if constexpr (!std::is_void_v<typename decltype(result)::value_type>)
    return std::move(result).value();
}

template <class T>
T unwrap(Result<T> result) {
  if (!result) throw Failure{result.error()};
  return std::move(result).value();
}

/// slipway.errors' class for each code, found by name when the first one is raised.
void raise(const Failure& failure) {
  const py::object errors = py::module_::import("slipway.errors");
  const py::object type = errors.attr("by_code")(std::string(to_string(failure.error.code)));
  PyErr_SetObject(type.ptr(), type(failure.error.message).ptr());
}

/// A look at any object with the buffer protocol, in one piece.
class BytesView {
 public:
  explicit BytesView(const py::buffer& buffer) : info_(buffer.request()) {
    py::ssize_t expected = info_.itemsize;
    for (auto axis = info_.ndim; axis-- > 0;) {
      const auto at = static_cast<std::size_t>(axis);
      if (info_.shape[at] > 1 && info_.strides[at] != expected)
        throw py::value_error("the buffer must be contiguous");
      expected *= info_.shape[at];
    }
  }
  [[nodiscard]] std::string_view view() const {
    return {static_cast<const char*>(info_.ptr),
            static_cast<std::size_t>(info_.size * info_.itemsize)};
  }

 private:
  py::buffer_info info_;
};

struct Store {
  std::unique_ptr<Engine> engine;

  Engine& open() const {
    if (engine) return *engine;
    throw Failure{Error(ErrorCode::invalid_argument, "the store is closed")};
  }
};

using StorePointer = std::shared_ptr<Store>;

StorePointer open_store(const std::filesystem::path& folder) {
  auto engine = blocking([&] { return Engine::open(folder); });
  return std::make_shared<Store>(Store{std::move(engine)});
}

std::string put_blob(const Store& store, const std::string& repository, const py::buffer& data) {
  const RepositoryName name = unwrap(RepositoryName::parse(repository));
  const BytesView bytes(data);
  return blocking([&] {
           return store.open().registry().put_blob(name, digest_of(bytes.view()), bytes.view());
         }).digest.to_string();
}

py::bytes get_blob(const Store& store, const std::string& repository, const std::string& digest) {
  const RepositoryName name = unwrap(RepositoryName::parse(repository));
  const Digest wanted = unwrap(Digest::parse(digest));
  return py::bytes(blocking([&]() -> Result<std::string> {
    SLIPWAY_TRY(const Blob blob, store.open().registry().open_blob(name, wanted));
    return read_whole_blob(blob);
  }));
}

std::string put_manifest(const Store& store, const std::string& repository,
                         const std::string& reference, const py::buffer& data,
                         const std::string& media_type) {
  const RepositoryName name = unwrap(RepositoryName::parse(repository));
  const Reference wanted = unwrap(parse_reference(reference));
  const BytesView bytes(data);
  return blocking([&] {
           return store.open().registry().put_manifest(name, wanted, bytes.view(), media_type);
         }).manifest.digest.to_string();
}

py::tuple get_manifest(const Store& store, const std::string& repository,
                       const std::string& reference) {
  const RepositoryName name = unwrap(RepositoryName::parse(repository));
  const Reference wanted = unwrap(parse_reference(reference));
  std::string bytes;
  const ManifestInfo info =
      blocking([&] { return store.open().registry().read_manifest(name, wanted, bytes); });
  return py::make_tuple(py::bytes(bytes), info.media_type, info.digest.to_string());
}

py::tuple list_tags(const Store& store, const std::string& repository, const std::string& last,
                    std::size_t limit) {
  const RepositoryName name = unwrap(RepositoryName::parse(repository));
  const TagPage page = blocking([&] { return store.open().registry().tags(name, last, limit); });
  return py::make_tuple(page.tags, page.more);
}

/// The build as JSON. One of `context` and `git` is given.
std::string submit(const Store& store, const std::string& repository,
                   const std::optional<std::filesystem::path>& context,
                   const std::optional<std::string>& git, const std::string& ref,
                   const std::string& commit, const std::string& dockerfile,
                   const std::string& target, const std::map<std::string, std::string>& args,
                   const std::vector<std::string>& tags) {
  const RepositoryName name = unwrap(RepositoryName::parse(repository));
  return to_json(blocking([&]() -> Result<Build> {
    Engine& engine = store.open();
    BuildRequest request(name, GitSource{git.value_or(""), ref, commit});
    request.dockerfile = dockerfile;
    request.target = target;
    request.args = args;
    request.tags = tags;
    if (context) {
      SLIPWAY_TRY(request.source, store_context(engine, name, *context, dockerfile));
    }
    SLIPWAY_CHECK(check_build_request(request));
    return engine.queue().submit(request);
  }));
}

std::string find_build(const Store& store, const std::string& id) {
  return to_json(blocking([&] { return store.open().queue().find(id); }));
}

/// In short turns, so that a person's interrupt is heard.
std::string wait_for(const Store& store, const std::string& id, double seconds) {
  using std::chrono::milliseconds;
  constexpr milliseconds turn(100);
  const double bounded = std::clamp(std::isnan(seconds) ? 0.0 : seconds, 0.0, 1e9);
  milliseconds left(static_cast<std::int64_t>(bounded * 1000));
  while (true) {
    const milliseconds now = std::min(left, turn);
    const Build build = blocking([&] { return wait_for_build(store.open(), id, now); });
    left -= now;
    if (is_final(build.state) || left <= milliseconds::zero()) return to_json(build);
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  }
}

py::bytes read_log(const Store& store, const std::string& id, std::uint64_t offset) {
  return py::bytes(blocking([&] { return read_whole_log(store.open(), id, offset); }));
}

struct RunningServer {
  StorePointer store;  // outlives the server
  std::unique_ptr<Server> server;
};

std::unique_ptr<RunningServer> serve(const StorePointer& store, const std::string& listen,
                                     const std::filesystem::path& program, unsigned slots,
                                     const std::vector<std::string>& git_protocols) {
  Configuration configuration;
  configuration.listen = unwrap(parse_listen_address(listen));
  configuration.builds.git_protocols = git_protocols;
  configuration.builds.backends.front().slots = slots;
  configuration.builds.backends.front().program = program;
  auto server = blocking(
      [&] { return start_server(store->open(), configuration, Log::none(), Metrics::none()); });
  return std::make_unique<RunningServer>(RunningServer{store, std::move(server)});
}

void stop(RunningServer& running) {
  const py::gil_scoped_release unlocked;
  if (running.server) running.server->drain();
  running.server.reset();
}

}  // namespace

PYBIND11_MODULE(_slipway, module) {
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Failure& failure) {
      raise(failure);
    }
  });

  py::class_<Store, StorePointer>(module, "Store")
      .def(py::init(&open_store), py::arg("folder"))
      .def("close",
           [](Store& store) {
             const py::gil_scoped_release unlocked;
             store.engine.reset();
           })
      .def("put_blob", &put_blob)
      .def("get_blob", &get_blob)
      .def("put_manifest", &put_manifest)
      .def("get_manifest", &get_manifest)
      .def("list_tags", &list_tags)
      .def("submit", &submit)
      .def("find_build", &find_build)
      .def("wait_for", &wait_for)
      .def("read_log", &read_log)
      .def("serve", &serve);

  py::class_<RunningServer>(module, "Server")
      .def_property_readonly("url",
                             [](const RunningServer& running) {
                               return running.server ? running.server->url() : std::string();
                             })
      .def("stop", &stop);
}
