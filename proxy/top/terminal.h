#pragma once

#include <termios.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace oxbow::top {

struct TerminalSize {
  size_t columns = 80;
  size_t rows = 24;
};

// The terminal while a program has all of it: another screen, no cursor, keys as they are pressed.
// Gives it back when destroyed.
class Terminal {
 public:
  // REQUIRES: both are terminals.
  Terminal(int in, int out);
  ~Terminal() { leave(); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  static bool isOne(int in, int out);

  void enter();
  // Gives it back as it was. May be entered again.
  void leave();

  TerminalSize size() const;
  // Shows these lines, each no wider than the terminal. REQUIRES: one for each row.
  void draw(const std::vector<std::string>& lines);

 private:
  void write(std::string_view bytes) const;

  const int in_;
  const int out_;
  termios before_{};
  bool entered_ = false;
};

// The locale of the environment has UTF-8 (LC_ALL, LC_CTYPE, LANG in this order).
bool speaksUtf8();
// The environment allows colours (NO_COLOR, https://no-color.org).
bool allowsColour();

}  // namespace oxbow::top
