// What the benchmark needs beside nginx, wrk and h2load: a backend that streams events, a reader of many streams at
// once, and a holder of idle connections. One thread, epoll, no dependencies: gcc -O2 -o streams streams.c
//
//   streams serve PORT EVERY_US EVENTS   GET /events streams EVENTS server-sent events, one each EVERY_US;
//                                        anything else gets 1 KB of JSON; keep-alive
//   streams read PORT STREAMS            reads STREAMS streams of /events to their end; prints one line of JSON
//   streams idle PORT COUNT              makes COUNT connections, one request each, prints "ready N", then holds
//                                        them until its standard input ends
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PEERS = 1 << 16, READY = 512, HEAD = 8192 };

typedef struct {
    int fd, held;      // socket; bytes in head[]
    int left;          // events still to send
    uint64_t due;      // when the next one is
    char head[HEAD];
} Peer;

static Peer *peers[PEERS];
static int poller;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static Peer *watch(int fd) {
    if (fd >= PEERS) fail("too many connections");
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Peer *p = calloc(1, sizeof *p);
    p->fd = fd;
    peers[fd] = p;
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
    return p;
}

static void forget(Peer *p) {
    peers[p->fd] = NULL;
    close(p->fd);
    free(p);
}

static int dial(int port) {
    struct sockaddr_in a = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof a)) fail("connect");
    return fd;
}

// ---- serve

static char answer[1400];
static int answer_bytes;

static void write_answer(void) {
    char body[1100];
    int n = snprintf(body, sizeof body, "{\"items\":[");
    for (int i = 0; n < 980; i++) n += snprintf(body + n, sizeof body - n, "{\"id\":%d,\"name\":\"item number %d\"},", i, i);
    n += snprintf(body + n, sizeof body - n, "null]}");
    answer_bytes = snprintf(answer, sizeof answer,
        "HTTP/1.1 200 OK\r\nServer: streams\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", n, body);
}

static void send_event(Peer *p) {
    char event[256], chunk[320];
    int n = snprintf(event, sizeof event,
        "data: {\"at\":%020llu,\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"}}]}\n\n",
        (unsigned long long)now_ns());
    int m = snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n%s", n, event, --p->left == 0 ? "0\r\n\r\n" : "");
    if (send(p->fd, chunk, (size_t)m, MSG_NOSIGNAL) != m) p->left = 0;
}

// Answers every complete request head in the buffer; requests have no body here.
static void answer_requests(Peer *p, uint64_t every, int events) {
    static unsigned turn;
    char *end;
    while (p->head[p->held] = 0, (end = strstr(p->head, "\r\n\r\n"))) {
        int used = (int)(end + 4 - p->head);
        if (strncmp(p->head, "GET /events", 11) == 0) {
            static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
                                       "Transfer-Encoding: chunked\r\n\r\n";
            send(p->fd, head, sizeof head - 1, MSG_NOSIGNAL);
            p->left = events;
            p->due = now_ns() + every / 512 * (turn++ % 512); // streams do not all fire at once
        } else {
            send(p->fd, answer, (size_t)answer_bytes, MSG_NOSIGNAL);
        }
        p->held -= used;
        memmove(p->head, p->head + used, (size_t)p->held);
    }
}

static void serve(int port, uint64_t every, int events) {
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in a = loopback(port);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&a, sizeof a) || listen(listener, 4096)) fail("listen");
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listener}, ready[READY];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
    int highest = 0;
    uint64_t swept = 0;
    for (;;) {
        int n = epoll_wait(poller, ready, READY, 1);
        for (int i = 0; i < n; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener) {
                int accepted;
                while ((accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    watch(accepted);
                    if (accepted > highest) highest = accepted;
                }
                continue;
            }
            Peer *p = peers[fd];
            ssize_t got = recv(fd, p->head + p->held, (size_t)(HEAD - 1 - p->held), 0);
            if (got > 0) {
                p->held += (int)got;
                answer_requests(p, every, events);
            } else if (got == 0 || errno != EAGAIN) {
                forget(p);
            }
        }
        uint64_t t = now_ns();
        if (t - swept < 1000000) continue;
        swept = t;
        for (int fd = 0; fd <= highest; fd++) {
            Peer *p = peers[fd];
            if (p && p->left > 0 && p->due <= t) {
                send_event(p);
                p->due += every;
            }
        }
    }
}

// ---- read

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t *delays;
static size_t delay_count, delay_room;

// Counts the events in the buffer and keeps the tail that may be half of one; true at the end of the stream.
static bool take_events(Peer *p, uint64_t t) {
    static const char mark[] = "{\"at\":";
    char *from = p->head, *found;
    while ((found = strstr(from, mark)) && found + sizeof mark - 1 + 20 < p->head + p->held) {
        if (delay_count < delay_room) delays[delay_count++] = t - strtoull(found + sizeof mark - 1, NULL, 10);
        from = found + sizeof mark - 1 + 20;
    }
    bool ended = strstr(from, "\r\n0\r\n\r\n") != NULL;
    int tail = (int)(p->head + p->held - from);
    if (tail > 256) {
        from += tail - 256;
        tail = 256;
    }
    memmove(p->head, from, (size_t)tail);
    p->held = tail;
    return ended;
}

static void read_streams(int port, int count) {
    static const char ask[] = "GET /events HTTP/1.1\r\nHost: bench.test\r\nAccept: text/event-stream\r\n\r\n";
    delay_room = (size_t)count * 1000;
    delays = calloc(delay_room, sizeof *delays);
    struct epoll_event ready[READY];
    int open = count;
    uint64_t started = now_ns();
    for (int i = 0; i < count; i++) {
        Peer *p = watch(dial(port));
        if (write(p->fd, ask, sizeof ask - 1) != (ssize_t)sizeof ask - 1) fail("write");
        fcntl(p->fd, F_SETFL, O_NONBLOCK);
    }
    while (open > 0) {
        int n = epoll_wait(poller, ready, READY, 10000);
        if (n <= 0) break;
        for (int i = 0; i < n; i++) {
            Peer *p = peers[ready[i].data.fd];
            ssize_t got = recv(p->fd, p->head + p->held, (size_t)(HEAD - 1 - p->held), 0);
            if (got < 0 && errno == EAGAIN) continue;
            if (got > 0) p->held += (int)got;
            p->head[p->held] = 0;
            if (got <= 0 || take_events(p, now_ns())) {
                forget(p);
                open--;
            }
        }
    }
    double seconds = (double)(now_ns() - started) / 1e9;
    qsort(delays, delay_count, sizeof *delays, by_value);
    double median = delay_count ? (double)delays[delay_count / 2] / 1e6 : 0;
    double late = delay_count ? (double)delays[delay_count * 99 / 100] / 1e6 : 0;
    printf("{\"events\": %zu, \"seconds\": %.3f, \"p50\": %.3f, \"p99\": %.3f}\n", delay_count, seconds, median, late);
}

// ---- idle

static void idle(int port, int count) {
    static const char ask[] = "GET / HTTP/1.1\r\nHost: bench.test\r\n\r\n";
    char buffer[4096];
    int ready = 0;
    for (int i = 0; i < count; i++) {
        int fd = dial(port);
        if (write(fd, ask, sizeof ask - 1) > 0 && read(fd, buffer, sizeof buffer) > 12) ready++;
    }
    printf("ready %d\n", ready);
    fflush(stdout);
    while (read(0, buffer, sizeof buffer) > 0) {
    }
}

int main(int count, char **words) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poller = epoll_create1(0);
    write_answer();
    if (count == 5 && strcmp(words[1], "serve") == 0) {
        serve(atoi(words[2]), strtoull(words[3], NULL, 10) * 1000, atoi(words[4]));
    } else if (count == 4 && strcmp(words[1], "read") == 0) {
        read_streams(atoi(words[2]), atoi(words[3]));
    } else if (count == 4 && strcmp(words[1], "idle") == 0) {
        idle(atoi(words[2]), atoi(words[3]));
    } else {
        fprintf(stderr, "usage: the head of streams.c\n");
        return 2;
    }
    return 0;
}
