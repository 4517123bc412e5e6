// floor.c: a server that does nothing: what no other could be faster than, on this machine and under this load.
//
// It waits, receives, sends and looks at nothing but the name of a command, whose reply is always the same; no
// queue, no parser, no log. Only for one request at a time on each connection (-P 1). `compare` builds and starts it.

#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS_MAX = 1024, REQUEST_MAX = 16 << 10 };

#define BODY "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

// The name comes first in a request, behind "*4\r\n$6\r\n" or, inline, behind nothing; the last line is for all others.
static const struct {
  const char *name, *reply;
} replies[] = {
    {"PING", "+PONG\r\n"},
    {"ADDJOB", "$12\r\nD-4b3cf1b1-1\r\n"},
    {"GETJOB", "*1\r\n*3\r\n$22\r\nmartlet-benchmark:jobs\r\n$14\r\nD-4b3cf1b1-1.1\r\n$100\r\n" BODY "\r\n"},
    {"ACKJOB", ":1\r\n"},
    {"INFO", "$27\r\n# Server\r\nredis_version:0\r\n\r\n"},
    {"CONFIG", "*0\r\n"},
    {"", ":0\r\n"},
};

static const char *reply_to(const char *request) {
  const char *name = request[0] == '*' ? request + 8 : request;
  int line = 0;
  while (strncmp(name, replies[line].name, strlen(replies[line].name))) line++;
  return replies[line].reply;
}

static void check(int result, const char *call) {
  if (result >= 0) return;
  perror(call);
  exit(1);
}

int main(int count, char **words) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(count > 1 ? atoi(words[1]) : 0), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int listener = socket(AF_INET, SOCK_STREAM, 0), poller = epoll_create1(0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  check(bind(listener, (struct sockaddr *)&address, sizeof address), "bind");
  check(listen(listener, CLIENTS_MAX), "listen");
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  check(epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event), "epoll_ctl");
  for (;;) {
    static struct epoll_event ready[CLIENTS_MAX];
    static const char *reply[CLIENTS_MAX];
    int events = epoll_wait(poller, ready, CLIENTS_MAX, -1);
    // All are received before any is answered, as in a server that answers once for all of a turn.
    for (int i = 0; i < events; i++) {
      char request[REQUEST_MAX];
      reply[i] = NULL;
      if (ready[i].data.fd == listener) {
        int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (client < 0) continue;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        event.data.fd = client;
        check(epoll_ctl(poller, EPOLL_CTL_ADD, client, &event), "epoll_ctl");
        continue;
      }
      ssize_t size = recv(ready[i].data.fd, request, sizeof request - 1, 0);
      if (size > 0) {
        request[size] = 0;
        reply[i] = reply_to(request);
      } else {
        close(ready[i].data.fd);
      }
    }
    for (int i = 0; i < events; i++)
      if (reply[i]) send(ready[i].data.fd, reply[i], strlen(reply[i]), MSG_NOSIGNAL);
  }
}
