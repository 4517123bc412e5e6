/* What applications do with hiredis, as one program of the `clients` suite: see suites/clients.py for what it prints. */
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static int port, locked_port;
static const char *path;
static char trouble[400];  /* Why the check that runs fails; empty as long as it does not. */

static void wrong(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (!trouble[0]) vsnprintf(trouble, sizeof trouble, format, arguments);
    va_end(arguments);
    for (char *at = trouble; *at; at++) *at = *at == '\n' || *at == '\r' ? ' ' : *at;
}

static redisContext *dial(int port) {
    redisContext *context = redisConnectWithTimeout("127.0.0.1", port, (struct timeval){2, 0});
    if (!context || context->err) {
        printf("fail a connection: %s\n", context ? context->errstr : "no memory");
        exit(1);
    }
    return context;
}

static void drop(redisReply *reply) {
    if (reply) freeReplyObject(reply);
}

/* A command whose reply is an integer. */
static void counts(redisContext *context, long long wanted, const char *command) {
    redisReply *reply = redisCommand(context, command);
    if (!reply || reply->type != REDIS_REPLY_INTEGER || reply->integer != wanted)
        wrong("%s: %s", command, !reply ? context->errstr : reply->str ? reply->str : "another number");
    drop(reply);
}

/* A command whose reply is a text, a status, or an error that begins with it. */
static void tells(redisContext *context, const char *wanted, const char *command) {
    redisReply *reply = redisCommand(context, command);
    if (!reply || !reply->str || strncmp(reply->str, wanted, strlen(wanted)))
        wrong("%s: %s in the place of %s", command, !reply ? context->errstr : reply->str ? reply->str : "no text", wanted);
    drop(reply);
}

/* A command whose reply is two texts. */
static void gives(redisContext *context, const char *first, const char *second, const char *command) {
    redisReply *reply = redisCommand(context, command);
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || strcmp(reply->element[0]->str, first) || strcmp(reply->element[1]->str, second))
        wrong("%s: not %s and %s", command, first, second);
    drop(reply);
}

static void pipeline(void) {
    redisContext *context = dial(port);
    redisReply *reply;
    for (int number = 0; number < 5000; number++) redisAppendCommand(context, "RPUSH many %d", number);
    for (int number = 1; number <= 5000; number++) {
        if (redisGetReply(context, (void **)&reply) != REDIS_OK) return wrong("reply %d: %s", number, context->errstr);
        if (reply->integer != number) wrong("reply %d is %lld", number, reply->integer);
        drop(reply);
    }
    tells(context, "OK", "MULTI");
    tells(context, "QUEUED", "SET a 1");
    tells(context, "QUEUED", "INCR a");
    reply = redisCommand(context, "EXEC");
    if (!reply || reply->elements != 2 || reply->element[1]->integer != 2) wrong("EXEC");
    drop(reply);
    tells(context, "WRONGTYPE", "LPUSH a 1");
    redisFree(context);
}

static void blocking(void) {
    redisContext *context = dial(port), *other = dial(port);
    counts(context, 3, "RPUSH low 1 2 3");
    gives(context, "low", "1", "BLPOP high low 1");
    gives(context, "low", "3", "BRPOP high low 1");
    /* It waits from here on, while the reply is left for later. */
    redisAppendCommand(context, "BRPOP higher high low2 10");
    int done = 0;
    while (!done) redisBufferWrite(context, &done);
    for (int found = 0; !found;) {
        redisReply *reply = redisCommand(other, "INFO clients");
        if (!reply) return wrong("INFO: %s", other->errstr);
        found = strstr(reply->str, "blocked_clients:1\r") != NULL;
        drop(reply);
    }
    counts(other, 1, "LPUSH high job");
    redisReply *reply = NULL;
    if (redisGetReply(context, (void **)&reply) != REDIS_OK || reply->elements != 2 || strcmp(reply->element[1]->str, "job")) wrong("the waiter's reply");
    drop(reply);
    reply = redisCommand(context, "BRPOP none 0.2");
    if (!reply || reply->type != REDIS_REPLY_NIL) wrong("no nil when time is up");
    drop(reply);
    redisFree(context);
    redisFree(other);
}

static void authentication(void) {
    redisContext *context = dial(locked_port);
    tells(context, "NOAUTH", "GET x");
    tells(context, "WRONGPASS", "AUTH wrong");
    tells(context, "OK", "AUTH secret");
    tells(context, "OK", "ACL SETUSER c on >pw ~jobs:* +@list");
    tells(context, "OK", "AUTH c pw");
    counts(context, 1, "LPUSH jobs:a 1");
    tells(context, "NOPERM", "LPUSH other 1");
    redisFree(context);
}

static void timeouts(void) {
    redisContext *context = dial(port);
    redisSetTimeout(context, (struct timeval){0, 200000});
    redisReply *reply = redisCommand(context, "BRPOP none 3");
    if (reply || context->err != REDIS_ERR_IO) wrong("no error of input");
    drop(reply);
    if (redisReconnect(context) != REDIS_OK) wrong("reconnecting: %s", context->errstr);
    redisSetTimeout(context, (struct timeval){20, 0});
    tells(context, "PONG", "PING");
    redisFree(context);
    context = redisConnectWithTimeout("127.0.0.1", 1, (struct timeval){0, 200000});
    if (!context->err) wrong("connected to a port that is closed");
    redisFree(context);
}

static void unix_socket(void) {
    redisContext *context = redisConnectUnix(path);
    if (context->err) return wrong("%s", context->errstr);
    tells(context, "PONG", "PING");
    redisFree(context);
}

static void bytes(void) {
    redisContext *context = dial(port);
    size_t size = 256 * 20000;
    char *every = malloc(size);
    for (size_t index = 0; index < size; index++) every[index] = (char)index;
    drop(redisCommand(context, "SET %b %b", every, (size_t)256, every, size));
    redisReply *reply = redisCommand(context, "GET %b", every, (size_t)256);
    if (!reply || reply->type != REDIS_REPLY_STRING || (size_t)reply->len != size || memcmp(reply->str, every, size)) wrong("other bytes come back");
    drop(reply);
    free(every);
    redisFree(context);
}

static void restart(void) {
    char line[100];
    redisContext *context = dial(port);
    tells(context, "OK", "SET kept yes");
    puts("restart");
    if (!fgets(line, sizeof line, stdin)) return wrong("not restarted");
    redisReply *reply = redisCommand(context, "GET kept");
    if (reply || !context->err) wrong("the broken connection is not told");
    drop(reply);
    if (redisReconnect(context) != REDIS_OK) wrong("reconnecting: %s", context->errstr);
    tells(context, "yes", "GET kept");
    gives(context, "0", "1", "LRANGE many 0 1");
    redisFree(context);
}

static void check(const char *name, void (*body)(void)) {
    trouble[0] = 0;
    body();
    if (trouble[0])
        printf("fail %s: %s\n", name, trouble);
    else
        printf("pass %s\n", name);
}

int main(int count, char **words) {
    if (count != 4) return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    port = atoi(words[1]), locked_port = atoi(words[2]), path = words[3];
    redisContext *context = dial(port);
    drop(redisCommand(context, "FLUSHALL"));
    redisFree(context);
    check("pipeline", pipeline);
    check("blocking pop over several queues", blocking);
    check("authentication", authentication);
    check("timeouts", timeouts);
    check("Unix socket", unix_socket);
    check("bytes", bytes);
    check("reconnects after a restart", restart);
    puts("end");
    return 0;
}
