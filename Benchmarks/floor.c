// floor.c: a server that does nothing: what none could be faster than that takes each request as soon as it comes.
//
// It waits, receives, sends and looks at nothing but the name of a command, whose reply is always the same: no
// queue, no log. What comes in one piece is taken for requests of one size, which those of a load are that pushes or
// pops. `compare` builds and starts it.

#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS_MAX = 1024, REPLIES_MAX = 512, PIECE_MAX = 16 << 10 };

#define BODY "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

// The name comes first in a request, behind "*4\r\n$6\r\n" or, inline, behind nothing; the last kind is all others.
struct kind {
  const char *name, *reply;
  size_t size;  // of the reply
  char *many;   // REPLIES_MAX of them
};
static struct kind kinds[] = {
    {.name = "PING", .reply = "+PONG\r\n"},
    {.name = "ADDJOB", .reply = "$12\r\nD-4b3cf1b1-1\r\n"},
    {.name = "GETJOB", .reply = "*1\r\n*3\r\n$22\r\nmartlet-benchmark:jobs\r\n$14\r\nD-4b3cf1b1-1.1\r\n$100\r\n" BODY "\r\n"},
    {.name = "ACKJOB", .reply = ":1\r\n"},
    {.name = "INFO", .reply = "$27\r\n# Server\r\nredis_version:0\r\n\r\n"},
    {.name = "RPOP", .reply = "$100\r\n" BODY "\r\n"},
    {.name = "CONFIG", .reply = "*0\r\n"},
    {.name = "", .reply = ":1\r\n"},
};

static void repeat_replies(void) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    kinds[i].size = strlen(kinds[i].reply);
    kinds[i].many = malloc(kinds[i].size * REPLIES_MAX + 1);
    for (int n = 0; n < REPLIES_MAX; n++) strcpy(kinds[i].many + n * kinds[i].size, kinds[i].reply);
  }
}

static const struct kind *kind_of(const char *request) {
  const char *name = request[0] == '*' ? request + 8 : request;
  const struct kind *kind = kinds;
  while (strncmp(name, kind->name, strlen(kind->name))) kind++;
  return kind;
}

// How many requests like the first there are.
static size_t count(const char *piece, size_t size) {
  if (piece[0] != '*') return 1;
  const char *next = strchr(piece, '\n');
  for (int words = atoi(piece + 1); next && words > 0; words--) {
    const char *line = strchr(next + 1, '\n');
    next = line ? line + atoi(next + 2) + 2 : NULL;
  }
  size_t number = next && next > piece ? size / (size_t)(next + 1 - piece) : 1;
  return number < 1 ? 1 : number > REPLIES_MAX ? REPLIES_MAX : number;
}

static void check(int result, const char *call) {
  if (result >= 0) return;
  perror(call);
  exit(1);
}

int main(int words, char **word) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(words > 1 ? atoi(word[1]) : 0), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0), poller = epoll_create1(0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  check(bind(listener, (struct sockaddr *)&address, sizeof address), "bind");
  check(listen(listener, CLIENTS_MAX), "listen");
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  check(epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event), "epoll_ctl");
  repeat_replies();
  for (;;) {
    static struct epoll_event ready[CLIENTS_MAX];
    static struct { const struct kind *kind; size_t count; } due[CLIENTS_MAX];
    int events = epoll_wait(poller, ready, CLIENTS_MAX, -1);
    // All are received before any is answered, as in a server that answers once for all of a turn.
    for (int i = 0; i < events; i++) {
      static char piece[PIECE_MAX];
      due[i].kind = NULL;
      if (ready[i].data.fd == listener) {
        int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (client < 0) continue;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        event.data.fd = client;
        check(epoll_ctl(poller, EPOLL_CTL_ADD, client, &event), "epoll_ctl");
        continue;
      }
      ssize_t size = recv(ready[i].data.fd, piece, sizeof piece - 1, 0);
      if (size > 0) {
        piece[size] = 0;
        due[i].kind = kind_of(piece);
        due[i].count = count(piece, (size_t)size);
      } else {
        close(ready[i].data.fd);
      }
    }
    for (int i = 0; i < events; i++)
      if (due[i].kind) send(ready[i].data.fd, due[i].kind->many, due[i].kind->size * due[i].count, MSG_NOSIGNAL);
  }
}
