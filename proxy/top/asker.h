#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/event/function_timer.h"
#include "proxy/top/admin_target.h"
#include "proxy/top/fetch.h"
#include "proxy/top/sample.h"

namespace oxbow::top {

// Asks an admin address for its pages, one after the other, and makes a sample of them. Of several
// addresses the one that answered last is asked, and the others when it refuses. On the
// dispatcher's thread; the target outlives it.
class Asker {
 public:
  // An error says what is wrong, for the user.
  using Done = std::function<void(Result<Sample>)>;

  Asker(event::Dispatcher& dispatcher, const AdminTarget& target, std::string token);

  // `done` runs in a later turn. REQUIRES: the one before has ended.
  void ask(Done done);

 private:
  void askNext();
  void take(Answer answer);
  std::string wrongWith(const Answer& answer) const;

  event::Dispatcher& dispatcher_;
  const AdminTarget& target_;
  const std::string token_;
  Done done_;
  size_t address_ = 0;            // that is asked, of the target's
  size_t refusals_ = 0;           // of addresses, in a row
  std::vector<std::string> got_;  // pages so far
  std::unique_ptr<Fetch> fetch_;
  event::FunctionTimer next_;
};

}  // namespace oxbow::top
