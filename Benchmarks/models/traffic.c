// A provider that answers at once and a client that keeps a rate: what the benchmark of models needs beside the gateway.
// One thread, epoll, no dependencies: gcc -O2 -o traffic traffic.c
//
//   traffic serve PORT EVERY_US EVENTS     a provider: a POST gets 1 KB of JSON with its usage, or, if its body says
//                                          "stream":true, EVENTS chunks, one each EVERY_US, each with the time it was sent
//   traffic load PORT PATH FILE KEY CONNECTIONS SECONDS RATE
//                                          posts FILE; RATE requests a second on a fixed timetable, latency counted from
//                                          the time each was due; RATE 0: each connection as fast as it gets answers
//   traffic read PORT PATH FILE KEY STREAMS
//                                          reads so many streams at once; the time from each chunk's sending to its arrival
//   traffic hold PORT PATH FILE KEY STREAMS
//                                          opens streams, prints "ready N" once each has its first chunk, then holds them
//                                          until its standard input ends
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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PEERS = 1 << 16, READY = 512, BUFFER = 1 << 16, SAMPLES = 1 << 24 };

typedef struct {
    int fd, held;          // socket; bytes in buffer[]
    long body;             // bytes of a request or reply still to come; -1: chunks until the last
    int left;              // events still to send
    uint64_t due;          // when the next event is, or when the request under way was due
    bool busy, seen, streams;
    char *buffer;
} Peer;

static Peer *peers[PEERS];
static int poller;
static uint32_t *samples;  // nanoseconds / 10
static long sample_count, good, bad;

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
    fcntl(fd, F_SETFL, O_NONBLOCK);
    Peer *p = calloc(1, sizeof *p);
    p->fd = fd;
    p->buffer = malloc(BUFFER + 1);
    peers[fd] = p;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
    return p;
}

static void drop(Peer *p) {
    close(p->fd);
    peers[p->fd] = NULL;
    free(p->buffer);
    free(p);
}

static void send_all(Peer *p, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t n = send(p->fd, bytes, count, MSG_NOSIGNAL);
        if (n > 0) {
            bytes += n;
            count -= (size_t)n;
        } else if (errno != EAGAIN) {
            return;
        }
    }
}

static void record(uint64_t ns) {
    if (sample_count < SAMPLES) samples[sample_count++] = (uint32_t)(ns / 10 > UINT32_MAX ? UINT32_MAX : ns / 10);
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(double share) {
    if (sample_count == 0) return 0;
    long index = (long)((double)sample_count * share);
    return samples[index < sample_count ? index : sample_count - 1] / 1e5;
}

static void report(double seconds) {
    qsort(samples, (size_t)sample_count, sizeof *samples, by_value);
    printf("{\"count\": %ld, \"bad\": %ld, \"seconds\": %.6f, \"samples\": %ld, \"p50\": %.5f, \"p99\": %.5f, "
           "\"p999\": %.5f}\n", good, bad, seconds, sample_count, percentile_ms(0.5), percentile_ms(0.99),
           percentile_ms(0.999));
}

// The head's end in the buffer, 0 when it has not come; the length it announces, -1 for chunks.
static int head_end(Peer *p, long *length) {
    p->buffer[p->held] = 0;
    char *end = strstr(p->buffer, "\r\n\r\n");
    if (!end) return 0;
    *length = 0;
    *end = 0;
    char *field = strcasestr(p->buffer, "\r\ncontent-length:");
    if (field) *length = atol(field + 17);
    if (strcasestr(p->buffer, "\r\ntransfer-encoding:")) *length = -1;
    *end = '\r';
    return (int)(end + 4 - p->buffer);
}

// ---- the provider

static char reply[2048];
static int reply_bytes;

static void make_reply(void) {
    static char body[1024], text[640];
    memset(text, 'x', sizeof text - 1);
    int count = snprintf(body, sizeof body,
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1764000000,\"model\":\"gpt-5-mini\","
        "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\"},\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":250,\"completion_tokens\":160,\"total_tokens\":410}}", text);
    reply_bytes = snprintf(reply, sizeof reply,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", count, body);
}

static void send_event(Peer *p) {
    char data[512], chunk[640];
    int count;
    p->left--;
    if (p->left > 1) {
        count = snprintf(data, sizeof data,
            "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-5-mini\",\"choices\":"
            "[{\"index\":0,\"delta\":{\"content\":\"@%020llu@\"},\"finish_reason\":null}]}\n\n",
            (unsigned long long)now_ns());
    } else if (p->left == 1) {
        count = snprintf(data, sizeof data,
            "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-5-mini\",\"choices\":"
            "[],\"usage\":{\"prompt_tokens\":250,\"completion_tokens\":160,\"total_tokens\":410}}\n\n");
    } else {
        count = snprintf(data, sizeof data, "data: [DONE]\n\n");
    }
    int all = snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n%s", count, data, p->left == 0 ? "0\r\n\r\n" : "");
    send_all(p, chunk, (size_t)all);
}

// Bodies are not kept: whether one asks for a stream is seen in the piece that has the word.
static void provide(Peer *p, uint64_t every, int events) {
    for (;;) {
        ssize_t n = recv(p->fd, p->buffer + p->held, (size_t)(BUFFER - p->held), 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            drop(p);
            return;
        }
        if (n < 0) return;
        p->held += (int)n;
        while (p->held > 0) {
            if (!p->busy) {
                long length;
                int end = head_end(p, &length);
                if (end == 0) break;
                p->busy = true;
                p->streams = false;
                p->body = length;
                memmove(p->buffer, p->buffer + end, (size_t)(p->held - end));
                p->held -= end;
            }
            long part = p->body < p->held ? p->body : p->held;
            if (memmem(p->buffer, (size_t)part, "\"stream\":true", 13)) p->streams = true;
            p->body -= part;
            memmove(p->buffer, p->buffer + part, (size_t)(p->held - part));
            p->held -= (int)part;
            if (p->body > 0) break;
            p->busy = false;
            if (p->streams) {
                static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                           "Transfer-Encoding: chunked\r\n\r\n";
                send_all(p, head, sizeof head - 1);
                p->left = events;
                p->due = now_ns() + every;
                send_event(p);
            } else {
                send_all(p, reply, (size_t)reply_bytes);
            }
        }
    }
}

static void serve(int port, uint64_t every, int events) {
    make_reply();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in a = loopback(port);
    if (bind(listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 4096) < 0) fail("listen");
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, ready[READY];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
    uint64_t next_look = 0;
    for (;;) {
        int count = epoll_wait(poller, ready, READY, 1);
        for (int i = 0; i < count; i++) {
            if (ready[i].data.ptr) {
                provide(ready[i].data.ptr, every, events);
                continue;
            }
            int fd;
            while ((fd = accept(listener, NULL, NULL)) >= 0) watch(fd);
        }
        uint64_t now = now_ns();
        if (now < next_look) continue;
        next_look = now + 500000;
        for (int fd = 0; fd < PEERS; fd++) {
            Peer *p = peers[fd];
            if (!p || p->left == 0 || p->due > now) continue;
            p->due += every;
            send_event(p);
        }
    }
}

// ---- the client

static char *request;
static size_t request_bytes;

static void make_request(const char *path, const char *file, const char *key) {
    FILE *f = fopen(file, "rb");
    if (!f) fail(file);
    fseek(f, 0, SEEK_END);
    long length = ftell(f);
    rewind(f);
    request = malloc((size_t)length + 1024);
    int head = sprintf(request,
        "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
        "Content-Length: %ld\r\n\r\n", path, key, length);
    if (fread(request + head, 1, (size_t)length, f) != (size_t)length) fail(file);
    fclose(f);
    request_bytes = (size_t)(head + length);
}

static Peer *dial(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = loopback(port);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) fail("connect");
    return watch(fd);
}

static void ask(Peer *p, uint64_t due) {
    p->busy = true;
    p->seen = false;
    p->body = 0;
    p->due = due;
    send_all(p, request, request_bytes);
}

// Reads what came; true when the reply is complete. Times in a stream's chunks are taken as samples.
static bool receive(Peer *p, bool timed) {
    for (;;) {
        ssize_t n = recv(p->fd, p->buffer + p->held, (size_t)(BUFFER - p->held), 0);
        if (n < 0 && errno == EAGAIN) return false;
        if (n <= 0) {
            bad++;
            p->busy = false;
            drop(p);
            return true;
        }
        uint64_t now = now_ns();
        p->held += (int)n;
        if (!p->seen) {
            int end = head_end(p, &p->body);
            if (end == 0) continue;
            p->seen = true;
            if (memcmp(p->buffer, "HTTP/1.1 200", 12) != 0) bad++;
            p->streams = p->body < 0;
            memmove(p->buffer, p->buffer + end, (size_t)(p->held - end));
            p->held -= end;
        }
        if (!p->streams) {
            p->body -= p->held;
            p->held = 0;
            if (p->body > 0) continue;
            p->busy = false;
            return true;
        }
        p->buffer[p->held] = 0;
        char *from = p->buffer, *mark;
        while (timed && (mark = strchr(from, '@')) && mark + 22 <= p->buffer + p->held) {
            record(now - strtoull(mark + 1, NULL, 10));
            from = mark + 22;
        }
        if (p->held >= 5 && memcmp(p->buffer + p->held - 5, "0\r\n\r\n", 5) == 0) {
            p->held = 0;
            p->busy = false;
            return true;
        }
        // A chunk cut in two waits for its rest.
        char *last = strrchr(from, '\n');
        int kept = last ? (int)(p->buffer + p->held - (last + 1)) : (int)(p->buffer + p->held - from);
        memmove(p->buffer, p->buffer + p->held - kept, (size_t)kept);
        p->held = kept;
        if (!timed) return false;
    }
}

// Sleeps until something is ready or the next request is due. It must not spin: the provider shares its core, and would
// wait for whole slices of the scheduler, which would count as the gateway's.
static int wait_ready(struct epoll_event *ready, uint64_t until) {
    uint64_t now = now_ns(), rest = until > now ? until - now : 0;
    struct timespec wait = {.tv_sec = (time_t)(rest / 1000000000), .tv_nsec = (long)(rest % 1000000000)};
    int count = epoll_pwait2(poller, ready, READY, &wait, NULL);
    return count < 0 ? 0 : count;
}

static void load(int port, int connections, double seconds, double rate) {
    prctl(PR_SET_TIMERSLACK, 1);
    Peer **idle = calloc((size_t)connections, sizeof *idle);
    int idle_count = 0;
    for (int i = 0; i < connections; i++) idle[idle_count++] = dial(port);
    uint64_t start = now_ns(), end = start + (uint64_t)(seconds * 1e9);
    uint64_t step = rate > 0 ? (uint64_t)(1e9 / rate) : 0, due = start;
    struct epoll_event ready[READY];
    for (;;) {
        uint64_t now = now_ns();
        // Nobody is left waiting: what was asked is answered, or given up for lost.
        if (now >= end && (idle_count == connections || now >= end + 5000000000)) break;
        while (now < end && idle_count > 0 && (step == 0 || due <= now)) {
            ask(idle[--idle_count], step ? due : now);
            due += step;
        }
        bool isPaced = step > 0 && now < end && idle_count > 0;
        int count = wait_ready(ready, isPaced ? due : now + 100000000);
        for (int i = 0; i < count; i++) {
            Peer *p = ready[i].data.ptr;
            int fd = p->fd;
            if (!receive(p, false)) continue;
            if (!peers[fd]) {
                idle[idle_count++] = dial(port);
                continue;
            }
            record(now_ns() - p->due);
            good++;
            idle[idle_count++] = p;
        }
    }
    report((double)(now_ns() - start) / 1e9);
}

static void read_streams(int port, int streams, bool holds) {
    uint64_t start = now_ns();
    for (int i = 0; i < streams; i++) ask(dial(port), now_ns());
    struct epoll_event ready[READY];
    int open = streams, begun = 0;
    while (open > 0 && !(holds && begun == streams)) {
        int count = epoll_wait(poller, ready, READY, 1000);
        for (int i = 0; i < count; i++) {
            Peer *p = ready[i].data.ptr;
            bool was = p->seen;
            int fd = p->fd;
            bool done = receive(p, !holds);
            if (peers[fd] && !was && p->seen) begun++;
            if (!done) continue;
            open--;
            if (peers[fd]) {
                good++;
                drop(p);
            }
        }
    }
    if (!holds) {
        report((double)(now_ns() - start) / 1e9);
        return;
    }
    printf("ready %d\n", begun);
    fflush(stdout);
    while (getchar() != EOF) {}
}

int main(int count, char **words) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poller = epoll_create1(0);
    samples = malloc(sizeof *samples * SAMPLES);
    const char *mode = count > 2 ? words[1] : "";
    int port = count > 2 ? atoi(words[2]) : 0;
    if (count == 5 && !strcmp(mode, "serve")) serve(port, strtoull(words[3], NULL, 10) * 1000, atoi(words[4]));
    if (count < 7) {
        fprintf(stderr, "usage: see the first lines of traffic.c\n");
        return 2;
    }
    make_request(words[3], words[4], words[5]);
    if (count == 9 && !strcmp(mode, "load")) load(port, atoi(words[6]), atof(words[7]), atof(words[8]));
    if (count == 7 && !strcmp(mode, "read")) read_streams(port, atoi(words[6]), false);
    if (count == 7 && !strcmp(mode, "hold")) read_streams(port, atoi(words[6]), true);
    return 0;
}
