#include "proxy/top/asker.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

namespace oxbow::top {

namespace {

constexpr std::array<std::string_view, 3> kPages = {"/api/upstreams", "/api/dns", "/api/errors"};

}  // namespace

Asker::Asker(event::Dispatcher& dispatcher, const AdminTarget& target, std::string token)
    : dispatcher_(dispatcher),
      target_(target),
      token_(std::move(token)),
      next_(dispatcher, [this] { askNext(); }) {}

void Asker::ask(Done done) {
  done_ = std::move(done);
  got_.clear();
  refusals_ = 0;
  askNext();
}

void Asker::askNext() {
  const SocketAddress& to = target_.addresses[address_ % target_.addresses.size()];
  fetch_ = std::make_unique<Fetch>(dispatcher_, to, target_.requestFor(kPages[got_.size()], token_),
                                   [this](Answer answer) { take(std::move(answer)); });
}

// What comes next is asked in a turn of its own: the fetch that calls this goes then.
void Asker::take(Answer answer) {
  if (answer.refused) {
    ++address_;  // a name may have others, such as that of the other family
    if (++refusals_ < target_.addresses.size()) return next_.setIn(Duration(0));
  }
  const std::string wrong = wrongWith(answer);
  if (!wrong.empty()) return done_(wrong);
  got_.push_back(std::move(answer.body));
  if (got_.size() < kPages.size()) return next_.setIn(Duration(0));
  done_(readSample(got_[0], got_[1], got_[2], dispatcher_.preciseNow()));
}

std::string Asker::wrongWith(const Answer& answer) const {
  if (!answer.error.empty())
    return answer.error + (answer.refused ? "; is oxbow running, with this admin address?" : "");
  if (answer.status == 401)
    return token_.empty() ? "it wants a token: --token-file" : "it does not take this token";
  if (answer.status != 200)
    return fmt::format("{} is answered with {}", kPages[got_.size()], answer.status);
  return "";
}

}  // namespace oxbow::top
