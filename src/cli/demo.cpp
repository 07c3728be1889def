// `demo`: the show on files of its own. Without --out nothing but the page and the picture stays.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/invocation.hpp"
#include "cli/output.hpp"
#include "demo/page.hpp"
#include "demo/picture.hpp"
#include "demo/show.hpp"
#include "io/os_random.hpp"

namespace diskpaxos::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t columns = 80;
constexpr std::uint64_t most_agents = 3;
constexpr std::uint64_t largest_seed = 999'999;

Error failure(const std::string& path, int error) {
    return {error == EACCES ? Code::permission : Code::io,
            fmt::format("{}: {}; name a folder with --out", path, std::strerror(error))};
}

// Where the disks of the show are: in a folder that vanishes, or in the one that was asked for.
class Stage {
  public:
    Stage() = default;
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    ~Stage() {
        std::error_code ignored;
        if (temporary_) fs::remove_all(folder_, ignored);
    }

    Result<void> build(const std::optional<std::string>& out) {
        if (out) return take(*out);
        const char* base = std::getenv("TMPDIR");
        std::string name = fmt::format("{}/diskpaxos-demo.XXXXXX",
                                       base != nullptr && *base != 0 ? base : "/var/tmp");
        if (mkdtemp(name.data()) == nullptr) return std::unexpected(failure(name, errno));
        folder_ = name;
        temporary_ = true;
        return {};
    }

    const std::string& folder() const { return folder_; }
    std::string page() const { return temporary_ ? "diskpaxos-demo.html" : folder_ + "/demo.html"; }
    std::string picture() const {
        return temporary_ ? "diskpaxos-demo.svg" : folder_ + "/demo.svg";
    }
    // Everything that was recorded, for other judges; only where somebody asked for a folder.
    std::optional<std::string> recording() const {
        return temporary_ ? std::nullopt : std::optional(folder_ + "/demo.json");
    }

  private:
    Result<void> take(const std::string& out) {
        std::error_code error;
        fs::create_directories(out, error);
        if (error) return std::unexpected(failure(out, error.value()));
        for (const char* name : {"a.img", "b.img", "c.img", "a.store", "b.store", "c.store",
                                 "a.sock", "b.sock", "c.sock", "writes.log"}) {
            if (!fs::exists(fs::path(out) / name, error)) continue;
            return usage(fmt::format("{}/{} exists already; name another folder", out, name));
        }
        folder_ = out;
        return {};
    }

    std::string folder_;
    bool temporary_ = false;
};

Result<void> write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) return std::unexpected(failure(path, errno));
    return {};
}

// One sentence over as many lines as it needs, none longer than a terminal is wide.
void say(Output& out, Colour colour, const std::string& indent, const std::string& text) {
    std::string line = indent;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::string word = text.substr(at, end - at);
        if (line.size() > indent.size() && line.size() + 1 + word.size() > columns) {
            out.line(out.paint(colour, line));
            line = indent;
        }
        if (line.size() > indent.size()) line += ' ';
        line += word;
        at = end + 1;
    }
    out.line(out.paint(colour, line));
}

demo::Say teller(Output& out) {
    return [&out](demo::Tone tone, const std::string& text) {
        switch (tone) {
            case demo::Tone::title:
                out.line("");
                out.line(text);
                break;
            case demo::Tone::plain:
                say(out, Colour::none, "   ", text);
                break;
            case demo::Tone::good:
                say(out, Colour::good, "   ", text);
                break;
            case demo::Tone::bad:
                say(out, Colour::bad, "   ", text);
                break;
            case demo::Tone::faint:
                say(out, Colour::faint, "   ", text);
                break;
        }
        std::fflush(stdout);  // it is a show
    };
}

Result<void> keep(const Stage& stage, const demo::Recording& recording) {
    if (auto fine = write_file(stage.page(), demo::page(recording)); !fine) return fine;
    if (auto fine = write_file(stage.picture(), demo::picture_file(recording)); !fine) return fine;
    if (!stage.recording()) return {};
    return write_file(*stage.recording(), demo::to_json(recording, true).dump() + "\n");
}

Json described(const demo::ShowOutcome& outcome, const Stage& stage) {
    const demo::Recording& recording = outcome.recording;
    Json object = demo::to_json(recording, false);
    object.erase("version");
    object.erase("events");
    object["operations"] = recording.operations.size();
    object["violations"] = outcome.violations;
    object["page"] = stage.page();
    object["picture"] = stage.picture();
    return object;
}

}  // namespace

Result<int> run_demo(const Invocation& call, Output& out) {
    io::OsRandom random;
    const auto seed = call.number("seed", random.below(largest_seed), 0, UINT64_MAX);
    if (!seed) return std::unexpected(seed.error());
    const auto agents = call.number("agents", 0, 0, most_agents);
    if (!agents) return std::unexpected(agents.error());
    Stage stage;
    if (auto fine = stage.build(call.text("out")); !fine) return std::unexpected(fine.error());
    demo::ShowOptions options;
    options.agents = static_cast<unsigned>(*agents);
    options.fast = call.has("fast");
    options.seed = *seed;
    std::error_code ignored;
    options.folder = fs::absolute(stage.folder(), ignored).lexically_normal().string();
    options.command =
        fmt::format("diskpaxos demo{}{} --seed {}", options.fast ? " --fast" : "",
                    *agents == 0 ? "" : fmt::format(" --agents {}", *agents), *seed);
    const auto outcome = demo::perform(options, teller(out));
    if (!outcome) return std::unexpected(outcome.error());
    if (outcome->signal != 0) {
        return out.fail("interrupted", "the show was interrupted before its end",
                        128 + outcome->signal);
    }
    if (auto fine = keep(stage, outcome->recording); !fine) return std::unexpected(fine.error());
    out.line("");
    out.line(fmt::format("The whole show, to look at closely: {}", stage.page()));
    out.object(described(*outcome, stage));
    if (outcome->violations.empty()) return 0;
    out.complain(word(Code::no),
                 fmt::format("{} rules were broken, the first: {}", outcome->violations.size(),
                             outcome->violations.front()));
    return exit_code(Code::no);
}

}  // namespace diskpaxos::cli
