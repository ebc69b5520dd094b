// Certificates: a session is made with the host that was asked for, under an authority that is trusted, and
// with nobody else. Both ends are in memory.

import CTLS
import Foundation
import Testing

@testable import Webhooks

private struct NotMade: Error {}

@unsafe private func made(_ handle: OpaquePointer?) throws -> OpaquePointer {
    guard let handle = unsafe handle else { throw NotMade() }
    return unsafe handle
}

/// The other end: a server with a certificate of its own making for `receiver.example` and 192.0.2.7.
@safe private final class TestServer {
    let authorityFile: String
    private let context: OpaquePointer
    private let session: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer

    init() throws {
        let key = try unsafe Self.makeKey()
        let certificate = try unsafe Self.makeCertificate(key)
        authorityFile = try unsafe Self.write(certificate)
        unsafe context = try made(SSL_CTX_new(TLS_server_method()))
        #expect(
            unsafe SSL_CTX_use_certificate(context, certificate) == 1
                && SSL_CTX_use_PrivateKey(context, key) == 1)
        unsafe session = try made(SSL_new(context))
        unsafe incoming = try made(BIO_new(BIO_s_mem()))
        unsafe outgoing = try made(BIO_new(BIO_s_mem()))
        unsafe SSL_set_bio(session, incoming, outgoing)
        unsafe SSL_set_accept_state(session)
        unsafe X509_free(certificate)
        unsafe EVP_PKEY_free(key)
    }

    deinit {
        unsafe SSL_free(session)
        unsafe SSL_CTX_free(context)
    }

    private static func makeKey() throws -> OpaquePointer {
        let context = unsafe EVP_PKEY_CTX_new_from_name(nil, "ED25519", nil)
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        #expect(unsafe EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_generate(context, &key) == 1)
        return try unsafe made(key)
    }

    private static func makeCertificate(_ key: OpaquePointer) throws -> OpaquePointer {
        let certificate = try unsafe made(X509_new())
        unsafe X509_set_version(certificate, 2)
        unsafe ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1)
        unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), -3_600)
        unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), 3_600)
        unsafe X509_set_pubkey(certificate, key)
        let name = unsafe X509_get_subject_name(certificate)
        unsafe X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, Array("test".utf8), -1, -1, 0)
        unsafe X509_set_issuer_name(certificate, name)
        let names = "DNS:receiver.example,IP:192.0.2.7"
        let alternative = unsafe X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, names)
        #expect(unsafe X509_add_ext(certificate, alternative, -1) == 1)
        unsafe X509_EXTENSION_free(alternative)
        #expect(unsafe X509_sign(certificate, key, nil) > 0)
        return unsafe certificate
    }

    private static func write(_ certificate: OpaquePointer) throws -> String {
        let memory = unsafe BIO_new(BIO_s_mem())
        defer { unsafe BIO_free(memory) }
        #expect(unsafe PEM_write_bio_X509(memory, certificate) == 1)
        var bytes = [UInt8](repeating: 0, count: Int(unsafe BIO_ctrl_pending(memory)))
        let size = Int32(bytes.count)
        #expect(unsafe BIO_read(memory, &bytes, size) == size)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).pem")
        try Data(bytes).write(to: file)
        return file.path
    }

    /// Lets both ends talk until the client's is decided; what the client reads of a greeting, nil if it
    /// refused.
    func greeting(_ client: TLSSession) -> String? {
        for _ in 0..<10 {
            let step = client.handshake()
            if step == .failed { return nil }
            pass(client.drain())
            let isDone = unsafe SSL_do_handshake(session) == 1
            if step == .proceed, isDone {
                #expect(unsafe SSL_write(session, "hello", 5) == 5)
                guard client.take(drain()[...]), let plain = client.read() else { return nil }
                return String(decoding: plain, as: UTF8.self)
            }
            guard client.take(drain()[...]) else { return nil }
        }
        return nil
    }

    private func pass(_ bytes: [UInt8]) {
        if !bytes.isEmpty { _ = unsafe BIO_write(incoming, bytes, Int32(bytes.count)) }
    }

    private func drain() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(unsafe BIO_ctrl_pending(outgoing)))
        let size = Int32(bytes.count)
        if size > 0 { _ = unsafe BIO_read(outgoing, &bytes, size) }
        return bytes
    }
}

@Suite("TLS to a receiver") struct TLSSessionTests {
    @Test(arguments: [
        ("receiver.example", false, true), ("other.example", false, false), ("192.0.2.7", true, true),
        ("192.0.2.8", true, false),
    ])
    func `the certificate has to be the host's`(host: String, isAddress: Bool, isAccepted: Bool) throws {
        let server = try TestServer()
        let context = try TLSContext(authorities: server.authorityFile)
        let session = try #require(TLSSession(context, host: host, isAddress: isAddress))
        #expect(server.greeting(session) == (isAccepted ? "hello" : nil))
        try FileManager.default.removeItem(atPath: server.authorityFile)
    }

    @Test func `a certificate of an unknown authority is refused`() throws {
        let server = try TestServer()
        let session = try #require(TLSSession(try TLSContext(), host: "receiver.example", isAddress: false))
        #expect(server.greeting(session) == nil)
        try FileManager.default.removeItem(atPath: server.authorityFile)
    }
}
