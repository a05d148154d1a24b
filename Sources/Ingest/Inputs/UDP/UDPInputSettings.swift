// What the configuration says about a UDP input.
package import Platform

/// One UDP socket as configured.
package struct UDPInputSettings: InputSettings {
    package static let typeName = "udp"

    /// A number, IPv4 or IPv6; `::` takes both families. Port 0 lets the kernel choose; the state says what it chose.
    package var listen: HostAndPort
    /// Bytes asked of the kernel. 32 MiB hold 0.4 s of 100,000 small datagrams a second, which is what a disk may stall;
    /// the kernel uses them only while they are needed.
    package var receiveBufferBytes = 32 * 1024 * 1024

    package init(listen: HostAndPort) {
        self.listen = listen
    }
}
