// SaslAuthenticate: the messages of a login.
internal import KafkaProtocol
internal import NIOCore
internal import Platform

extension SASLAuthenticateRequest: ServedRequest {
    func start(_ call: Call) {
        // Nobody is asked to log in here, or has done so: a second login on a connection is not served.
        guard var login = call.connection.login else { return call.answer(Self.outOfTurn) }
        let step = login.take(authBytes)
        call.connection.login = login
        switch step {
        case .challenge(let text):
            call.answer(SASLAuthenticateResponse(authBytes: ByteBuffer(string: text)))
        case .success(let user, let message):
            Self.succeed(call, user, message)
        case .check(let user, let password, let credential):
            Self.check(call, user, password, credential)
        case .failure:
            Self.fail(call)
        case .outOfTurn:
            call.answerLast(Self.outOfTurn, .unauthenticated)
        }
    }

    private static let outOfTurn = SASLAuthenticateResponse(
        errorCode: .illegalSASLState,
        errorMessage: "SaslAuthenticate is not due",
        authBytes: ByteBuffer()
    )

    /// Whatever is wrong, a client learns no more than this.
    private static let failed = SASLAuthenticateResponse(
        errorCode: .saslAuthenticationFailed,
        errorMessage: "authentication failed",
        authBytes: ByteBuffer()
    )

    private static func succeed(_ call: Call, _ user: String, _ message: String) {
        call.connection.letIn(user)
        call.answer(SASLAuthenticateResponse(authBytes: ByteBuffer(string: message)))
    }

    /// Hashes the password on the worker, in its turn: not more than a few connections at once keep the workers busy with it.
    private static func check(_ call: Call, _ user: String, _ password: String, _ credential: SCRAMCredential) {
        let checks = call.broker.passwordChecks
        guard checks.take(1) else {
            call.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(Limits.passwordCheckPause)) {
                if call.connection.isOpen { check(call, user, password, credential) }
            }
            return
        }
        let call = NIOLoopBound(call, eventLoop: call.eventLoop)
        call.value.connection.worker.run {
            let isRight = credential.accepts(password: password)
            checks.give(1)
            call.eventLoop.execute { isRight ? succeed(call.value, user, "") : fail(call.value) }
        }
    }

    /// Answers after a while, which no thread waits for, and ends the connection: guessing takes its time.
    private static func fail(_ call: Call) {
        let failures = call.broker.delayedFailures
        guard failures.take(1) else { return call.reply(.close(.loginFailed)) }
        call.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(Limits.loginFailureDelay)) {
            failures.give(1)
            call.answerLast(failed, .loginFailed)
        }
    }
}
