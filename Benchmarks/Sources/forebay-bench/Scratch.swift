// A directory of the run's own, free ports, and the C programs compiled into it.
import Foundation

/// Everything that the run writes is below one directory, which is removed with this object.
final class Scratch {
    let path: String
    private let sources: String
    private var compiled: [String: String] = [:]
    private var count = 0

    /// `sources` is the directory of the C programs.
    init(sources: String) throws {
        var template = Array("/tmp/forebay-bench.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw BenchError(description: "cannot create a directory in /tmp: \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.sources = sources
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// A name below the directory that was not given out before.
    func newPath(_ name: String) -> String {
        count += 1
        return "\(path)/\(count)-\(name)"
    }

    func newDirectory(_ name: String) throws -> String {
        let directory = newPath(name)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        return directory
    }

    /// The C program `name`, compiled at its first use.
    func program(_ name: String) throws -> String {
        if let path = compiled[name] { return path }
        let output = "\(path)/\(name)"
        let compiler = try Child(
            ["/usr/bin/env", "cc", "-std=c11", "-O3", "-o", output, "\(sources)/\(name).c"],
            output: newPath("cc.out")
        )
        guard try compiler.waitForExit(timeout: 120) == 0 else {
            throw BenchError(description: "cannot compile \(name).c: \(compiler.outputText)")
        }
        compiled[name] = output
        return output
    }

    /// A port that nobody listens on at this moment, as the kernel gives it out.
    static func freePort(datagrams: Bool = false) throws -> UInt16 {
        let type = datagrams ? SOCK_DGRAM : SOCK_STREAM
        let descriptor = socket(AF_INET, Int32(type.rawValue), 0)
        guard descriptor >= 0 else { throw BenchError(description: "cannot open a socket") }
        defer { close(descriptor) }
        var address = LoopbackAddress.ipv4(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else { throw BenchError(description: "cannot find a free port") }
        return UInt16(bigEndian: address.sin_port)
    }
}

/// Addresses on the loopback interface.
enum LoopbackAddress {
    static func ipv4(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    /// A stream socket that listens, and its port.
    static func listen() throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = ipv4(port: 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && Glibc.listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard descriptor >= 0, isBound else {
            throw BenchError(description: "cannot listen on 127.0.0.1: \(String(cString: strerror(errno)))")
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    /// A socket of `type` that is connected to `port`.
    static func connect(_ type: __socket_type, port: UInt16) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(type.rawValue), 0)
        var address = ipv4(port: port)
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard descriptor >= 0, connected else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw BenchError(description: "cannot connect to 127.0.0.1:\(port): \(reason)")
        }
        return descriptor
    }
}
