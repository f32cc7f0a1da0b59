#include "tests/crash/disk.hpp"

#include <algorithm>
#include <utility>

namespace slipway::crash {

using Kind = Entry::Kind;

Disk::Disk(IgnoredFlush ignored) : ignored_(std::move(ignored)) {
  inodes_.emplace_back(File{});    // none
  inodes_.emplace_back(Folder{});  // root
}

Disk::Inode Disk::make(std::variant<File, Folder> content) {
  inodes_.push_back(std::move(content));
  return inodes_.size() - 1;
}

/// As programs see it.
Disk::Inode Disk::find(const Place& place) const {
  const auto& folder = std::get<Folder>(inodes_[place.folder]);
  const auto found = folder.find(place.name);
  return found == folder.end() ? none : found->second.back().inode;
}

std::optional<Disk::Place> Disk::place_of(const std::string& path) const {
  Inode folder = root;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = path.find('/', begin);
    const std::string name = path.substr(begin, end - begin);
    if (end == std::string::npos) return Place{folder, name};
    folder = find({folder, name});
    if (folder == none || !std::holds_alternative<Folder>(inodes_[folder])) return std::nullopt;
    begin = end + 1;
  }
}

void Disk::change(const Place& place, NameVersion version) {
  Name& name = std::get<Folder>(inodes_[place.folder])[place.name];
  if (name.empty()) name.emplace_back();  // nothing was there
  version.time = time_;
  name.push_back(std::move(version));
}

Disk::File* Disk::file_of(std::uint64_t handle) {
  const auto found = handles_.find(handle);
  return found == handles_.end() ? nullptr : std::get_if<File>(&inodes_[found->second]);
}

void Disk::fail(const Entry& entry) {
  if (!problem_) problem_ = "entry " + std::to_string(time_) + ": " + describe(entry);
}

void Disk::apply(const Entry& entry) {
  ++time_;
  switch (entry.kind) {
    case Kind::open:
      return apply_open(entry);
    case Kind::write:
    case Kind::written_through:
    case Kind::truncate:
    case Kind::map:
      return apply_bytes(entry);
    case Kind::make_folder:
    case Kind::remove:
    case Kind::rename:
    case Kind::link:
      return apply_names(entry);
    case Kind::flush_begin:
      flushes_[entry.flush] = {time_, entry.number};
      return;
    case Kind::flush_end:
      return apply_flush_end(entry);
    case Kind::not_modelled:
      return fail(entry);
    case Kind::kill:
      handles_.clear();
      flushes_.clear();
      return;
    case Kind::begin:
    case Kind::succeed:
    case Kind::fail:
      return;
  }
}

void Disk::apply_open(const Entry& entry) {
  handle_paths_[entry.number] = entry.path;
  if (entry.path.empty()) {
    handles_[entry.number] = root;
    return;
  }
  const auto place = place_of(entry.path);
  if (!place) return fail(entry);
  if (entry.made) change(*place, {.inode = make(File{})});
  const Inode inode = find(*place);
  if (inode == none) return fail(entry);
  handles_[entry.number] = inode;
}

void Disk::apply_bytes(const Entry& entry) {
  File* file = file_of(entry.number);
  if (file == nullptr) return fail(entry);
  if (entry.kind == Kind::write)
    file->versions.write(time_, entry.offset, entry.bytes);
  else if (entry.kind == Kind::truncate)
    file->versions.truncate(time_, entry.size);
  else if (entry.kind == Kind::map)
    file->unknown = true;
  else if (!ignored_ || !ignored_(handle_paths_[entry.number] + " (written through at " +
                                  std::to_string(entry.offset) + ")"))
    file->versions.write_through(entry.offset, entry.size);
}

void Disk::apply_names(const Entry& entry) {
  const auto place = place_of(entry.path);
  const auto target = entry.target.empty() ? place : place_of(entry.target);
  if (!place || !target) return fail(entry);
  if (entry.kind == Kind::make_folder) return change(*place, {.inode = make(Folder{})});
  const Inode inode = find(*place);
  if (inode == none) return fail(entry);
  if (entry.kind == Kind::remove) return change(*place, {});
  change(*target, {.inode = inode});
  if (entry.kind == Kind::rename)
    change(*place,
           {.renamed_away = true, .target_folder = target->folder, .target = target->name});
}

/// What was before the last version before `time` is forgotten.
void Disk::settle(Name& name, std::uint64_t time) {
  while (name.size() > 1 && name[1].time < time) name.erase(name.begin());
}

void Disk::apply_flush_end(const Entry& entry) {
  const auto found = flushes_.find(entry.flush);
  if (found == flushes_.end()) return;  // of a process that was killed meanwhile
  const Flush flush = found->second;
  flushes_.erase(found);
  if (ignored_ && ignored_(handle_paths_[flush.handle])) return;
  const auto handle = handles_.find(flush.handle);
  if (handle == handles_.end()) return fail(entry);
  auto& inode = inodes_[handle->second];
  if (auto* file = std::get_if<File>(&inode)) {
    file->versions.flush(flush.begun);
    return;
  }
  for (auto& [text, name] : std::get<Folder>(inode)) settle(name, flush.begun);
}

void Disk::write_back(std::mt19937_64& random) {
  const bool all = random() % 2 == 0;
  const auto chosen = [&] { return all || random() % 2 == 0; };
  for (auto& inode : inodes_) {
    auto* folder = std::get_if<Folder>(&inode);
    if (folder == nullptr && chosen()) std::get<File>(inode).versions.flush(time_ + 1);
    if (folder == nullptr) continue;
    for (auto& [text, name] : *folder)
      if (chosen()) settle(name, time_ + 1);
  }
}

Disk::Picks Disk::pick_names(Chooser& chooser) const {
  Picks picks;
  for (Inode inode = root; inode < inodes_.size(); ++inode) {
    const auto* folder = std::get_if<Folder>(&inodes_[inode]);
    if (folder == nullptr) continue;
    for (const auto& [text, name] : *folder)
      picks[inode][text] = name.size() == 1 ? 0 : chooser.pick(Part::name, name.size());
  }
  keep_renamed(picks);
  return picks;
}

/// Where a name has gone by a rename, the new name is there at least as it was then.
void Disk::keep_renamed(Picks& picks) const {
  bool changed = true;
  const auto require = [&](const NameVersion& version) {
    const Name& target = std::get<Folder>(inodes_[version.target_folder]).at(version.target);
    std::size_t& picked = picks[version.target_folder][version.target];
    while (target[picked].time < version.time) {
      ++picked;
      changed = true;
    }
  };
  while (std::exchange(changed, false)) {
    for (const auto& [inode, names] : picks)
      for (const auto& [text, picked] : names) {
        const Name& name = std::get<Folder>(inodes_[inode]).at(text);
        for (std::size_t i = 0; i <= picked; ++i)
          if (name[i].renamed_away) require(name[i]);
      }
  }
}

/// Without picks: as programs see it.
void Disk::add_folder(Tree& tree, const std::string& path, Inode folder, const Picks* picks,
                      Chooser* chooser) const {
  for (const auto& [text, name] : std::get<Folder>(inodes_[folder])) {
    const Inode inode =
        picks == nullptr ? name.back().inode : name[picks->at(folder).at(text)].inode;
    if (inode == none) continue;
    const std::string child = path.empty() ? text : path + "/" + text;
    if (std::holds_alternative<Folder>(inodes_[inode])) {
      tree[child].is_folder = true;
      add_folder(tree, child, inode, picks, chooser);
      continue;
    }
    const auto& file = std::get<File>(inodes_[inode]);
    TreeNode& node = tree[child];
    node.unknown = file.unknown;
    node.bytes = chooser == nullptr ? file.versions.content() : file.versions.content(*chooser);
  }
}

Tree Disk::present() const {
  Tree tree;
  add_folder(tree, "", root, nullptr, nullptr);
  return tree;
}

Tree Disk::power_cut(Chooser& chooser) const {
  Tree tree;
  const Picks picks = pick_names(chooser);
  add_folder(tree, "", root, &picks, &chooser);
  return tree;
}

std::uint64_t Disk::count(std::uint64_t limit) const {
  std::uint64_t count = 1;
  for (const auto& inode : inodes_) {
    if (count >= limit) return limit;
    if (const auto* file = std::get_if<File>(&inode)) {
      count *= file->versions.count(limit);
      continue;
    }
    for (const auto& [text, name] : std::get<Folder>(inode)) {
      count *= name.size();
      if (count >= limit) return limit;
    }
  }
  return std::min(count, limit);
}

}  // namespace slipway::crash
