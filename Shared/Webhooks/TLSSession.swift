// TLS between bytes and bytes (libssl with memory BIOs): Connection moves what comes out over its socket. The
// host's name is checked against the certificate, and the certificate against the system's authorities. Never
// falls back to no TLS.

import CTLS

/// What all sessions have in common. Made once.
@safe final class TLSContext {
    fileprivate let handle: OpaquePointer

    /// - Parameter authorities: a PEM file to trust instead of the system's.
    init(authorities: String? = nil) throws(WebhookClientFailure) {
        guard let made = unsafe SSL_CTX_new(TLS_client_method()) else {
            throw WebhookClientFailure(operation: "SSL_CTX_new", code: 0)
        }
        unsafe handle = made
        unsafe SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nil)
        let oldest = unsafe SSL_CTX_ctrl(made, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
        let trusted =
            if let authorities {
                unsafe SSL_CTX_load_verify_locations(made, authorities, nil)
            } else {
                unsafe SSL_CTX_set_default_verify_paths(made)
            }
        guard oldest == 1, trusted == 1 else {
            throw WebhookClientFailure(operation: "read certificate authorities", code: 0)
        }
    }

    deinit { unsafe SSL_CTX_free(handle) }
}

/// One connection's session, on the client's side.
@safe final class TLSSession {
    enum Step { case proceed, needsMore, failed }

    /// A TLS record's payload at most.
    private static let recordBytes = 16_384

    private let handle: OpaquePointer
    /// Owned by the session.
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer

    init?(_ context: TLSContext, host: String, isAddress: Bool) {
        guard let made = unsafe SSL_new(context.handle) else { return nil }
        guard let input = unsafe BIO_new(BIO_s_mem()), let output = unsafe BIO_new(BIO_s_mem()) else {
            unsafe SSL_free(made)
            return nil
        }
        unsafe SSL_set_bio(made, input, output)
        unsafe (handle, incoming, outgoing) = unsafe (made, input, output)
        unsafe SSL_set_connect_state(made)
        if isAddress {
            guard unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(made), host) == 1 else { return nil }
        } else {
            var name = Array(host.utf8CString)
            let isNamed = unsafe name.withUnsafeMutableBytes { bytes in
                unsafe SSL_ctrl(
                    made, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), bytes.baseAddress)
            }
            guard isNamed == 1, unsafe SSL_set1_host(made, host) == 1 else { return nil }
        }
    }

    deinit { unsafe SSL_free(handle) }

    /// Goes on with the handshake; `proceed` when it is complete.
    func handshake() -> Step {
        step(unsafe SSL_do_handshake(handle))
    }

    /// Takes bytes from the socket.
    func take(_ bytes: ArraySlice<UInt8>) -> Bool {
        let count = unsafe bytes.withUnsafeBytes { buffer in
            unsafe BIO_write(incoming, buffer.baseAddress, Int32(buffer.count))
        }
        return count == bytes.count
    }

    /// Bytes for the socket.
    func drain() -> [UInt8] {
        let waiting = Int(unsafe BIO_ctrl_pending(outgoing))
        guard waiting > 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: waiting) { buffer, count in
            count = max(0, Int(unsafe BIO_read(outgoing, buffer.baseAddress, Int32(waiting))))
        }
    }

    /// Encrypts; false if the session is broken.
    func write(_ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe SSL_write(handle, buffer.baseAddress, Int32(buffer.count)) == Int32(buffer.count)
        }
    }

    /// Decrypts what has arrived: nil if the session is broken or at its end.
    func read() -> [UInt8]? {
        var plain: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: Self.recordBytes)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe SSL_read(handle, buffer.baseAddress, Int32(buffer.count))
            }
            if count <= 0 { return step(count) == .failed && plain.isEmpty ? nil : plain }
            plain.append(contentsOf: chunk.prefix(Int(count)))
        }
    }

    private func step(_ code: Int32) -> Step {
        if code > 0 { return .proceed }
        let error = unsafe SSL_get_error(handle, code)
        // What one connection leaves in the thread's queue of errors would be taken for another's.
        ERR_clear_error()
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? .needsMore : .failed
    }
}
