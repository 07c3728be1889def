#include "cli/invocation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <cmath>
#include <sstream>

#include "cli/nearest.hpp"

namespace diskpaxos::cli {

namespace po = boost::program_options;

namespace {

constexpr const char* rest = "arguments";

po::options_description describe(const Verb& verb) {
    po::options_description all;
    for (const Option& option : verb.options) {
        std::string name = option.name;
        if (option.letter != 0) name += fmt::format(",{}", option.letter);
        if (option.value == nullptr) {
            all.add_options()(name.c_str(), option.text);
        } else if (option.repeated) {
            all.add_options()(name.c_str(), po::value<std::vector<std::string>>(), option.text);
        } else {
            all.add_options()(name.c_str(), po::value<std::string>(), option.text);
        }
    }
    all.add_options()(rest, po::value<std::vector<std::string>>());
    return all;
}

// "-5" is a number, not an option.
std::vector<po::option> negative_number(std::vector<std::string>& words) {
    const std::string& word = words.front();
    const bool number = word.size() > 1 && word[0] == '-' &&
                        std::all_of(word.begin() + 1, word.end(),
                                    [](char c) { return c >= '0' && c <= '9'; });
    if (!number) return {};
    po::option argument;
    argument.value.push_back(word);
    argument.original_tokens.push_back(word);
    words.erase(words.begin());
    return {argument};
}

std::vector<std::string> values_of(const po::variable_value& value) {
    if (value.empty()) return {};
    if (const auto* many = boost::any_cast<std::vector<std::string>>(&value.value())) return *many;
    if (const auto* one = boost::any_cast<std::string>(&value.value())) return {*one};
    return {};
}

template <class Number>
std::optional<Number> whole_number(const std::string& text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::string unknown_option(const Verb& verb, const std::string& given) {
    std::vector<std::string> names;
    for (const Option& option : verb.options) names.push_back(fmt::format("--{}", option.name));
    const std::vector<std::string_view> choices(names.begin(), names.end());
    const std::string meant = given.starts_with("--") ? did_you_mean(given, choices) : "";
    if (!meant.empty()) return fmt::format("{} has no option {}{}", verb.name, given, meant);
    return fmt::format("{0} has no option {1}; see \"{2} help {0}\"", verb.name, given,
                       verb.program);
}

std::vector<std::string_view> words_of(const Verb& verb) {
    std::vector<std::string_view> words;
    for (const Form& form : verb.forms) {
        if (*form.word != 0) words.emplace_back(form.word);
    }
    return words;
}

}  // namespace

std::unexpected<Error> usage(std::string sentence) {
    return std::unexpected(Error{Code::usage, std::move(sentence)});
}

Result<Invocation> Invocation::parse(const Verb& verb, const std::vector<std::string>& words) {
    using Style = po::command_line_style::style_t;
    Invocation call;
    call.verb_ = &verb;
    po::positional_options_description positions;
    positions.add(rest, -1);
    po::variables_map values;
    try {
        const po::options_description options = describe(verb);
        po::command_line_parser parser(words);
        parser.options(options).positional(positions).extra_style_parser(negative_number);
        parser.style(Style::unix_style & ~Style::allow_guessing);
        po::store(parser.run(), values);
    } catch (const po::unknown_option& error) {
        return usage(unknown_option(verb, error.get_option_name()));
    } catch (const po::error& error) {
        return usage(fmt::format("{}; see \"{} help {}\"", error.what(), verb.program, verb.name));
    }
    for (const auto& [name, value] : values) {
        if (name == rest) call.arguments_ = values_of(value);
        else call.options_[name] = values_of(value);
    }
    if (call.has("help")) return call;
    if (auto fine = call.choose_form(); !fine) return std::unexpected(fine.error());
    if (auto fine = call.check_choices(); !fine) return std::unexpected(fine.error());
    return call;
}

Result<void> Invocation::choose_form() {
    form_ = &verb_->forms.front();
    const std::string word = arguments_.empty() ? "" : arguments_.front();
    const auto found = std::ranges::find(verb_->forms, std::string_view(word), &Form::word);
    if (found != verb_->forms.end() && !word.empty()) {
        form_ = &*found;
        arguments_.erase(arguments_.begin());
    } else if (*form_->word != 0) {
        const std::vector<std::string_view> words = words_of(*verb_);
        const std::string given =
            word.empty() ? "what to do is missing" : fmt::format("there is no \"{}\"", word);
        return usage(fmt::format("{}: {}; it is one of: {}{}", verb_->name, given,
                                 fmt::join(words, " "), did_you_mean(word, words)));
    }
    if (arguments_.size() >= form_->least && arguments_.size() <= form_->most) return {};
    const bool few = arguments_.size() < form_->least;
    return usage(fmt::format("{} arguments; it is: {} {}{}{}{}{}{}", few ? "missing" : "too many",
                             verb_->program, verb_->name, *form_->word != 0 ? " " : "", form_->word,
                             *form_->arguments != 0 ? " " : "", form_->arguments,
                             few ? "" : did_you_mean(word, words_of(*verb_))));
}

Result<void> Invocation::check_choices() const {
    for (const Option& option : verb_->options) {
        const std::optional<std::string> given = text(option.name);
        if (!given || *option.choices == 0) continue;
        std::istringstream choices(option.choices);
        std::string choice;
        bool known = false;
        while (choices >> choice) known = known || choice == *given;
        if (!known) {
            return usage(fmt::format("--{} cannot be \"{}\"; it is one of: {}", option.name, *given,
                                     option.choices));
        }
    }
    return {};
}

std::optional<std::string> Invocation::text(const std::string& option) const {
    const auto found = options_.find(option);
    if (found == options_.end() || found->second.empty()) return std::nullopt;
    return found->second.front();
}

std::vector<std::string> Invocation::all(const std::string& option) const {
    const auto found = options_.find(option);
    return found == options_.end() ? std::vector<std::string>() : found->second;
}

Result<std::uint64_t> Invocation::number(const std::string& option, std::uint64_t fallback,
                                         std::uint64_t least, std::uint64_t most) const {
    const std::optional<std::string> given = text(option);
    if (!given) return fallback;
    return parse_number(*given, "--" + option, least, most);
}

Result<Duration> Invocation::timeout() const {
    const Result<Duration> wish = parse_duration(text("timeout").value_or("10"), "--timeout");
    if (wish && *wish > std::chrono::hours(24)) return usage("--timeout can be at most 24h");
    return wish;
}

Result<io::Backend> Invocation::backend() const {
    const std::string way = text("io").value_or("auto");
    if (way == "uring") return io::Backend::uring;
    if (way == "threads") return io::Backend::threads;
    return io::Backend::automatic;
}

Result<std::uint64_t> parse_number(const std::string& text, const std::string& what,
                                   std::uint64_t least, std::uint64_t most) {
    const auto number = whole_number<std::uint64_t>(text);
    if (!number || *number < least || *number > most) {
        return usage(fmt::format("{} is \"{}\"; it must be a number from {} to {}", what, text,
                                 least, most));
    }
    return *number;
}

Result<std::int64_t> parse_signed(const std::string& text, const std::string& what) {
    const auto number = whole_number<std::int64_t>(text);
    if (!number) return usage(fmt::format("{} is \"{}\"; it must be a 64-bit number", what, text));
    return *number;
}

Result<Duration> parse_duration(const std::string& text, const std::string& what, Zero zero) {
    const std::size_t digits = text.find_first_not_of("0123456789.");
    const std::string unit = digits == std::string::npos ? "s" : text.substr(digits);
    const std::string amount = text.substr(0, digits);
    const double scale = unit == "ms" ? 1e-3 : unit == "s" ? 1 : unit == "m" ? 60
                                           : unit == "h" ? 3600 : 0;
    double number = 0;
    const auto [end, error] =
        std::from_chars(amount.data(), amount.data() + amount.size(), number);
    const bool read = error == std::errc() && end == amount.data() + amount.size();
    const char* flaw = "";
    if (text.size() > 1 && text.front() == '-') flaw = "a time cannot be negative: ";
    else if (read && scale <= 0) flaw = "its unit is none of ms, s, m and h: ";
    else if (!read) flaw = "that is no number: ";
    else if (number * scale >= 1e9) flaw = "that is more than thirty years: ";
    else if (number <= 0 && zero == Zero::refused) flaw = "that leaves no time: ";
    if (*flaw != 0) {
        return usage(fmt::format("{} is \"{}\"; {}it must be a time such as 500ms, 10s or 1m", what,
                                 text, flaw));
    }
    return Duration(static_cast<std::int64_t>(std::llround(number * scale * 1e9)));
}

}  // namespace diskpaxos::cli
