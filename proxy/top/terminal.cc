#include "proxy/top/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>

namespace oxbow::top {

namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l";  // screen, cursor, wrapping
constexpr std::string_view kLeave = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Terminal::Terminal(int in, int out) : in_(in), out_(out) { enter(); }

bool Terminal::isOne(int in, int out) {
  return isatty(in) == 1 && isatty(out) == 1 && environment("TERM") != "dumb";
}

void Terminal::enter() {
  if (entered_ || tcgetattr(in_, &before_) != 0) return;
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  tcsetattr(in_, TCSANOW, &raw);
  write(kEnter);
  entered_ = true;
}

void Terminal::leave() {
  if (!entered_) return;
  // What was typed until now was meant for here; what is typed at the shell's screen is not.
  tcsetattr(in_, TCSAFLUSH, &before_);
  write(kLeave);
  entered_ = false;
}

TerminalSize Terminal::size() const {
  winsize size{};
  if (ioctl(out_, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

// What was there goes before a line is written: behind a full one the cursor stands on its last
// character. The last line has no end, so nothing scrolls.
void Terminal::draw(const std::vector<std::string>& lines) {
  std::string bytes = "\x1b[H";
  for (size_t i = 0; i < lines.size(); ++i)
    bytes.append(i > 0 ? "\r\n" : "").append("\x1b[K").append(lines[i]);
  write(bytes);
}

void Terminal::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::write(out_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // it hung up: nobody is left to see it
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

bool speaksUtf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value(environment(name));
    if (value.empty()) continue;
    std::transform(value.begin(), value.end(), value.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
  }
  return false;
}

bool allowsColour() { return environment("NO_COLOR").empty(); }

}  // namespace oxbow::top
