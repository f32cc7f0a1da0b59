// The key file: made, kept, rotated, and told of when it does not fit.
#include <map>

#include <slipway/build/trigger.hpp>
#include <slipway/build/worker_tokens.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/sealer.hpp>

#include "storage/key_space.hpp"
#include "storage/sealed_rows.hpp"
#include "tests/storage/store_testing.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::test {

namespace {

namespace fs = std::filesystem;

// Of tests/data/format-1-secrets, as `slipway trigger create` printed it when format 1 was current.
constexpr const char* github_trigger = "01M8DDFV9F1PFBJB3BR88YJQMV";
constexpr const char* github_secret =
    "3bff4342d2fe7ee0b9952e131b328c7e9b3638eafc713e3c294771eb5d5d6ce5";
constexpr const char* gitlab_trigger = "01M8DDFVB4RZAE755AGS1PM2SX";
constexpr const char* gitlab_secret =
    "0de4d0e31cf07b4bbab884633e7bb0b18456a37ce2b6b521c958d6b7d3c8fea4";

/// Every file that says something of the data: locks aside.
std::map<std::string, std::string> data_files(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().filename() != "LOCK" &&
        entry.path().filename() != "lock.mdb")
      files[fs::relative(entry.path(), folder)] = read_file(entry.path());
  return files;
}

class SecretKeyTest : public testing::Test {
 protected:
  [[nodiscard]] fs::path folder() const { return temporary_.path() / "data"; }
  [[nodiscard]] fs::path key() const { return folder() / "secret.key"; }
  [[nodiscard]] fs::path beside(std::string_view name) const { return temporary_.path() / name; }

  void copy_format_1() const {
    fs::copy(SLIPWAY_TEST_FOLDER "/../data/format-1-secrets", folder(),
             fs::copy_options::recursive);
  }

  [[nodiscard]] auto open(SecretOptions secrets = {}) const {
    StoreOptions options;
    options.secrets = std::move(secrets);
    return open_stores(folder(), options);
  }

  /// Makes a folder with a trigger in it and answers the trigger.
  [[nodiscard]] Trigger make_trigger() const {
    const auto stores = open();
    EXPECT_TRUE(succeeded(stores));
    TriggerRequest request(*RepositoryName::parse("app/web"));
    request.git_url = "https://git.example.com/app/web.git";
    return TriggerStore((*stores)->metadata(), Clock::system()).create(request).value();
  }
  [[nodiscard]] static std::string secret_of(Stores& stores, std::string_view id) {
    const auto trigger = TriggerStore(stores.metadata(), Clock::system()).find(id);
    EXPECT_TRUE(succeeded(trigger));
    return trigger ? trigger->secret : "";
  }

  const TemporaryFolder temporary_;
};

TEST_F(SecretKeyTest, IsMadeWithTheFolderAndKept) {
  const Trigger trigger = make_trigger();
  const std::string made = read_file(key());
  EXPECT_EQ(made.size(), 32U);
  EXPECT_EQ(fs::status(key()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_FALSE(fs::exists(folder() / "secret.key.new"));
  const auto stores = open();
  ASSERT_TRUE(succeeded(stores));
  EXPECT_EQ(secret_of(**stores, trigger.id), trigger.secret);
  EXPECT_EQ(read_file(key()), made);
}

TEST_F(SecretKeyTest, NoSecretLiesInClear) {
  const Trigger trigger = make_trigger();
  {
    const auto stores = open();
    ASSERT_TRUE(WorkerTokens::open((*stores)->metadata()).ok());
  }
  std::string metadata;
  for (const auto& [name, content] : data_files(folder()))
    if (name.starts_with("metadata/")) metadata += content;
  EXPECT_NE(metadata.find(trigger.id), std::string::npos);
  EXPECT_EQ(metadata.find(trigger.secret), std::string::npos);
  EXPECT_EQ(metadata.find("git.example.com"), std::string::npos);
}

TEST_F(SecretKeyTest, SecretsOfFormat1AreReadAndSealed) {
  copy_format_1();
  const std::string before = read_file(folder() / "metadata" / "data.mdb");
  ASSERT_NE(before.find(github_secret), std::string::npos);
  for (int round = 0; round < 2; ++round) {
    const auto stores = open();
    ASSERT_TRUE(succeeded(stores));
    MetadataStore& metadata = (*stores)->metadata();
    EXPECT_EQ(secret_of(**stores, github_trigger), github_secret);
    EXPECT_EQ(secret_of(**stores, gitlab_trigger), gitlab_secret);
    for (const char* name : {"uploads", "workers"}) {
      const std::string secret = sealed_rows::random_key(metadata, name).value();
      EXPECT_NE(before.find(secret), std::string::npos) << name << " is the key it was";
    }
    EXPECT_EQ(sealed_rows::try_lock(**metadata.snapshot(), metadata.sealer()).value(),
              sealed_rows::Lock::fits);
    EXPECT_EQ(read_file(folder() / "FORMAT"), "slipway data folder, format 4\n");
  }
}

TEST_F(SecretKeyTest, SealingThatWasInterruptedGoesOn) {
  copy_format_1();
  ASSERT_TRUE(succeeded(open()));
  write_file(folder() / "FORMAT", "slipway data folder, format 1\n");  // the crash came before it
  {
    const auto stores = open();
    ASSERT_TRUE(succeeded(stores));
    EXPECT_EQ(secret_of(**stores, github_trigger), github_secret);
  }
  EXPECT_EQ(read_file(folder() / "FORMAT"), "slipway data folder, format 4\n");

  write_file(folder() / "FORMAT", "slipway data folder, format 1\n");
  fs::remove(key());
  const auto before = data_files(folder());
  const auto refused = open();
  ASSERT_TRUE(failed(refused, ErrorCode::denied));
  EXPECT_EQ(data_files(folder()), before) << "a new key would hide that the old one is needed";
}

TEST_F(SecretKeyTest, AKeyThatAnInterruptedStartLeftIsUsed) {
  copy_format_1();
  write_file(key(), std::string(32, 'k'));
  write_file(folder() / "secret.key.new", "half");
  ASSERT_TRUE(succeeded(open()));
  EXPECT_EQ(read_file(key()), std::string(32, 'k'));
}

TEST_F(SecretKeyTest, WithoutItTheFolderIsRefusedAndUntouched) {
  const Trigger trigger = make_trigger();
  fs::rename(key(), beside("kept"));
  const auto before = data_files(folder());
  const auto refused = open();
  ASSERT_TRUE(failed(refused, ErrorCode::denied));
  EXPECT_THAT(refused.error().message, testing::HasSubstr(key().native()));
  EXPECT_THAT(refused.error().message, testing::HasSubstr("missing"));
  EXPECT_EQ(data_files(folder()), before);

  const auto stores = open({beside("kept"), {}});
  ASSERT_TRUE(succeeded(stores));
  EXPECT_EQ(secret_of(**stores, trigger.id), trigger.secret);
  EXPECT_FALSE(fs::exists(key()));
}

TEST_F(SecretKeyTest, AnotherKeyIsRefusedAndTheFolderUntouched) {
  const Trigger trigger = make_trigger();
  const std::string right = read_file(key());
  for (const std::string& wrong : {std::string(32, 'x'), std::string(31, 'x'), std::string(),
                                   std::string(64, 'g'), std::string(65, 'a')}) {
    write_file(key(), wrong);
    const auto before = data_files(folder());
    const auto refused = open();
    ASSERT_TRUE(failed(refused, ErrorCode::denied)) << wrong;
    EXPECT_THAT(refused.error().message, testing::HasSubstr(key().native()));
    EXPECT_EQ(data_files(folder()), before);
  }
  write_file(key(), right);
  EXPECT_EQ(secret_of(**open(), trigger.id), trigger.secret);
}

TEST_F(SecretKeyTest, IsRotatedWhenTheFolderIsOpened) {
  const Trigger trigger = make_trigger();
  write_file(beside("second"), std::string(64, '2') + "\n");  // hexadecimal digits
  write_file(beside("third"), std::string(32, '3'));
  const std::vector<SecretOptions> road{
      {beside("second"), {key()}}, {beside("second"), {}}, {beside("third"), {beside("second"), key()}},
      {beside("third"), {}}};
  for (const SecretOptions& secrets : road) {
    const auto stores = open(secrets);
    ASSERT_TRUE(succeeded(stores)) << secrets.key_file;
    EXPECT_EQ(secret_of(**stores, trigger.id), trigger.secret);
  }
  EXPECT_TRUE(failed(open(), ErrorCode::denied));
  EXPECT_TRUE(failed(open({beside("second"), {}}), ErrorCode::denied));
}

TEST_F(SecretKeyTest, AConfiguredKeyMustBeThere) {
  const auto refused = open({beside("nowhere"), {}});
  ASSERT_TRUE(failed(refused, ErrorCode::denied));
  EXPECT_THAT(refused.error().message, testing::HasSubstr(beside("nowhere").native()));
  write_file(beside("real"), std::string(32, 'k'));
  fs::create_symlink("real", beside("link"));  // as mounted secrets are
  ASSERT_TRUE(succeeded(open({beside("link"), {}})));
  EXPECT_FALSE(fs::exists(key()));
  EXPECT_TRUE(failed(open({beside("link"), {beside("nowhere")}}), ErrorCode::denied));
}

TEST_F(SecretKeyTest, MayLieInAnEmptyFolderBeforehand) {
  fs::create_directory(folder());
  write_file(key(), std::string(32, 'k'));
  ASSERT_TRUE(succeeded(open()));
  EXPECT_EQ(read_file(key()), std::string(32, 'k'));
}

TEST_F(SecretKeyTest, MetadataThatLostItsProofIsCorrupt) {
  {
    const auto stores = open();
    ASSERT_TRUE(succeeded((*stores)->metadata().write([](WriteTransaction& transaction) {
      return transaction.erase(key_space::seal_lock).ok()
                 ? Result<void>()
                 : Result<void>(Error(ErrorCode::io, "not erased"));
    })));
  }
  EXPECT_TRUE(failed(open(), ErrorCode::corrupt));
}

}  // namespace

}  // namespace slipway::test
