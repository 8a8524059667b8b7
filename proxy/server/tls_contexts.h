#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/config/config.h"
#include "proxy/config/problem.h"
#include "proxy/tls/client_context.h"
#include "proxy/tls/server_context.h"

namespace oxbow::server {

// From where relative files of a configuration count: the folder that it stands in.
std::string folderOf(const config::Config& config);

// What a configuration speaks TLS with. Null where it does not.
struct TlsContexts {
  std::vector<std::shared_ptr<const tls::ServerContext>> servers;  // by listener
  std::vector<std::shared_ptr<const tls::ClientContext>> clients;  // by upstream

  // Every file that went into them.
  std::vector<std::string> files() const;
  // Whether the same went into both, of one configuration.
  bool isSameAs(const TlsContexts& other) const;
};

struct TlsProblems {
  std::vector<config::Problem> errors;
  std::vector<config::Problem> warnings;
};

// Makes the contexts of configurations out of the files that these name, and keeps what outlives a
// configuration: the keys of session tickets, by listener. Main thread.
class TlsLoader {
 public:
  // `isElsewhere`: files that are not there are only warned of, since the configuration may be for
  // another machine; contexts that want them are null.
  explicit TlsLoader(const Clock& clock, bool isElsewhere = false)
      : clock_(clock), isElsewhere_(isElsewhere) {}

  // All of it. Where there is an error the context is null. What is used already does not change;
  // keep() comes behind this when the contexts are.
  TlsContexts load(const config::Config& config, const std::vector<std::string>& listenerKeys,
                   TlsProblems& problems);
  // The same configuration anew, its files have changed. What has an error stays as it is; so does
  // what is the same. True when there is something new.
  bool reload(const config::Config& config, const std::vector<std::string>& listenerKeys,
              TlsContexts& contexts, TlsProblems& problems);
  // The contexts of the last load() are used: their ticket keys go on from here, those of other
  // listeners are forgotten.
  void keep(const std::vector<std::string>& listenerKeys);

 private:
  // Keys that are made, of one listener; others when the configuration wants them otherwise.
  struct Tickets {
    config::ListenerTls config;
    std::shared_ptr<tls::TicketKeys> keys;
  };
  std::shared_ptr<const tls::ServerContext> serve(const config::Listener& listener, size_t index,
                                                  const std::string& key, const std::string& folder,
                                                  TlsProblems& problems);
  std::shared_ptr<tls::TicketKeys> ticketsOf(const config::ListenerTls& tls, const std::string& key,
                                             const tls::Complaints& complaints);

  std::shared_ptr<const tls::ClientContext> speak(const config::Upstream& upstream,
                                                  const std::string& folder, TlsProblems& problems);

  const Clock& clock_;
  const bool isElsewhere_;
  std::map<std::string, Tickets> tickets_;
  std::map<std::string, Tickets> loaded_;  // by the last load()
};

}  // namespace oxbow::server
