// The whole line on real parts: the built programs, a real broker, sockets, pseudo-terminals, an HTTP receiver.
import Testing

/// One after the other: each test measures or kills programs that would disturb its neighbours on two cores.
@Suite("End to end", .serialized)
struct EndToEndTests {}
