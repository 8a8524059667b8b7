#include "proxy/top/top_command.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/demo/print.h"
#include "proxy/event/function_timer.h"
#include "proxy/top/admin_target.h"
#include "proxy/top/asker.h"
#include "proxy/top/frame.h"
#include "proxy/top/terminal.h"
#include "proxy/top/text.h"

namespace oxbow::top {

namespace {

std::string textOf(const std::vector<Line>& lines, const Style& style) {
  std::string text;
  for (const Line& line : lines) text.append(render(line, style)).append("\n");
  return text;
}

// What one screen after the other is made of.
class Screen final : private event::IoHandler {
 public:
  Screen(event::Dispatcher& dispatcher, const TopOptions& options, const AdminTarget& target,
         Asker& asker)
      : IoHandler("keys"),
        dispatcher_(dispatcher),
        options_(options),
        target_(target),
        asker_(asker),
        terminal_(STDIN_FILENO, STDOUT_FILENO),
        timer_(dispatcher, [this] { ask(); }) {
    if (!keys_.start(dispatcher, STDIN_FILENO, *this, event::IoEvent::Trigger::LevelRead))
      dispatcher.stop();
    ask();
    draw();
  }

 private:
  void ask() {
    asker_.ask([this](Result<Sample> answer) {
      problem_.clear();
      if (answer.ok()) {
        before_ = std::exchange(sample_, std::move(answer.value()));
        answeredAt_ = std::time(nullptr);
      } else {
        problem_ = answer.error();
      }
      draw();
      timer_.setIn(options_.interval);
    });
  }

  void draw() {
    const TerminalSize size = terminal_.size();
    const Style style{size.columns, speaksUtf8(), allowsColour()};
    std::vector<Line> lines = {headOf(style)};
    if (!problem_.empty()) lines.push_back(troubleOf(style));
    if (sample_) {
      const std::vector<Line> frame = frameOf(*sample_, before_ ? &*before_ : nullptr, style);
      const size_t room = size.rows > lines.size() ? size.rows - lines.size() : 0;
      first_ = std::min(first_, frame.size() > room ? frame.size() - room + 1 : 0);
      for (Line& line : windowOf(frame, first_, room)) lines.push_back(std::move(line));
    }
    lines.resize(size.rows);
    std::vector<std::string> rows;
    for (const Line& line : lines) rows.push_back(render(line, style));
    terminal_.draw(rows);
  }

  Line headOf(const Style& style) const {
    const double seconds = std::chrono::duration<double>(options_.interval).count();
    return {{"oxbow top  ", Look::Strong},
            {escaped(target_.text, style.utf8)},
            {fmt::format("  every {} s  ", threeDigits(seconds)), Look::Soft},
            {answeredAt_ == 0 ? "asking" : clockOf(answeredAt_)},
            {"  q quits", Look::Soft}};
  }

  Line troubleOf(const Style& style) const {
    const std::string since = answeredAt_ == 0 ? "" : " since " + clockOf(answeredAt_);
    return {{fmt::format("no answer{}: {}; trying again", since, escaped(problem_, style.utf8)),
             Look::Bad}};
  }

  static std::string clockOf(std::time_t time) {
    return fmt::format("{:%H:%M:%S}", fmt::localtime(time));
  }

  void onIo(uint8_t) override {
    char keys[64];
    const ssize_t count = ::read(STDIN_FILENO, keys, sizeof keys);
    if (count <= 0) return dispatcher_.stop();  // it hung up
    for (const char key : std::string_view(keys, static_cast<size_t>(count))) onKey(key);
    draw();
  }

  // An arrow ends in A or B, which mean nothing on their own.
  void onKey(char key) {
    if (key == 'q' || key == 'Q') dispatcher_.stop();
    if (key == 'j' || key == 'B') ++first_;
    if ((key == 'k' || key == 'A') && first_ > 0) --first_;
  }

  // Gives the terminal back while the process is stopped.
  void suspend() {
    terminal_.leave();
    std::raise(SIGSTOP);
    terminal_.enter();
    draw();
  }

  event::Dispatcher& dispatcher_;
  const TopOptions& options_;
  const AdminTarget& target_;
  Asker& asker_;
  Terminal terminal_;
  event::IoEvent keys_;
  event::FunctionTimer timer_;
  event::SignalEvent resized_{dispatcher_, SIGWINCH, [this] { draw(); }};
  event::SignalEvent suspended_{dispatcher_, SIGTSTP, [this] { suspend(); }};
  std::optional<Sample> sample_, before_;
  std::string problem_;  // of the last question; empty: none
  std::time_t answeredAt_ = 0;
  size_t first_ = 0;  // line of the frame that is shown
};

// Two samples, since rates need them, and one frame.
int printOnce(event::Dispatcher& dispatcher, const TopOptions& options, Asker& asker,
              std::FILE* result, std::FILE* problems) {
  std::optional<Sample> before;
  int status = 1;
  Asker::Done done;
  event::FunctionTimer again(dispatcher, [&] { asker.ask(done); });
  done = [&](Result<Sample> answer) {
    if (!answer.ok()) {
      demo::print(problems, fmt::format("{}: {}\n", options.admin, answer.error()));
      return dispatcher.stop();
    }
    if (!before) {
      before = std::move(answer.value());
      return again.setIn(options.interval);
    }
    const Style style{0, speaksUtf8(), false};
    const std::string text = textOf(frameOf(answer.value(), &*before, style), style);
    status = demo::printResult(result, text, problems);
    dispatcher.stop();
  };
  asker.ask(done);
  dispatcher.run();
  return status;
}

int serve(event::Dispatcher& dispatcher, const TopOptions& options, const AdminTarget& target,
          Asker& asker) {
  std::vector<std::unique_ptr<event::SignalEvent>> ends;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
    ends.push_back(std::make_unique<event::SignalEvent>(dispatcher, signal,
                                                        [&dispatcher] { dispatcher.stop(); }));
  const Screen screen(dispatcher, options, target, asker);
  dispatcher.run();
  return 0;
}

}  // namespace

int topCommand(const TopOptions& options, std::FILE* result, std::FILE* problems) {
  const auto target = AdminTarget::parse(options.admin);
  if (!target.ok()) {
    demo::print(problems, fmt::format("--admin {}: {}\n", options.admin, target.error()));
    return 2;
  }
  std::string token;
  if (!options.tokenFile.empty()) {
    if (const std::string wrong = readToken(options.tokenFile, token); !wrong.empty()) {
      demo::print(problems, wrong + '\n');
      return 1;
    }
  }
  const SystemClock clock;
  event::Dispatcher dispatcher(clock);
  Asker asker(dispatcher, target.value(), token);
  if (options.once) return printOnce(dispatcher, options, asker, result, problems);
  if (!Terminal::isOne(STDIN_FILENO, STDOUT_FILENO)) {
    demo::print(problems, "this is no terminal: --once prints one frame\n");
    return 1;
  }
  return serve(dispatcher, options, target.value(), asker);
}

}  // namespace oxbow::top
