// Invocation: one call of the command, taken apart along the table of verbs. Boost.Program_options
// reads the options; whatever it cannot understand is a usage error in one sentence.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "async/timer.hpp"
#include "cli/verbs.hpp"
#include "diskpaxos/error.hpp"
#include "io/backend.hpp"

namespace diskpaxos::cli {

class Invocation {
  public:
    // `words`: all that follows the verb.
    static Result<Invocation> parse(const Verb& verb, const std::vector<std::string>& words);

    const Verb& verb() const { return *verb_; }
    const Form& form() const { return *form_; }
    const std::vector<std::string>& arguments() const { return arguments_; }

    bool has(const std::string& option) const { return options_.contains(option); }
    std::optional<std::string> text(const std::string& option) const;
    std::vector<std::string> all(const std::string& option) const;
    Result<std::uint64_t> number(const std::string& option, std::uint64_t fallback,
                                 std::uint64_t least, std::uint64_t most) const;
    Result<Duration> timeout() const;
    Result<io::Backend> backend() const;

  private:
    Result<void> choose_form();
    Result<void> check_choices() const;

    const Verb* verb_ = nullptr;
    const Form* form_ = nullptr;
    std::vector<std::string> arguments_;
    std::map<std::string, std::vector<std::string>> options_;
};

// Decimal, the whole of `text`; `what` is named in the sentence.
Result<std::uint64_t> parse_number(const std::string& text, const std::string& what,
                                   std::uint64_t least, std::uint64_t most);
Result<std::int64_t> parse_signed(const std::string& text, const std::string& what);
// A number and ms, s, m or h. Without a unit: seconds.
enum class Zero : std::uint8_t { refused, allowed };
Result<Duration> parse_duration(const std::string& text, const std::string& what,
                                Zero zero = Zero::refused);

std::unexpected<Error> usage(std::string sentence);

}  // namespace diskpaxos::cli
