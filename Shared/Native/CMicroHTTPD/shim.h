#ifndef POINTSTREAM_CMICROHTTPD_SHIM_H
#define POINTSTREAM_CMICROHTTPD_SHIM_H

#include <microhttpd.h>
#include <poll.h>
#include <sys/eventfd.h>

// Swift cannot call variadic functions. What MHD_start_daemon takes as a list of options is a struct here.
struct pointstream_mhd_settings {
    unsigned int flags;
    // To bind, unless a socket is given that listens already.
    const struct sockaddr *address;
    // -1 for none.
    int listening_socket;
    size_t connection_memory_bytes;
    unsigned int connections;
    unsigned int idle_seconds;
    void *context;
    MHD_AcceptPolicyCallback accept;
    void *(*target)(void *context, const char *target, struct MHD_Connection *connection);
    MHD_AccessHandlerCallback access;
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback connection;
};

static inline struct MHD_Daemon *pointstream_mhd_start(const struct pointstream_mhd_settings *settings) {
    const struct MHD_OptionItem listening[] = {
        {settings->listening_socket >= 0 ? MHD_OPTION_LISTEN_SOCKET : MHD_OPTION_END, settings->listening_socket, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(
        settings->flags, 0, settings->accept, settings->context, settings->access, settings->context,
        MHD_OPTION_SOCK_ADDR, settings->address,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, settings->connection_memory_bytes,
        MHD_OPTION_CONNECTION_LIMIT, settings->connections,
        MHD_OPTION_CONNECTION_TIMEOUT, settings->idle_seconds,
        MHD_OPTION_URI_LOG_CALLBACK, settings->target, settings->context,
        MHD_OPTION_NOTIFY_COMPLETED, settings->completed, settings->context,
        MHD_OPTION_NOTIFY_CONNECTION, settings->connection, settings->context,
        MHD_OPTION_ARRAY, listening,
        MHD_OPTION_END);
}

static inline uint16_t pointstream_mhd_bound_port(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *found = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    return found ? found->port : 0;
}

static inline int pointstream_mhd_listening_socket(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *found = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_LISTEN_FD);
    return found ? found->listen_fd : -1;
}

// Readable when one of the daemon's sockets is ready.
static inline int pointstream_mhd_events(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *found = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return found ? found->epoll_fd : -1;
}

static inline int pointstream_mhd_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *found =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return found ? found->connect_fd : -1;
}

static inline void *pointstream_mhd_socket_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *found =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return found ? found->socket_context : NULL;
}

static inline size_t pointstream_mhd_header_bytes(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *found =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return found ? found->header_size : 0;
}

#endif
