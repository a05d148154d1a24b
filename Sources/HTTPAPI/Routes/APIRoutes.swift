// Which path does what, on which listener.
internal import Hummingbird
internal import Logging
internal import Platform

/// Where a request came in, and so what it may do.
enum APISurface {
    /// TCP: everybody who reaches the port. Reads only; nothing that costs the box much.
    case network
    /// The control socket: those whom the file's mode lets in.
    case control
}

/// The handlers of one listener. A value; its providers are shared.
struct APIRoutes: Sendable {
    typealias Context = BasicRequestContext
    typealias Router = Hummingbird.Router<Context>

    let surface: APISurface
    let providers: APIProviders
    let clock: any Platform.Clock
    let logger: Logger

    func makeRouter() -> Router {
        let router = Router(context: Context.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: FailureMiddleware(logger: logger))
        if surface == .network { router.add(middleware: ReadOnlyMiddleware()) }
        addHealth(to: router)
        addDevices(to: router)
        addLog(to: router)
        addGroups(to: router)
        addAlerts(to: router)
        if surface == .control { addActions(to: router) }
        return router
    }

    private func addHealth(to router: Router) {
        router.get("/healthz") { _, _ in
            Response.text("ok\n", contentType: "text/plain; charset=utf-8")
        }
        router.get("/readyz") { [providers] _, _ in
            let readiness = await providers.status.readiness()
            return try Response.json(readiness, status: readiness.ready ? .ok : .serviceUnavailable)
        }
        router.get("/metrics") { [providers] _, _ in
            Response.text(await providers.metrics.metrics().prometheusText, contentType: PrometheusText.contentType)
        }
        router.get("/metrics/readings") { [providers, clock] _, _ in
            let text = ReadingGauges.prometheusText(await providers.metrics.latestReadings(), now: clock.now())
            return Response.text(text, contentType: PrometheusText.contentType)
        }
        router.get("/api/v1/status") { [providers] _, _ in
            try Response.json(try await providers.status.status())
        }
    }

    /// What changes something, or serves who may read the files; only ever added to the control socket.
    private func addActions(to router: Router) {
        router.post("/api/v1/reload") { [providers] _, _ in
            let outcome = try await providers.actions.reload()
            return try Response.json(outcome, status: outcome.applied ? .ok : .conflict)
        }
        router.post("/api/v1/hooks/{name}/test") { [providers] request, context in
            try Response.json(try await providers.actions.testHook(context.pathPart("name")))
        }
        router.get("/api/v1/hooks/{name}/dead-letters") { [providers] _, context in
            try Response.json(try await providers.actions.deadLetters(context.pathPart("name")))
        }
        router.post("/api/v1/hooks/{name}/dead-letters/resend") { [providers] _, context in
            try Response.json(try await providers.actions.resendDeadLetters(context.pathPart("name")))
        }
        router.get("/api/v1/backup") { [providers] _, _ in
            try Response.json(try await providers.actions.backup())
        }
    }
}

/// Turns what was thrown into `{"error":"…","hint":"…"}` and its status code.
struct FailureMiddleware: RouterMiddleware {
    typealias Context = APIRoutes.Context

    let logger: Logger

    func handle(
        _ request: Request,
        context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let failure as APIFailure {
            return try Response.failure(failure)
        } catch let error as HTTPError where error.status == .notFound {
            let failure = APIFailure(
                .notFound,
                "there is nothing at \(request.method.rawValue) \(request.uri.path)",
                hint: "docs/http-api.md lists what there is"
            )
            return try Response.failure(failure)
        } catch let error as HTTPError {
            let document = ErrorDocument(error: error.body ?? error.status.reasonPhrase)
            return try Response.json(document, status: error.status)
        } catch let error as CancellationError {
            throw error
        } catch {
            logger.error("request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            return try Response.failure(APIFailure(.failed, "\(error)", hint: "the daemon's log says more"))
        }
    }
}

/// Refuses whatever is not a read: HTTP changes nothing without a token, and there are no tokens yet.
struct ReadOnlyMiddleware: RouterMiddleware {
    typealias Context = APIRoutes.Context

    func handle(
        _ request: Request,
        context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard request.method == .get || request.method == .head else {
            throw APIFailure(
                .forbidden,
                "this listener only answers questions; it changes nothing",
                hint: "use the forebay command on the box, which speaks to the control socket"
            )
        }
        return try await next(request, context)
    }
}
