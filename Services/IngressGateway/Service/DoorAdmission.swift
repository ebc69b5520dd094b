// Whether a request may come in: everything that is known from its head, in one order for all routes. The server asks before
// it reads a body, and the handler asks again, because only then it needs what was found out.

import Configuration
import HTTPGate
import IngressGatewayDomain
import Primitives
import Telemetry

/// A request that may come in.
struct Admission {
    let route: APIRoute
    let caller: APIKey
    let configuration: Configuration
    /// Present where one is required.
    let key: IdempotencyKey?
    let wait: WaitPreference?

    /// - Parameter configuration: nil before it was read.
    init(_ head: HTTPHead, _ configuration: Configuration?) throws(Problem) {
        guard let configuration else { throw .unavailable("not-ready", "the configuration is being read") }
        self.configuration = configuration
        caller = try Self.caller(head, configuration)
        route = try Self.route(head)
        guard caller.may(route) else {
            throw Problem(403, "forbidden", "a key of role \(caller.role.rawValue) may not do this")
        }
        if route.hasBody { try Self.checkBodyType(head) }
        key = try Self.idempotencyKey(head, route)
        wait = WaitPreference(fields: head.fields.all("Prefer"))
    }

    private static func caller(_ head: HTTPHead, _ configuration: Configuration) throws(Problem) -> APIKey {
        let (keys, secrets) = (head.fields.all("x-api-key"), head.fields.all("x-api-secret"))
        let caller = configuration.caller(key: keys.first ?? "", secret: secrets.first ?? "")
        guard let caller, keys.count == 1, secrets.count == 1 else {
            var problem = Problem(401, "unauthorized", "x-api-key and x-api-secret are due, each once")
            problem.headers = [("WWW-Authenticate", "ApiKey")]
            throw problem
        }
        return caller
    }

    private static func route(_ head: HTTPHead) throws(Problem) -> APIRoute {
        do throws(APIRoute.Failure) {
            return try APIRoute(method: head.method, path: head.path)
        } catch {
            switch error {
            case .notFound: throw Problem(404, "not-found", "no such path")
            case .methodNotAllowed(let allowed):
                var problem = Problem(405, "method-not-allowed", "\(allowed) is due")
                problem.headers = [("Allow", allowed)]
                throw problem
            }
        }
    }

    /// `application/json`, in UTF-8 and as it is.
    private static func checkBodyType(_ head: HTTPHead) throws(Problem) {
        let types = head.fields.all("Content-Type")
        guard types.count == 1, isJSON(types[0]) else {
            throw Problem(415, "unsupported-media-type", "Content-Type: application/json is due")
        }
        let codings = head.fields.all("Content-Encoding")
        guard codings.allSatisfy({ $0.lowercased() == "identity" }) else {
            throw Problem(415, "unsupported-media-type", "a body without Content-Encoding is due")
        }
    }

    private static func isJSON(_ type: String) -> Bool {
        let parts = type.lowercased().split(separator: ";", omittingEmptySubsequences: false).map { part in
            part.filter { $0 != " " && $0 != "\t" && $0 != "\"" }
        }
        return parts[0] == "application/json" && parts.dropFirst().allSatisfy { $0 == "charset=utf-8" || $0.isEmpty }
    }

    /// Required where an event or a request is accepted; opening a wallet is repeatable by itself, so a key there is only
    /// checked for its form.
    private static func idempotencyKey(_ head: HTTPHead, _ route: APIRoute) throws(Problem) -> IdempotencyKey? {
        guard route.hasBody else { return nil }
        let fields = head.fields.all("Idempotency-Key")
        if route == .openWallet, fields.isEmpty { return nil }
        do throws(IdempotencyKey.Failure) {
            return try IdempotencyKey(fields: fields)
        } catch {
            throw Problem(400, error.rawValue, error.detail)
        }
    }

    /// The source in whose name the caller's events and requests are accepted.
    func source() throws(Problem) -> Source {
        guard let name = caller.source else { throw Problem(403, "no-source", "this key belongs to no source") }
        guard let source = configuration.sources[name] else {
            throw Problem(403, "unknown-source", "the source of this key is not configured")
        }
        guard source.active else { throw Problem(403, "inactive-source", "the source of this key is switched off") }
        return source
    }
}
