// The listener's certificate and key, read once.
internal import NIOCore
internal import NIOSSL
package import Platform

/// Why TLS cannot be had: which file, and what is wrong with it.
package struct KafkaTLSError: Error, Hashable, CustomStringConvertible {
    package var file: String
    package var reason: String

    package var description: String { "\(file): \(reason)" }
}

/// What the listener shows its clients, and what it wants to be shown.
package struct KafkaTLS: Sendable {
    /// Clients need a certificate.
    package let verifiesClients: Bool
    /// What its files of certificates had in them.
    private let certificates: [[UInt8]]
    let context: NIOSSLContext

    /// Reads the files, all in PEM.
    ///
    /// - Parameters:
    ///   - certificateFile: the listener's certificate, and behind it those of the authorities up to one that clients know.
    ///   - keyFile: the private key of that certificate, not encrypted.
    ///   - clientCAFile: the authorities of which one must have issued a client's certificate; nil where clients need none.
    ///   - disk: where the files are.
    /// - Throws: `KafkaTLSError` for the first file that cannot be used.
    package init(
        certificateFile: String,
        keyFile: String,
        clientCAFile: String? = nil,
        disk: any Disk
    ) throws(KafkaTLSError) {
        let chain = try KafkaTLS.bytes(certificateFile, disk)
        let authorities = try clientCAFile.map { file throws(KafkaTLSError) in try KafkaTLS.bytes(file, disk) }
        let keyBytes = try KafkaTLS.bytes(keyFile, disk)
        guard let key = try? NIOSSLPrivateKey(bytes: keyBytes, format: .pem) else {
            throw KafkaTLSError(file: keyFile, reason: "holds no private key in PEM that is not encrypted")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try KafkaTLS.certificates(chain, certificateFile).map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = TimeAmount(Limits.tlsGoodbyeTimeout)
        if let clientCAFile, let authorities {
            configuration.trustRoots = .certificates(try KafkaTLS.certificates(authorities, clientCAFile))
            configuration.certificateVerification = .noHostnameVerification
            configuration.sendCANameList = true
        }
        verifiesClients = authorities != nil
        certificates = [chain] + (authorities.map { [$0] } ?? [])
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw KafkaTLSError(file: keyFile, reason: "is not the key of \(certificateFile), or TLS cannot use it")
        }
    }

    /// Whether clients see other certificates, or need others, than with `other`.
    package func differs(from other: KafkaTLS) -> Bool { certificates != other.certificates }

    private static func certificates(_ bytes: [UInt8], _ file: String) throws(KafkaTLSError) -> [NIOSSLCertificate] {
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
            throw KafkaTLSError(file: file, reason: "holds no certificates in PEM, or a damaged one")
        }
        return certificates
    }

    private static func bytes(_ file: String, _ disk: any Disk) throws(KafkaTLSError) -> [UInt8] {
        do {
            return try disk.wholeFile(file, bytesMax: Limits.certificateFileBytesMax)
        } catch {
            throw KafkaTLSError(file: file, reason: systemErrorText(error.errno))
        }
    }
}
